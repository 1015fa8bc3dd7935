package import WinnowGraph
import WinnowTensor

/// Codes under different scales joined under one: y scale, y zero point, then (x, scale, zero point) for each part.
package struct QLinearConcat: Decomposition {
    package static let type = OperatorType("QLinearConcat", domain: "com.microsoft")

    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws { self.init(axis: try attributes.int("axis", default: 1)) }

    package var attributes: Attributes { ["axis": .int(axis)] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let parts = try stride(from: 2, to: inputs.count, by: 3).map { try b.dequantized(inputs, $0) }
        return [try b.quantized(b.add(Concat(axis: axis), inputs: parts.map { $0 })[0], inputs, 0)]
    }
}
