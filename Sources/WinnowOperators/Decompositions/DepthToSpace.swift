package import WinnowGraph
import WinnowTensor

/// Channels moved into blocks of space: (N, C·b·b, H, W) to (N, C, H·b, W·b).
package struct DepthToSpace: BlockMovement {
    package static let type = OperatorType("DepthToSpace")
    package static let maximumInputCount = 1
    package static let channelFirstVersion = 11

    package var blockSize: Int
    package var channelFirst: Bool

    package init(blockSize: Int, channelFirst: Bool = false) {
        self.blockSize = blockSize
        self.channelFirst = channelFirst
    }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        try outputs(for: inputs, channelFactor: -(blockSize *| blockSize), sideFactor: blockSize)
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        AxisMap("n\(channelFirst ? "(cbd)" : "(bdc)")yx -> nc(yb)(xd)", extents: ["b": blockSize, "d": blockSize])
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, extents) = try b.image(inputs)
        let (c, h, w) = (extents[0] / (blockSize * blockSize), extents[1], extents[2])
        guard c * blockSize * blockSize == extents[0] else {
            throw WinnowError(.shape, "input", "\(extents[0]) channels do not divide into blocks of \(blockSize)×\(blockSize)")
        }
        let split = channelFirst ? [0, c, blockSize, blockSize, h, w] : [0, blockSize, blockSize, c, h, w]
        let order = channelFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
        return [try b.regrouped(x, split, order, [0, c, h * blockSize, w * blockSize])]
    }
}
