package import WinnowGraph
import WinnowTensor

/// The requantized mean of codes over all spatial axes: x, scale, zero point, y scale, y zero point.
package struct QLinearGlobalAveragePool: Decomposition {
    package static let type = OperatorType("QLinearGlobalAveragePool", domain: "com.microsoft")
    package static let maximumInputCount = 5

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 0], result: 3) }

    package var isChannelsLast: Bool

    package init(isChannelsLast: Bool = false) { self.isChannelsLast = isChannelsLast }

    package init(attributes: Attributes, version: Int) throws {
        self.init(isChannelsLast: try attributes.flag("channels_last", default: false))
    }

    package var attributes: Attributes { ["channels_last": .int(isChannelsLast ? 1 : 0)] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let y = try b.pooled(b.dequantized(inputs, 0), by: GlobalAveragePool(), isChannelsLast: isChannelsLast)
        return [try b.quantized(y, inputs, 3)]
    }
}
