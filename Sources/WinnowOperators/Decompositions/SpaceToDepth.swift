package import WinnowGraph
import WinnowTensor

/// Blocks of space moved into channels: (N, C, H·b, W·b) to (N, C·b·b, H, W).
package struct SpaceToDepth: Decomposition {
    package static let type = OperatorType("SpaceToDepth")

    package var blockSize: Int

    /// Whether the block's indices lie behind the channel (CRD) rather than before it (DCR).
    package var channelFirst: Bool

    package init(blockSize: Int, channelFirst: Bool = false) {
        self.blockSize = blockSize
        self.channelFirst = channelFirst
    }

    package init(attributes: Attributes, version: Int) throws {
        let mode = try attributes.string("mode", default: "DCR")
        self.init(blockSize: try attributes.int("blocksize", default: 0), channelFirst: mode == "CRD")
        guard mode == "CRD" || mode == "DCR" else { throw WinnowError(.model, "mode", "\(mode) is not known") }
        guard blockSize > 0 else { throw WinnowError(.model, "blocksize", "is \(blockSize), but must be positive") }
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["blocksize": .int(blockSize)]
        if channelFirst { attributes["mode"] = .string("CRD") }
        return attributes
    }

    package var minimumVersion: Int { channelFirst ? 28 : 1 }
    package var quantization: QuantizationRule { .keepsScale }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, extents) = try b.image(inputs)
        let (c, h, w) = (extents[0], extents[1] / blockSize, extents[2] / blockSize)
        guard h * blockSize == extents[1], w * blockSize == extents[2] else {
            throw WinnowError(.shape, "input", "\(extents[1])×\(extents[2]) does not divide into blocks of \(blockSize)")
        }
        return [
            try b.regrouped(
                x, [0, c, h, blockSize, w, blockSize], channelFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4], [0, c * blockSize * blockSize, h, w])
        ]
    }
}
