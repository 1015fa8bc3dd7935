package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A value cut into parts along `axis`.
package struct Split: Operator {
    package static let type = OperatorType("Split")
    package static let maximumInputCount = 2
    package static let maximumOutputCount = Int.max

    package var axis: Int
    /// The parts' extents as an attribute, before operator set 13; from there on they are input 1.
    package var sizes: [Int]?
    /// The number of equal parts (the last may be smaller), where no sizes are given; from operator set 18.
    package var partCount: Int?
    /// The node's number of outputs, where only that says into how many parts; nil: not read from a file.
    private var outputCount: Int?
    /// Whether nothing but the number of outputs says into how many parts, as before operator set 18.
    private var countsOutputs = false

    /// - Parameter outputCount: the number of parts, where input 1 has their extents and nobody knows them yet.
    package init(axis: Int = 0, sizes: [Int]? = nil, partCount: Int? = nil, outputCount: Int? = nil) {
        self.axis = axis
        self.sizes = sizes
        self.partCount = partCount
        self.outputCount = outputCount
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            axis: try attributes.int("axis", default: 0), sizes: try attributes.ints("split"),
            partCount: try attributes.int("num_outputs"))
        outputCount = attributes.outputCount
        countsOutputs = sizes == nil && partCount == nil && attributes.inputCount == 1
    }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        node.outputs.count == 1 && graph.reshaping(of: node) == .unchanged ? .unchanged : nil
    }

    /// More parts than any model has.
    private static let partLimit = 1 << 16

    package var attributes: Attributes {
        var attributes: Attributes = ["axis": .int(axis)]
        if let sizes { attributes["split"] = .ints(sizes) }
        if let partCount { attributes["num_outputs"] = .int(partCount) }
        return attributes
    }

    package var maximumVersion: Int { countsOutputs ? 17 : sizes == nil ? .max : 12 }
    package var minimumVersion: Int { partCount != nil ? 18 : sizes == nil && !countsOutputs ? 13 : 2 }
    package var quantization: QuantizationRule { .keepsScale }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.edit(
            replacing: node, with: Split(axis: axis, partCount: countsOutputs ? outputCount : nil),
            inputs: [("split", sizes.map { Tensor($0.map { Int64($0) }) })])
    }

    private func extents(of inputs: [ValueInfo?], total: Extent) throws -> [Extent] {
        if let sizes = sizes ?? inputs.integers(1) {
            guard sizes.allSatisfy({ $0 >= 0 }), total.value.map({ sizes.reduce(0, +|) == $0 }) ?? true else {
                throw WinnowError(.shape, "split", "\(sizes) does not add up to \(total)")
            }
            return sizes.map { .fixed($0) }
        }
        if inputs.optional(1) != nil, let outputCount { return [Extent](repeating: .unknown, count: outputCount) }
        guard let partCount = partCount ?? outputCount, (1...Self.partLimit).contains(partCount) else {
            throw WinnowError(
                .unsupported, "split", "the parts' sizes are not given, or they are too many", remedy: "export the model with explicit sizes")
        }
        guard outputCount ?? partCount == partCount else {
            throw WinnowError(.model, "num_outputs", "is \(partCount), but the node has \(outputCount ?? 0) outputs")
        }
        guard let total = total.value else { return [Extent](repeating: .unknown, count: partCount) }
        let size = (total + partCount - 1) / partCount
        return (0..<partCount).map { .fixed(max(0, min(size, total - $0 * size))) }
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else {
            let count = sizes?.count ?? inputs.integers(1)?.count ?? partCount ?? outputCount ?? 0
            return (0..<count).map { _ in ValueInfo(data.elementType, nil) }
        }
        let axis = try self.axis.normalizedAxis(rank: extents.count)
        var position = 0
        return try self.extents(of: inputs, total: extents[axis]).map { extent in
            var part = extents
            part[axis] = extent
            var info = ValueInfo(data.elementType, part)
            if let count = extent.value, let elements = data.elementExtents, position + count <= elements.count {
                info = ValueInfo(elements: Array(elements[position..<(position + count)]), rank: 1)
                position += count
            }
            return info.elementType == data.elementType ? info : ValueInfo(data.elementType, part)
        }
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let axis = try self.axis.normalizedAxis(rank: data.shape.rank)
        let order = data.layout.permutation(rank: data.shape.rank)
        let infos = request.inputs.map { $0.map(ValueInfo.init(operand:)) }
        var start = 0
        let copies = try extents(of: infos, total: .fixed(data.shape[axis])).map { extent in
            let size = extent.value ?? 0
            defer { start += size }
            return try StridedCopy.slice(
                data.shape.permuted(order), starts: order.map { $0 == axis ? start : 0 }, steps: order.map { _ in 1 },
                extents: order.map { $0 == axis ? size : data.shape[$0] }, data.elementType)
        }
        return Kernel { operands in
            for (part, copy) in copies.enumerated() {
                if let target = operands.optionalOutput(part) { copy.run(from: operands.input(0), to: target) }
            }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let infos = try? outputs(for: inputs), let rank = inputs.optional(0)?.rank,
            let axis = try? axis.normalizedAxis(rank: rank)
        else { return .opaque }
        guard rank + infos.count <= Self.letters.count else { return .opaque }
        let known = infos.compactMap { $0.extents?[axis].value }
        let isGiven = sizes != nil || inputs.optional(1) != nil || known.count == infos.count
        // Parts whose sizes nobody knows are and stay equal.
        let parts = infos.indices.map { Self.letters[rank + (isGiven ? $0 : 0)] }
        let isEqual = Set(infos.map { $0.extents?[axis] ?? .unknown }).count == 1
        func terms(_ own: AxisTerm) -> [AxisTerm] { (0..<rank).map { $0 == axis ? own : .label(Self.letters[$0]) } }
        var map = AxisMap(
            inputs: [terms(isGiven || isEqual ? .concatenation(parts.map { .label($0) }) : .opaque)] + inputs.dropFirst().map { _ in [.opaque] },
            outputs: parts.map { terms(isGiven || isEqual ? .label($0) : .opaque) })
        if let sizes = sizes ?? (inputs.optional(1) == nil && isGiven ? known : nil) {
            map.extents = Dictionary(zip(parts, sizes)) { first, _ in first }
        }
        if inputs.optional(1) != nil { map.inputCounts[1] = parts.map { .label($0) } }
        return map
    }

    private static let letters = AxisMap.letters

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        guard inputs.optional(1) == nil, let info = inputs.optional(0), let rank = info.rank, let infos = try? outputs(for: inputs),
            let axis = try? axis.normalizedAxis(rank: rank)
        else { return nil }
        let parts = infos.indices.compactMap { extents[Self.letters[rank + $0]] ?? infos[$0].extents?[axis].value }
        guard parts.count == infos.count else { return nil }
        let count = parts.reduce(0, +)
        let size = (count + parts.count - 1) / max(1, parts.count)
        // Where the rule that gives sizes still gives these, it stays.
        if sizes == nil, parts.indices.allSatisfy({ parts[$0] == max(0, min(size, count - $0 * size)) }) { return self }
        return Split(axis: self.axis, sizes: parts)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let parts = try context.node.outputs.indices.map { index -> ValueName in
            if let gradient = context.outputGradients[index] { return gradient }
            let shape = try context.builder.add(ShapeOf(), context.output(index))
            return try context.builder.add(ConstantOfShape(Tensor([Float(0)])), shape)
        }
        return [try context.builder.add(Concat(axis: axis), inputs: parts)[0]]
            + context.node.inputs.dropFirst().map { _ in nil }
    }
}
