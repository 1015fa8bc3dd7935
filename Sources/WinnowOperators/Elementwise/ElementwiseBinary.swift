package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// An operator that combines two broadcast operands element by element.
package protocol ElementwiseBinary: Operator {
    var function: BinaryFunction { get }
    /// Whether the result is 0 where these of its operands are 0, whatever the other.
    func vanishes(at indices: Set<Int>) -> Bool
    /// The operand that gives the other back as it is, and where it may stand.
    var neutralOperand: (value: Double, places: Set<Int>)? { get }
}

extension ElementwiseBinary {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (a, b) = (try inputs.required(0), try inputs.required(1))
        guard a.elementType == b.elementType else {
            throw WinnowError(.model, "inputs", "are \(a.elementType) and \(b.elementType), but must have one type")
        }
        var info = ValueInfo(function.resultType(of: a.elementType), try inputs.broadcastExtents())
        if let elements = function.applied(to: a, b) { info.hold(elements) }
        return try evaluatingConstants([info], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { inputs.elementwiseLayouts }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (a, b) = (try request.input(0), try request.input(1))
        let loop = try BinaryKernel(function, a.elementType, a.shape, b.shape, layout: request.outputs[0].layout)
        let candidates = a.elementType.bitWidth == request.outputs[0].elementType.bitWidth
            ? [0, 1].filter { [a, b][$0].shape == request.outputs[0].shape } : []
        let placement: Kernel.Placement = candidates.isEmpty ? .separate : .mayOverwrite(candidates)
        if let count = loop.flatCount {
            return Kernel(elements: count, placement: placement, forBlocks: Parallel.forBlocks) { operands, range in
                loop.run(operands.input(0), operands.input(1), to: operands.output(0), range)
            }
        }
        return Kernel(placement: placement) { operands in
            loop.run(operands.input(0), operands.input(1), to: operands.output(0))
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .broadcasting(inputs) }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        guard let type = zeros.inputs.optional(0)?.elementType, !zeros.indices.isEmpty else { return .number }
        let effect = effect(on: [0, 1].map { zeros.are(at: $0) ? 0 : 1 }, type)
        return effect == .zero && !zeros.areEverywhere && !vanishes(at: zeros.indices) ? .number : effect
    }

    package func vanishes(at indices: Set<Int>) -> Bool { false }
    package var neutralOperand: (value: Double, places: Set<Int>)? { nil }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        guard let neutralOperand, node.inputs.count == 2 else { return nil }
        for place in neutralOperand.places.sorted() {
            guard let constant = graph.constant(node.input(place)), constant.elementCount <= 1 << 16, graph.constant(node.input(1 - place)) == nil,
                constant.doubles().allSatisfy({ $0 == neutralOperand.value }),
                let own = graph.info(of: node.input(1 - place))?.extents, own == graph.info(of: node.output(0))?.extents
            else { continue }
            return .neutral(input: 1 - place)
        }
        return nil
    }
}

extension AxisMap {
    /// Elementwise work on operands that broadcast.
    static func broadcasting(_ inputs: [ValueInfo?]) -> AxisMap {
        let ranks = inputs.compactMap { $0 }.map(\.rank)
        return .elementwise(inputs: inputs, outputRank: ranks.contains(nil) ? nil : ranks.compactMap { $0 }.max())
    }
}
