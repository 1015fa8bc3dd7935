package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of Slice: zeros of the shape in input 1 with input 0 in the place that was cut out.
package struct SliceGradient: Operator {
    package static let type = OperatorType("SliceGradient", domain: "winnow")

    package var starts: [Int]?
    package var ends: [Int]?
    package var axes: [Int]?

    package init(starts: [Int]? = nil, ends: [Int]? = nil, axes: [Int]? = nil) {
        self.starts = starts
        self.ends = ends
        self.axes = axes
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            starts: try attributes.ints("starts", areSizes: false), ends: try attributes.ints("ends", areSizes: false),
            axes: try attributes.ints("axes"))
    }

    package var attributes: Attributes { Slice(starts: starts, ends: ends, axes: axes).attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(1).elementExtents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let inputs = request.inputs.map { $0.map(ValueInfo.init(operand:)) }
        let output = request.outputs[0]
        let arguments = try SliceArguments(
            starts: starts ?? inputs.integers(2), ends: ends ?? inputs.integers(3), axes: axes ?? inputs.integers(4),
            steps: inputs.integers(5), rank: output.shape.rank)
        guard let bounds = try arguments?.bounds(output.shape) else {
            throw WinnowError(.unsupported, request.nodeName, "its bounds depend on data")
        }
        let copy = try StridedCopy.insert(into: output.shape, bounds, output.elementType)
        let byteCount = output.byteCount
        return Kernel { operands in
            operands.output(0).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            copy.run(from: operands.input(0), to: operands.output(0))
        }
    }
}

extension Slice {
    fileprivate init(starts: [Int]?, ends: [Int]?, axes: [Int]?) {
        self.init()
        self.starts = starts
        self.ends = ends
        self.axes = axes
    }
}
