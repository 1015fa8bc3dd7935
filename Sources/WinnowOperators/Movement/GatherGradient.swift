package import WinnowGraph
import WinnowTensor

/// The gradient of Gather: zeros of the shape in input 2 to which the slices of input 0 are added where input 1 says.
package struct GatherGradient: Operator {
    package static let type = OperatorType("GatherGradient", domain: "winnow")

    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: 0))
    }

    package var attributes: Attributes { ["axis": .int(axis)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(2).elementExtents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let output = request.outputs[0]
        guard output.elementType == .float32 else {
            throw WinnowError(.unsupported, request.nodeName, "differentiates float32 only, not \(output.elementType)")
        }
        let axis = try self.axis.normalizedAxis(rank: output.shape.rank)
        let outer = output.shape[..<axis].reduce(1, *)
        let inner = output.shape[(axis + 1)...].reduce(1, *)
        let extent = output.shape[axis]
        let reader = try IndexReader(try request.input(1), request.nodeName)
        let count = try request.input(1).shape.elementCount
        let elementCount = output.shape.elementCount
        return Kernel { operands in
            let source = operands.input(0, as: Float.self)
            let target = operands.output(0, as: Float.self)
            target.initialize(repeating: 0, count: elementCount)
            for position in 0..<count {
                let index = try reader.index(operands.input(1), position, extent: extent)
                for row in 0..<outer {
                    let from = source + (row * count + position) * inner
                    let to = target + (row * extent + index) * inner
                    for i in 0..<inner { to[i] += from[i] }
                }
            }
        }
    }
}
