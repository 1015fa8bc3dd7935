package import WinnowGraph
import WinnowTensor

/// Channels and blocks of space moved into one another.
package protocol BlockMovement: Decomposition {
    /// The operator-set version from which the block's indices may lie behind the channel.
    static var channelFirstVersion: Int { get }
    /// The extent of a block along rows and along columns.
    var blockSize: Int { get set }
    /// Whether the block's indices lie behind the channel (CRD) rather than before it (DCR).
    var channelFirst: Bool { get set }
    init(blockSize: Int, channelFirst: Bool)
}

extension BlockMovement {
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

    package var minimumVersion: Int { channelFirst ? Self.channelFirstVersion : 1 }
    package var quantization: QuantizationRule { .keepsScale }
    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }
}

extension BlockMovement {
    /// Channels, rows and columns as far as they are known: multiplied, or divided where the factor is negative.
    func outputs(for inputs: [ValueInfo?], channelFactor: Int, sideFactor: Int) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        func scaled(_ extent: Extent, by factor: Int) -> Extent {
            extent.value.map { .fixed(factor > 0 ? $0 *| factor : $0 / -factor) } ?? .unknown
        }
        guard let extents = x.extents else { return [ValueInfo(x.elementType, nil)] }
        guard extents.count == 4 else { throw WinnowError(.shape, "input", "must have four axes") }
        let sides = extents.dropFirst(2).map { scaled($0, by: sideFactor) }
        return [ValueInfo(x.elementType, [extents[0], scaled(extents[1], by: channelFactor)] + sides)]
    }
}

extension GraphBuilder {
    /// Input 0 and the extents of its channels, rows and columns.
    func image(_ inputs: [ValueName?]) throws -> (ValueName, [Int]) {
        let x = try inputs.required(0)
        guard try rank(of: x) == 4 else { throw WinnowError(.shape, "input", "must have four axes") }
        return (x, try (1..<4).map { try extent($0, of: x) })
    }

    /// Reshaped, axes permuted, and reshaped again; 0 keeps the first extent.
    func regrouped(_ x: ValueName, _ split: [Int], _ order: [Int], _ target: [Int]) throws -> ValueName {
        try reshaped(add(Transpose(order), reshaped(x, split)), target)
    }
}
