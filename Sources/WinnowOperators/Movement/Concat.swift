package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Values one after the other along `axis`.
package struct Concat: Operator {
    package static let type = OperatorType("Concat")

    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: version < 4 ? 1 : 0))
    }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { axis < 0 ? 11 : 4 }
    package var quantization: QuantizationRule { .sharesScale }
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package var combinesUnitIntervals: Bool { true }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { node.inputs.count == 1 ? .unchanged : nil }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let values = try inputs.indices.map { try inputs.required($0) }
        let first = try inputs.required(0)
        guard var extents = values.first(where: { $0.extents != nil })?.extents else {
            return [ValueInfo(first.elementType, nil)]
        }
        let axis = try self.axis.normalizedAxis(rank: extents.count)
        var total: Extent = 0
        for value in values {
            guard value.elementType == first.elementType else {
                throw WinnowError(.model, "inputs", "have different types: \(first.elementType) and \(value.elementType)")
            }
            guard let own = value.extents else { total = .unknown; continue }
            guard own.count == extents.count else {
                throw WinnowError(.shape, "inputs", "have \(extents.count) and \(own.count) axes")
            }
            for other in own.indices where other != axis {
                guard let a = extents[other].value, let b = own[other].value else {
                    if own[other].value != nil { extents[other] = own[other] }
                    continue
                }
                guard a == b else { throw WinnowError(.shape, "inputs", "differ in axis \(other): \(a) and \(b)") }
            }
            if let sum = total.value, let extent = own[axis].value {
                total = .fixed(sum +| extent)
            } else {
                total = total == 0 ? own[axis] : own[axis] == 0 ? total : .unknown
            }
        }
        extents[axis] = total
        var info = ValueInfo(first.elementType, extents)
        if extents.count == 1 {
            let elements = values.compactMap(\.countedExtents)
            if elements.count == values.count, values.contains(where: { $0.constant == nil }) {
                info.symbolicElements = elements.flatMap { $0 }
            }
        }
        return try evaluatingConstants([info], of: inputs)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let output = request.outputs[0]
        let order = output.layout.permutation(rank: output.shape.rank)
        let axis = try self.axis.normalizedAxis(rank: output.shape.rank)
        var start = 0
        let copies = try request.inputs.indices.map { index in
            let shape = try request.input(index).shape
            let copy = try StridedCopy.insert(
                shape.permuted(order), into: output.shape.permuted(order), at: order.map { $0 == axis ? start : 0 },
                output.elementType)
            start += shape[axis]
            return copy
        }
        return Kernel { operands in
            for (input, copy) in copies.enumerated() { copy.run(from: operands.input(input), to: operands.output(0)) }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.lazy.compactMap({ $0?.rank }).first, let axis = try? axis.normalizedAxis(rank: rank) else {
            return .opaque
        }
        let letters = AxisMap.letters
        guard rank + inputs.count <= letters.count else { return .opaque }
        let joined = letters[rank..<(rank + inputs.count)]
        func terms(_ own: AxisTerm) -> [AxisTerm] { (0..<rank).map { $0 == axis ? own : .label(letters[$0]) } }
        return AxisMap(inputs: joined.map { terms(.label($0)) }, outputs: [terms(.concatenation(joined.map { .label($0) }))])
    }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        !zeros.bearers.isEmpty && zeros.indices.isSuperset(of: zeros.bearers) ? .zero : .number
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let inputs = context.node.inputs
        return try context.builder.add(
            Split(axis: axis, outputCount: inputs.count), inputs: [context.outputGradient(), extents(of: inputs, context)],
            outputs: inputs.count)
    }

    /// The extents along `axis` as a value: a constant where they are known.
    private func extents(of inputs: [ValueName], _ context: GradientContext) throws -> ValueName {
        let builder = context.builder
        let infos = inputs.map { context.info(of: $0) }
        guard let rank = infos.lazy.compactMap({ $0?.rank }).first else {
            throw WinnowError(.unsupported, "node \(context.node.name)", "its inputs' ranks are not known")
        }
        let axis = try axis.normalizedAxis(rank: rank)
        let extents = infos.compactMap { $0?.extents?[axis].value }
        guard extents.count < inputs.count else {
            return builder.constant("\(context.node.name).sizes", Tensor(extents.map { Int64($0) }))
        }
        let parts = try inputs.map { try builder.add(ShapeOf(start: axis, end: axis + 1), $0) }
        return try builder.add(Concat(axis: 0), inputs: parts)[0]
    }
}
