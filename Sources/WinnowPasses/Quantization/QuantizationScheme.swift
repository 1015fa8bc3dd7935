package import WinnowTensor

/// How the numbers of a weight become codes: what codes stand for, what shares a scale, what scales are, and how ranges are chosen.
package struct QuantizationScheme: Hashable, Sendable {
    /// The numbers that share a scale.
    package enum Granularity: Hashable, Sendable {
        case tensor
        /// Those of one output channel.
        case channel
        /// So many along the summed axis, of one output channel or of several.
        case block(ScaleBlock)
        /// The same in a matrix; those of one output channel elsewhere.
        case matrixBlock(ScaleBlock)
        /// So many in the order of storage; 0: all.
        case run(Int)

        package init(perChannel: Bool, blockSize: ScaleBlock = 0) {
            self = blockSize.inputs > 0 ? .matrixBlock(blockSize) : perChannel ? .channel : .tensor
        }
    }

    /// What codes stand for.
    package enum Levels: Hashable, Sendable {
        /// scale · code, in ±(2^(bits − 1) − 1)
        case symmetric
        /// scale · (code − zero point), codes in 0…2^bits − 1
        case affine
        /// scale · the number that a format has for the code.
        case format(NumberFormat)
        /// The number at the code in a table of the weight's own (k-means).
        case palette
    }

    package var bits: Int
    package var granularity: Granularity
    /// What codes are stored as.
    package var elementType: ElementType
    package var levels = Levels.symmetric
    package var scales = ScaleKind.float32
    /// Whether ranges are narrowed to where the squared error is least.
    package var clips = false
    /// Whether symmetric codes whose ranges are narrowed are those of the convention, and not all that so many bits have.
    var keepsToConvention = false
    /// Whether layers that lose most, and take least, have 8 bits.
    package var isMixed = false
    package var convention = QuantizationConvention.onnx

    /// - Parameter elementType: nil: the smallest that ONNX has for so many bits.
    package init(bits: Int, _ granularity: Granularity, storedAs elementType: ElementType? = nil) {
        self.bits = bits
        self.granularity = granularity
        self.elementType = elementType ?? (bits <= 4 ? .int4 : bits <= 8 ? .int8 : .int16)
    }

    /// Integers with a zero point.
    package init(affine bits: Int, _ granularity: Granularity) {
        self.init(bits: bits, granularity, storedAs: bits <= 4 ? .uint4 : bits <= 8 ? .uint8 : .uint16)
        levels = .affine
    }

    /// Numbers of a format.
    package init(_ format: NumberFormat, _ granularity: Granularity, _ scales: ScaleKind = .float32) {
        self.init(bits: format.bits, granularity, storedAs: format.bits <= 4 ? .uint4 : .uint8)
        (levels, self.scales) = (.format(format), scales)
    }

    /// 2^bits numbers for the tensor.
    package init(paletteOf bits: Int) {
        self.init(bits: bits, .tensor, storedAs: bits <= 4 ? .uint4 : .uint8)
        levels = .palette
    }

    /// The same with some properties changed.
    func with(_ change: (inout QuantizationScheme) -> Void) -> QuantizationScheme {
        var result = self
        change(&result)
        return result
    }

    /// The largest code of symmetric integers.
    package var limit: Int { (1 << (bits - 1)) - 1 }

    /// Whether rounding methods may choose among the codes.
    package var isInteger: Bool { levels == .symmetric || levels == .affine }

    /// The squared error of normally distributed weights, as a part of their squares.
    var noise: Double {
        var random = RandomGenerator(seed: 1)
        let weight = Tensor((0..<4096).map { _ in random.normal() }, shape: [8, 512])
        let error = weight.relativeError(of: encoded(weight, channelAxis: 0, inputAxis: 1).encoded.decoded)
        return error * error
    }

    /// The parameters of a float32 weight as integers, and why more numbers share a scale than was asked for.
    ///
    /// - Parameters:
    ///   - channelAxis: nil: the layer does not tell it.
    ///   - inputAxis: the axis that is summed over; nil in a weight that is no matrix: it has no blocks.
    ///   - objection: why the channels of this weight must share a scale.
    package func parameters(
        for weight: Tensor, channelAxis: Int?, inputAxis: Int? = nil, objection: String? = nil
    ) -> (parameters: QuantizationParameters, reason: String?) {
        let (placement, reason) = granularity.placement(
            in: weight.shape, channelAxis: channelAxis, inputAxis: inputAxis, objection: objection)
        let formed = placement.form == weight.shape ? weight : weight.reshaped(placement.form)
        var parameters = self.parameters(for: formed, placement)
        if placement.form != weight.shape { parameters.form = placement.form }
        return (parameters, reason)
    }

    private func parameters(for weight: Tensor, _ placement: ScalePlacement) -> QuantizationParameters {
        guard clips || levels == .affine || scales.elementType != .float32 else {
            return QuantizationParameters(
                symmetric: weight, placement, elementType, codes: convention.symmetricCodes(bits: bits),
                isPowerOfTwo: scales == .powerOfTwo, by: convention)
        }
        let symmetric = keepsToConvention ? convention.symmetricCodes(bits: bits) : -(clips ? limit + 1 : limit)...limit
        let codes = levels == .affine ? 0...((1 << bits) - 1) : symmetric
        func found(_ scales: ScaleKind) -> QuantizationParameters {
            var result = QuantizationParameters(
                fitted: weight, placement, elementType, codes: codes, isSymmetric: levels == .symmetric, clips: clips, scales)
            result.convention = convention
            return result
        }
        let result = found(scales)
        return scales.holds(result.scales) ? result : found(.float32)
    }
}
