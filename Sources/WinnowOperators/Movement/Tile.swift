package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A value repeated whole along each axis as often as input 1 says.
package struct Tile: Operator {
    package static let type = OperatorType("Tile")
    package static let maximumInputCount = 2

    package init() {}
    package init(attributes: Attributes, version: Int) throws {
        guard version > 5 else { throw WinnowError(.unsupported, "operator set \(version)", "tiled one axis; export with a newer one") }
    }

    package var minimumVersion: Int { 6 }
    package var quantization: QuantizationRule { .keepsScale }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { graph.reshaping(of: node) == .unchanged ? .unchanged : nil }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        guard let repeats = try inputs.required(1).elementExtents else {
            return [ValueInfo(data.elementType, extents.map { _ in .unknown })]
        }
        guard repeats.count == extents.count else {
            throw WinnowError(.shape, "repeats", "has \(repeats.count) numbers for \(extents.count) axes")
        }
        let info = ValueInfo(data.elementType, zip(extents, repeats).map { ExtentProduct([$0, $1]).extent })
        return try evaluatingConstants([info], of: inputs)
    }

    /// More repeats of an axis than any model has of its channels.
    private static let largestRepeat = 1 << 10

    /// `"ab1, . -> a[b+b]c"`: what is repeated lies one after the other; repeats of one index are counted like the axes of Expand.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = AxisMap.letters
        guard let extents = inputs.optional(0)?.extents, let repeats = inputs.optional(1)?.elementExtents, repeats.count == extents.count,
            extents.count <= letters.count
        else { return .opaque }
        let labels = extents.indices.map { AxisTerm.label(letters[$0]) }
        func isCounted(_ axis: Int) -> Bool { extents[axis] == 1 && repeats[axis] != 1 }
        func copies(_ axis: Int) -> Int? { repeats[axis].value.flatMap { (1...Self.largestRepeat).contains($0) ? $0 : nil } }
        let source = extents.indices.map { isCounted($0) ? AxisTerm.one : copies($0) == nil ? .opaque : labels[$0] }
        let target = extents.indices.map { axis -> AxisTerm in
            if isCounted(axis) { return labels[axis] }
            return copies(axis).map { $0 == 1 ? labels[axis] : .concatenation([AxisTerm](repeating: labels[axis], count: $0)) } ?? .opaque
        }
        var map = AxisMap(inputs: [source, [.opaque]], outputs: [target])
        // A number of repeats that is computed must be told apart from one that is not.
        if extents.indices.allSatisfy({ isCounted($0) || repeats[$0].value != nil }) {
            map.inputCounts[1] = extents.indices.map { isCounted($0) ? labels[$0] : .opaque }
        }
        return map
    }

    /// The target as (repeat, extent) for each axis, with the source standing still along the repeats.
    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, output) = (try request.input(0), request.outputs[0])
        let (source, target) = (data.shape.strides, output.shape.strides)
        let axes = data.shape.indices
        let copy = try StridedCopy(
            extents: axes.flatMap { [data.shape[$0] == 0 ? 0 : output.shape[$0] / data.shape[$0], data.shape[$0]] },
            sourceStrides: axes.flatMap { [0, source[$0]] },
            targetStrides: axes.flatMap { [target[$0] * data.shape[$0], target[$0]] }, data.elementType)
        return Kernel { copy.run(from: $0.input(0), to: $0.output(0)) }
    }

    /// Sums over the repeats: the gradient as (repeat, extent) for each axis, summed along the repeats.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        guard let rank = context.info(of: try context.input(0))?.rank else { return nil }
        let shape = try builder.add(ShapeOf(), context.input(0))
        func column(_ value: ValueName) throws -> ValueName {
            try builder.add(Reshape(), value, builder.constant("column", Tensor([Int64(-1), 1])))
        }
        let pairs = try builder.add(Concat(axis: 1), column(context.input(1)), column(shape))
        let split = try builder.add(Reshape(), pairs, builder.constant("flat", Tensor([Int64(-1)])))
        let parts = try builder.add(Reshape(), context.outputGradient(), split)
        let axes = builder.constant("repeats", Tensor((0..<rank).map { Int64(2 * $0) }))
        var parameters = ReductionParameters(keepsAxes: false)
        parameters.takesAxesInput = true
        return [try builder.add(ReduceSum(parameters), parts, axes), nil]
    }
}
