package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A part of a value: `starts`, `ends`, `axes` and `steps`, as attributes before operator set 10, then as inputs.
package struct Slice: Operator {
    package static let type = OperatorType("Slice")
    package static let maximumInputCount = 5

    /// The attributes of versions below 10.
    package var starts: [Int]?
    package var ends: [Int]?
    package var axes: [Int]?

    package init() {}

    package init(starts: [Int], ends: [Int], axes: [Int]? = nil) {
        self.starts = starts
        self.ends = ends
        self.axes = axes
    }

    package init(attributes: Attributes, version: Int) throws {
        starts = try attributes.ints("starts", areSizes: false)
        ends = try attributes.ints("ends", areSizes: false)
        axes = try attributes.ints("axes")
    }

    package var attributes: Attributes {
        var attributes: Attributes = [:]
        if let starts { attributes["starts"] = .ints(starts) }
        if let ends { attributes["ends"] = .ints(ends) }
        if let axes { attributes["axes"] = .ints(axes) }
        return attributes
    }

    package var minimumVersion: Int { starts == nil ? 10 : 1 }
    package var maximumVersion: Int { starts == nil ? .max : 9 }
    package var quantization: QuantizationRule { .keepsScale }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        func list(_ values: [Int]?) -> Tensor? { values.map { Tensor($0.map { Int64($0) }) } }
        return graph.edit(
            replacing: node, with: Slice(), inputs: [("starts", list(starts)), ("ends", list(ends)), ("axes", list(axes))])
    }

    private func arguments(_ inputs: [ValueInfo?], rank: Int) throws -> SliceArguments? {
        if starts != nil { return try SliceArguments(starts: starts, ends: ends, axes: axes, steps: nil, rank: rank) }
        func numbers(_ index: Int) -> [Int?]? { inputs.optional(index)?.countedExtents?.map { $0.value?.cutToPlaces } }
        if inputs.optional(3) != nil && inputs.integers(3) == nil || inputs.optional(4) != nil && numbers(4) == nil { return nil }
        return try SliceArguments(starts: numbers(1), ends: numbers(2), axes: inputs.integers(3), steps: numbers(4), rank: rank)
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        guard let arguments = try arguments(inputs, rank: extents.count) else {
            return [ValueInfo(data.elementType, extents.map { _ in .unknown })]
        }
        var info = ValueInfo(data.elementType, try arguments.extents(extents))
        if let elements = data.symbolicElements, let bounds = try arguments.bounds([elements.count])?.first {
            info.symbolicElements = (0..<bounds.count).map { elements[bounds.start + $0 * bounds.step] }
        }
        return try evaluatingConstants([info], of: inputs)
    }

    /// A part that is the whole.
    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        let inputs = node.inputs.map { graph.info(of: $0) }
        guard let extents = inputs.optional(0)?.extents, let arguments = try? arguments(inputs, rank: extents.count),
            arguments.steps.allSatisfy({ $0 ?? 0 > 0 }), !extents.contains(.unknown), (try? arguments.extents(extents)) == extents
        else { return nil }
        return .unchanged
    }

    /// Of probabilities along another axis than those that are cut.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        guard passing(of: node, in: graph) == nil, let own = graph.probabilities(of: node.input(0)),
            let rank = graph.info(of: node.input(0))?.rank, let arguments = try? arguments(node.inputs.map { graph.info(of: $0) }, rank: rank),
            arguments.axes.allSatisfy({ !own.axes.contains($0) })
        else { return nil }
        return Probabilities(nil, along: own.axes, areLogarithms: own.areLogarithms)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let arguments = try arguments(request.inputs.map { $0.map(ValueInfo.init(operand:)) }, rank: data.shape.rank)
        guard let bounds = try arguments?.bounds(data.shape) else {
            throw WinnowError(.unsupported, request.nodeName, "its bounds depend on data")
        }
        let order = data.layout.permutation(rank: data.shape.rank)
        let copy = try StridedCopy.slice(data.shape.permuted(order), order.map { bounds[$0] }, data.elementType)
        return Kernel { copy.run(from: $0.input(0), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let extents = inputs.optional(0)?.extents, let arguments = try? arguments(inputs, rank: extents.count),
            let result = try? arguments.extents(extents)
        else { return .opaque }
        var letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".makeIterator()
        var map = AxisMap(inputs: [[]] + inputs.dropFirst().map { _ in [.opaque] }, outputs: [[]])
        if starts == nil, arguments.isKnown {
            map.inputCounts = [1: arguments.starts.map { _ in .opaque }, 2: arguments.starts.map { _ in .opaque }]
        }
        for axis in extents.indices {
            let index = arguments.axes.firstIndex(of: axis)
            let isWhole = extents[axis] == result[axis] && extents[axis] != .unknown
            if index.map({ isWhole && arguments.steps[$0] ?? 0 > 0 }) ?? true {
                let label = letters.next().map { AxisTerm.label($0) } ?? .opaque
                map.inputs[0].append(label)
                map.outputs[0].append(label)
            } else {
                let (whole, part) = index.flatMap { parts(arguments, $0, extents[axis], &letters, &map) } ?? (.opaque, .opaque)
                map.inputs[0].append(whole)
                map.outputs[0].append(part)
                map.unread.formUnion(Set(whole.labels).subtracting(part.labels))
                if whole == .opaque, arguments.axes.count == 1, let bounds = try? extents[axis].value.flatMap({ try arguments.bounds(0, extent: $0) }) {
                    let chosen = (0..<bounds.count).map { bounds.start + $0 * bounds.step }
                    map.selection = AxisMap.chosen(chosen, along: axis, of: inputs[0]).map { AxisMap.Selection(from: axis, to: axis, $0) }
                }
            }
        }
        return map
    }

    /// The starts and ends that count axes are inputs.
    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? { self }

    /// `[a+b+c]` and `b` of an axis from which neighbours are taken, `(as)` and `a` of one of which every s-th index is, with what the
    /// start and the end count.
    private func parts(
        _ arguments: SliceArguments, _ index: Int, _ extent: Extent, _ letters: inout String.Iterator, _ map: inout AxisMap
    ) -> (whole: AxisTerm, part: AxisTerm)? {
        guard let extent = extent.value, starts == nil, arguments.isKnown, let step = arguments.steps[index],
            let start = arguments.starts[index], let end = arguments.ends[index], start >= 0, end > start, start < extent,
            let before = letters.next(), let taken = letters.next(), let behind = letters.next()
        else { return nil }
        guard step == 1 else {
            guard step > 1, start < step, extent % step == 0, end >= extent else { return nil }
            let whole = AxisTerm.product([.label(taken), .label(behind)])
            map.pinned.insert(behind)
            if end == extent { map.inputCounts[2]?[index] = whole }
            return (whole, .label(taken))
        }
        if start > 0 {
            map.extents[before] = start
            map.inputCounts[1]?[index] = .label(before)
        }
        if end <= extent { map.inputCounts[2]?[index] = start > 0 ? .concatenation([.label(before), .label(taken)]) : .label(taken) }
        return (.concatenation(((start > 0 ? [before] : []) + [taken] + (end < extent ? [behind] : [])).map { .label($0) }), .label(taken))
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.add(ShapeOf(), context.input(0))
        let extra = context.node.inputs.dropFirst().map { $0.isEmpty ? nil : $0 }
        let op = SliceGradient(starts: starts, ends: ends, axes: axes)
        return [try context.builder.add(op, inputs: [try context.outputGradient(), shape] + extra)[0]] + extra.map { _ in nil }
    }
}

extension ValueInfo {
    /// What a plan knows of an operand.
    init(operand: OperandPlan) {
        self.init(ValueType(operand.elementType, operand.shape), constant: operand.constant)
    }
}
