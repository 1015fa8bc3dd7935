package import WinnowTensor

/// How the numbers of a weight become integer codes, symmetric around 0: which codes, what shares a scale, and what scales are.
package struct QuantizationScheme: Hashable, Sendable {
    /// The numbers that share a scale.
    package enum Granularity: Hashable, Sendable {
        case tensor
        /// Those of one output channel.
        case channel
        /// So many along the summed axis of a matrix.
        case block(Int)

        package init(perChannel: Bool, blockSize: Int = 0) {
            self = blockSize > 0 ? .block(blockSize) : perChannel ? .channel : .tensor
        }
    }

    /// Codes lie in ±(2^(bits − 1) − 1).
    package var bits: Int
    package var granularity: Granularity
    /// What codes are stored as.
    package var elementType: ElementType
    /// Whether scales are rounded up to powers of two.
    package var usesPowersOfTwo = false

    /// - Parameter elementType: nil: the smallest that ONNX has for so many bits.
    package init(bits: Int, _ granularity: Granularity, storedAs elementType: ElementType? = nil) {
        self.bits = bits
        self.granularity = granularity
        self.elementType = elementType ?? (bits <= 4 ? .int4 : bits <= 8 ? .int8 : .int16)
    }

    /// The largest code.
    package var limit: Int { (1 << (bits - 1)) - 1 }

    /// The parameters of a float32 weight, and why more numbers share a scale than was asked for.
    ///
    /// - Parameters:
    ///   - channelAxis: nil: the layer does not tell it.
    ///   - objection: why the channels of this weight must share a scale.
    package func parameters(
        for weight: Tensor, channelAxis: Int?, objection: String? = nil
    ) -> (parameters: QuantizationParameters, reason: String?) {
        func parameters(_ axis: Int?, blockSize: Int = 0) -> QuantizationParameters {
            QuantizationParameters(
                symmetric: weight, axis: axis, blockSize: blockSize, elementType, limit: limit, isPowerOfTwo: usesPowersOfTwo)
        }
        switch granularity {
        case .tensor: return (parameters(nil), nil)
        case .block(let size):
            if weight.rank == 2, let axis = channelAxis, objection == nil { return (parameters(1 - axis, blockSize: size), nil) }
            return (parameters(objection == nil ? channelAxis : nil), objection ?? "a scale a channel: blocks need a matrix")
        case .channel:
            if let axis = channelAxis, objection == nil { return (parameters(axis), nil) }
            return (parameters(nil), objection ?? "one scale for the tensor: its axes do not tell the channels")
        }
    }
}
