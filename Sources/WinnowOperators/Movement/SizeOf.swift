package import WinnowGraph
import WinnowTensor

/// The number of elements, as an int64 scalar.
package struct SizeOf: Operator {
    package static let type = OperatorType("Size")
    package static let maximumInputCount = 1

    package init() {}
    package init(attributes: Attributes, version: Int) throws {}

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard let extents = try inputs.required(0).extents else { return [ValueInfo(.int64, [])] }
        return [ValueInfo(elements: [ExtentProduct(extents).extent], rank: 0)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let count = Int64(try request.input(0).shape.elementCount)
        return Kernel { $0.output(0, as: Int64.self)[0] = count }
    }
}
