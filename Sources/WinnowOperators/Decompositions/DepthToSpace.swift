package import WinnowGraph
import WinnowTensor

/// Channels moved into blocks of space: (N, C·b·b, H, W) to (N, C, H·b, W·b).
package struct DepthToSpace: Decomposition {
    package static let type = OperatorType("DepthToSpace")

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
        guard blockSize > 0, mode == "CRD" || mode == "DCR" else {
            throw WinnowError(.model, "blocksize", "\(blockSize) in mode \(mode) is not possible")
        }
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["blocksize": .int(blockSize)]
        if channelFirst { attributes["mode"] = .string("CRD") }
        return attributes
    }

    package var minimumVersion: Int { channelFirst ? 11 : 1 }
    package var quantization: QuantizationRule { .keepsScale }

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

extension GraphBuilder {
    /// Input 0 and the extents of its channels, rows and columns.
    func image(_ inputs: [ValueName?]) throws -> (ValueName, [Int]) {
        guard let x = inputs.first ?? nil, let extents = info(of: x)?.extents, extents.count == 4 else {
            throw WinnowError(.shape, "input", "must have four axes")
        }
        let numbers = extents.dropFirst().compactMap(\.value)
        guard numbers.count == 3 else { throw UndeterminedShape() }
        return (x, numbers)
    }

    /// Reshaped, axes permuted, and reshaped again; 0 keeps the first extent.
    func regrouped(_ x: ValueName, _ split: [Int], _ order: [Int], _ target: [Int]) throws -> ValueName {
        let parts = try add(Reshape(), x, constant("split", Tensor(split.map { Int64($0) })))
        return try add(Reshape(), add(Transpose(order), parts), constant("target", Tensor(target.map { Int64($0) })))
    }
}
