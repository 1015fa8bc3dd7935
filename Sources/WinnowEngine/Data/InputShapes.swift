package import WinnowGraph
package import WinnowTensor

/// Shapes of a model's inputs where it leaves extents open: from data or from the user. Only the batch is ever assumed.
package struct InputShapes: Sendable {
    /// By input; a nil extent is the batch.
    private let given: [ValueName: [Int?]]

    /// Shapes as the user gives them.
    package init(_ given: [ValueName: Shape] = [:]) { self.given = given.mapValues { $0.map { $0 } } }

    /// The shapes of a sample of `data`, for any batch.
    package init(of data: Dataset) {
        given = Dictionary(
            data.features.map { feature in
                var extents: [Int?] = feature.sampleShape(at: 0).map { $0 }
                if feature.countsSamples { extents.insert(nil, at: min(feature.sampleAxis, extents.count)) }
                return (feature.name, extents)
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The shapes of texts such as `image=1x3x224x224`, by input; with a graph, they must fit it.
    package init(parsing texts: [String], for graph: Graph? = nil) throws {
        self.init(Dictionary(try Self.shapes(parsing: texts).map { ($0.0, $0.shape) }, uniquingKeysWith: { $1 }))
        if let graph { try check(graph) }
    }

    /// The shapes of texts such as `image=1x3x224x224` in their order.
    package static func shapes(parsing texts: [String]) throws -> [(ValueName, shape: Shape)] {
        try texts.map { text in
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            let extents = parts.last.map { $0.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 } } ?? []
            let name = parts.dropLast().joined(separator: "=")
            guard !name.isEmpty, extents.allSatisfy({ (1...(1 << 40)).contains($0) }) else {
                throw WinnowError(
                    .usage, "--shape", "\(text) is no input with its shape", remedy: "write for example image=1x3x224x224")
            }
            return (name, Shape(extents))
        }
    }

    package var isEmpty: Bool { given.isEmpty }

    /// These, and for inputs they do not name `others`.
    package func filled(from others: InputShapes?) -> InputShapes {
        InputShapes(merged: given.merging(others?.given ?? [:]) { own, _ in own })
    }

    private init(merged given: [ValueName: [Int?]]) { self.given = given }

    /// The shape of every input that must be supplied. Throws `.usage` naming an input whose extents nobody tells, or a
    /// given shape that does not fit.
    package func completed(for graph: Graph, batchSize: Int) throws -> [ValueName: Shape] {
        try check(graph)
        let axes = SampleAxes(of: graph)
        let symbols = knownSymbols(of: graph, axes, batchSize: batchSize)
        var shapes: [ValueName: Shape] = [:]
        for input in graph.inputs where input.type.isTensor && (given[input.name] != nil || input.defaultValue == nil) {
            if let own = given[input.name] {
                shapes[input.name] = Shape(own.enumerated().map { $1 ?? input.type.extents?[$0].value ?? batchSize })
                continue
            }
            let batchAxis = axes.axis(ofInput: input.name)
            guard let extents = input.type.extents else {
                throw WinnowError(.usage, "input \(input.name)", "has no known rank", remedy: "give --shape \(input.name)=…, or data")
            }
            let values = extents.enumerated().map { axis, extent in
                extent.value ?? symbols[extent] ?? (axis == batchAxis ? batchSize : nil)
            }
            guard let shape = Self.shape(values) else { throw Self.missing(input, extents, values, batchAxis) }
            shapes[input.name] = shape
        }
        return shapes
    }

    /// The same, or nil where extents are missing.
    package func known(for graph: Graph, batchSize: Int = 1) -> [ValueName: Shape]? {
        try? completed(for: graph, batchSize: batchSize)
    }

    /// What to give so that every extent is known: `--shape x=1x3xHxW`; nil if nothing is missing.
    package func request(for graph: Graph) -> String? {
        do { _ = try completed(for: graph, batchSize: 1) } catch { return (error as? WinnowError)?.remedy }
        return nil
    }

    private static func shape(_ values: [Int?]) -> Shape? {
        let known = values.compactMap { $0 }
        return known.count == values.count ? Shape(known) : nil
    }

    private static func missing(_ input: GraphInput, _ extents: [Extent], _ values: [Int?], _ batchAxis: Int?) -> WinnowError {
        let words = zip(extents, values).enumerated().map { axis, pair in
            axis == batchAxis && pair.0.value == nil ? "1" : pair.1.map { "\($0)" } ?? name(of: pair.0, axis: axis)
        }
        let open = extents.indices.filter { values[$0] == nil }.map { name(of: extents[$0], axis: $0) }
        return WinnowError(
            .usage, "input \(input.name)", "leaves \(open.joined(separator: " and ")) open",
            remedy: "give --shape \(input.name)=\(words.joined(separator: "x")) with numbers, or data")
    }

    private static func name(of extent: Extent, axis: Int) -> String {
        if case .symbol(let name) = extent, !name.isEmpty { name } else { "axis\(axis)" }
    }

    /// Symbols that given shapes tell, and those that name the batch.
    private func knownSymbols(of graph: Graph, _ axes: SampleAxes, batchSize: Int) -> [Extent: Int] {
        var symbols: [Extent: Int] = [:]
        for input in graph.inputs {
            for (extent, value) in zip(input.type.extents ?? [], given[input.name] ?? []) {
                if case .symbol = extent, symbols[extent] == nil { symbols[extent] = value ?? batchSize }
            }
        }
        for input in graph.inputs {
            guard let extents = input.type.extents, let axis = axes.axis(ofInput: input.name) else { continue }
            let extent = extents[axis]
            // A name that an exporter gives to every open extent (`?`, `None`) says nothing of the others.
            guard graph.inputs.allSatisfy({ ($0.type.extents ?? []).count { $0 == extent } <= 1 }) else { continue }
            if case .symbol = extent, symbols[extent] == nil { symbols[extent] = batchSize }
        }
        return symbols
    }

    /// Throws `.usage` if one is for no input of `graph`, or does not fit it.
    package func check(_ graph: Graph) throws {
        for (name, shape) in given.sorted(by: { $0.key < $1.key }) {
            guard let input = graph.inputs.first(where: { $0.name == name }) else {
                throw WinnowError(
                    .usage, "input \(name)", "the model has no such input",
                    remedy: "its inputs are \(graph.inputNames.joined(separator: ", "))")
            }
            guard let declared = input.type.extents else { continue }
            guard declared.count == shape.count, zip(declared, shape).allSatisfy({ $0.value == nil || $1 == nil || $0.value == $1 }) else {
                let expected = declared.map { $0.value.map(String.init) ?? "?" }.joined(separator: "×")
                let own = shape.map { $0.map(String.init) ?? "?" }.joined(separator: "×")
                throw WinnowError(
                    .usage, "input \(name)", "\(own) does not fit the model's \(expected)", remedy: "only ? may be chosen")
            }
        }
    }
}
