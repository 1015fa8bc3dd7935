package import WinnowGraph
import WinnowTensor

/// Blocks of space moved into channels: (N, C, H·b, W·b) to (N, C·b·b, H, W).
package struct SpaceToDepth: BlockMovement {
    package static let type = OperatorType("SpaceToDepth")
    package static let maximumInputCount = 1
    package static let channelFirstVersion = 28

    package var blockSize: Int
    package var channelFirst: Bool

    package init(blockSize: Int, channelFirst: Bool = false) {
        self.blockSize = blockSize
        self.channelFirst = channelFirst
    }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        try outputs(for: inputs, channelFactor: blockSize *| blockSize, sideFactor: -blockSize)
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        AxisMap("nc(yb)(xd) -> n\(channelFirst ? "(cbd)" : "(bdc)")yx", extents: ["b": blockSize, "d": blockSize])
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, extents) = try b.image(inputs)
        let (c, h, w) = (extents[0], extents[1] / blockSize, extents[2] / blockSize)
        guard h * blockSize == extents[1], w * blockSize == extents[2] else {
            throw WinnowError(.shape, "input", "\(extents[1])×\(extents[2]) does not divide into blocks of \(blockSize)")
        }
        let order = channelFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]
        return [try b.regrouped(x, [0, c, h, blockSize, w, blockSize], order, [0, c * blockSize * blockSize, h, w])]
    }
}
