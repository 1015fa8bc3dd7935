package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The axes in another order; without `permutation`, reversed.
package struct Transpose: Operator {
    package static let type = OperatorType("Transpose")

    package var permutation: [Int]?

    package init(_ permutation: [Int]? = nil) { self.permutation = permutation }

    package init(attributes: Attributes, version: Int) throws { self.init(try attributes.ints("perm")) }

    package var attributes: Attributes { permutation.map { ["perm": .ints($0)] } ?? [:] }
    package var quantization: QuantizationRule { .keepsScale }

    /// The source axis of each axis.
    func order(rank: Int) throws -> [Int] {
        let order = permutation ?? Array((0..<rank).reversed())
        guard order.sorted() == Array(0..<rank) else {
            throw WinnowError(.model, "perm", "\(order) does not order \(rank) axes")
        }
        return order
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        let info = ValueInfo(data.elementType, try order(rank: extents.count).map { extents[$0] })
        return try evaluatingConstants([info], of: inputs)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let order = try order(rank: data.shape.rank)
        let moved = order.filter { data.shape[$0] != 1 }
        if moved == moved.sorted() { return .view }
        let copy = try StridedCopy.transpose(data.shape, order, data.elementType)
        return Kernel { copy.run(from: $0.input(0), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count, let order = try? order(rank: rank) else {
            return .opaque
        }
        return AxisMap(
            inputs: [letters[..<rank].map { .label($0) }], outputs: [order.map { .label(letters[$0]) }])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let inverse = permutation.map { order in order.indices.map { axis in order.firstIndex(of: axis) ?? axis } }
        return [try context.builder.add(Transpose(inverse), context.outputGradient())]
    }
}
