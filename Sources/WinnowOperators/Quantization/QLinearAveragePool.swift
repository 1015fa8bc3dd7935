package import WinnowGraph
import WinnowTensor

/// The requantized mean of each window of codes: x, scale, zero point, y scale, y zero point.
package struct QLinearAveragePool: Decomposition {
    package static let type = OperatorType("QLinearAveragePool", domain: "com.microsoft")
    package static let maximumInputCount = 5

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 0], result: 3) }

    package var pooling: AveragePool
    package var isChannelsLast: Bool

    package init(_ pooling: AveragePool, isChannelsLast: Bool = false) {
        self.pooling = pooling
        self.isChannelsLast = isChannelsLast
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            try AveragePool(attributes: attributes, version: 21),
            isChannelsLast: try attributes.flag("channels_last", default: false))
    }

    package var attributes: Attributes {
        var attributes = pooling.attributes
        if isChannelsLast { attributes["channels_last"] = .int(1) }
        return attributes
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let y = try b.pooled(b.dequantized(inputs, 0), by: pooling, isChannelsLast: isChannelsLast)
        return [try b.quantized(y, inputs, 3)]
    }
}

extension GraphBuilder {
    /// A pooling of (N, C, spatial…), or of (N, spatial…, C).
    func pooled(_ x: ValueName, by pooling: any Operator, isChannelsLast: Bool) throws -> ValueName {
        guard isChannelsLast, let rank = info(of: x)?.rank, rank > 2 else { return try add(pooling, x) }
        let back = [0] + Array(2..<rank) + [1]
        return try add(Transpose(back), add(pooling, add(Transpose([0, rank - 1] + Array(1..<(rank - 1))), x)))
    }
}
