import WinnowKernels
import WinnowTensor

/// Runs a kernel that reads `inputs` and writes one tensor.
func computed(
    _ inputs: Tensor..., shape: Shape, _ type: ElementType, _ run: ([UnsafeRawPointer], UnsafeMutableRawPointer) throws -> Void
) rethrows -> Tensor {
    let target = Block(shape, type)
    try run(inputs.map(\.pointer), target.base)
    return Tensor(storage: target.storage, shape: shape, type)
}

extension UnaryKernel {
    static func apply(_ function: UnaryFunction, _ x: Tensor) throws -> Tensor {
        let kernel = try UnaryKernel(function, x.elementType)
        return computed(x, shape: x.shape, function.resultType(of: x.elementType)) {
            kernel.run(from: $0[0], to: $1, count: x.elementCount)
        }
    }
}

extension BinaryKernel {
    static func apply(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor, layout: Layout = .rowMajor) throws -> Tensor {
        let kernel = try BinaryKernel(function, a.elementType, a.shape, b.shape, layout: layout)
        return computed(a, b, shape: kernel.shape, kernel.resultType) { kernel.run($0[0], $0[1], to: $1) }
    }
}

extension StridedCopy {
    func apply(_ x: Tensor, _ shape: Shape) -> Tensor {
        computed(x, shape: shape, x.elementType) { run(from: $0[0], to: $1) }
    }
}

/// The multi-index of element `index` of a dense tensor.
func coordinates(_ index: Int, _ shape: Shape) -> [Int] {
    zip(shape.strides, shape).map { $1 == 0 ? 0 : index / $0 % $1 }
}

/// The dense position of a multi-index.
func position(_ coordinates: [Int], _ shape: Shape) -> Int { zip(coordinates, shape.strides).map(*).reduce(0, +) }
