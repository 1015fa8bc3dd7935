package import WinnowTensor

/// What many elements become; the names are ONNX's Reduce operators.
package enum ReductionFunction: Hashable, Sendable, CaseIterable {
    case sum, mean, maximum, minimum, product, sumOfMagnitudes, euclideanNorm, sumOfSquares, logSum, logSumExp
}

/// A `ReductionFunction` over axes of a dense tensor. Float sums run in float32 lanes that are added up in float64.
package struct ReductionKernel: Sendable {
    typealias Loop = @Sendable (ReductionPlan, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void

    /// The result's shape with the reduced axes kept as 1; the target is dense in the source's layout.
    package let shape: Shape
    private let plan: ReductionPlan
    private let loop: Loop

    /// `axes` may count from the end; nil means all. No axes at all copies, through the function of one element.
    package init(
        _ function: ReductionFunction, _ elementType: ElementType, _ source: Shape, axes: [Int]? = nil,
        layout: Layout = .rowMajor
    ) throws {
        guard let loop = Self.loop(function, elementType) else {
            throw WinnowError(.unsupported, "reduction \(function)", "is not defined for \(elementType)")
        }
        let resolved = try (axes ?? Array(source.indices)).map { axis in
            guard let index = source.axis(axis) else {
                throw WinnowError(.shape, "reduction \(function)", "axis \(axis) is outside rank \(source.rank)")
            }
            return index
        }
        shape = Shape(source.indices.map { resolved.contains($0) ? 1 : source[$0] })
        plan = ReductionPlan(source, axes: resolved, layout: layout)
        self.loop = loop
    }

    package func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        if shape.elementCount > 0 { loop(plan, source, target) }
    }

    static func loop(_ function: ReductionFunction, _ elementType: ElementType) -> Loop? {
        switch elementType {
        case .float32: floatLoop(function, SingleStorage.self)
        case .float16: floatLoop(function, HalfStorage.self)
        case .bfloat16: floatLoop(function, BrainStorage.self)
        case .float64: doubleLoop(function)
        case .int32: integerLoop(function, Int32.self)
        case .int64: integerLoop(function, Int64.self)
        case .uint32: integerLoop(function, UInt32.self)
        case .uint64: integerLoop(function, UInt64.self)
        case .int8: extremeLoop(function, Int8.self)
        case .uint8: extremeLoop(function, UInt8.self)
        case .bool: extremeLoop(function, UInt8.self)
        default: nil
        }
    }
}
