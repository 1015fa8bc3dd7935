package import WinnowTensor

/// How one tensor becomes codes, as a file of encodings says.
package struct TensorEncoding: Hashable, Sendable {
    package enum Codes: Hashable, Sendable {
        /// None: the tensor stays float.
        case float
        /// So many bits, counted from 0 on; which type holds them, with or without sign, is left open.
        case bits(Int)
        case type(ElementType)
    }

    /// The numbers that share a scale.
    package enum Sharing: Hashable, Sendable {
        case tensor
        /// Those of a slice; nil: along the output channels.
        case slices(axis: Int?)
        /// So many; nil: along the inputs, those of an output channel behind one another. `shape`: of the scales, where known.
        case blocks(Int, axis: Int?, shape: Shape?)
    }

    package var codes: Codes
    package var scales: [Float] = []
    /// Of codes that count from 0 on, or of those of the type.
    package var zeroPoints: [Int] = []
    package var sharing = Sharing.tensor

    package init(_ codes: Codes, scales: [Float] = [], zeroPoints: [Int] = [], _ sharing: Sharing = .tensor) {
        (self.codes, self.scales, self.zeroPoints, self.sharing) = (codes, scales, zeroPoints, sharing)
    }
}

/// A tensor that an encoding is for.
struct EncodedPlace {
    let name: String
    /// As the layer reads it; nil: activations, which have one scale.
    var shape: Shape?
    var channelAxis: Int?
    var inputAxis: Int?
    /// The channels' axis of the tensor as it is stored, where only that may have scales of its own.
    var storedAxis: Int?
    /// What holds codes, where that is left open, if it has as many bits.
    let type: ElementType
    /// What holds scales, if it holds them exactly.
    var scaleType = ElementType.float32
    let convention: QuantizationConvention
    /// Whether codes around 0 have the lowest one, which has none opposite; no file tells.
    var usesLowestCode = true
    /// Codes of fewer bits are stored in so many, where that is left open.
    var leastWidth = 2
    var takesBlocks = false

    /// An activation.
    init(_ name: String, _ scheme: ActivationScheme) {
        (self.name, type, convention) = (name, scheme.elementType, scheme.convention)
    }

    /// A weight, the blocks of which must not be torn.
    init(_ name: String, _ shape: Shape, channelAxis: Int?, _ scheme: QuantizationScheme) {
        (self.name, self.shape, self.channelAxis) = (name, shape, channelAxis)
        (type, scaleType, convention, leastWidth) = (scheme.elementType, scheme.scales.elementType, scheme.convention, 4)
        usesLowestCode = scheme.clips || scheme.convention.usesLowestCode
    }
}

extension TensorEncoding {
    /// A reason why an encoding does not fit a tensor.
    struct Misfit: Error { let reason: String }

    /// Scales and zero points as they are, in the tensor's own order.
    func parameters(at place: EncodedPlace) throws(Misfit) -> QuantizationParameters {
        let (type, codes, shift) = try type(at: place)
        guard scales.count == zeroPoints.count else {
            throw Misfit(reason: "has \(scales.count) scales and \(zeroPoints.count) zero points")
        }
        guard scales.allSatisfy({ $0.isNormal && $0 > 0 }) else { throw Misfit(reason: "has a scale that is no positive number") }
        let zeros = zeroPoints.map { $0 - shift }
        if let wrong = zeros.first(where: { !codes.contains($0) }) {
            throw Misfit(reason: "has the zero point \(wrong + shift), which is none of its \(codes.count) codes")
        }
        let (axis, blockSize, form, order) = try placement(at: place)
        let isCut = !place.usesLowestCode && type.isSigned && zeros.allSatisfy { $0 == 0 }
        var result = QuantizationParameters(
            elementType: type, codes: isCut ? (codes.lowerBound + 1)...codes.upperBound : codes,
            scales: order?.map { scales[$0] } ?? scales, zeroPoints: order?.map { zeros[$0] } ?? zeros, axis: axis)
        (result.blockSize, result.form, result.convention, result.isGiven) = (blockSize, form, place.convention, true)
        let stored = place.scaleType
        if stored != .float32, Tensor(scales).converted(to: stored).floats() == scales { result.scaleType = stored }
        return result
    }

    /// The type that stores the codes, those in use, and what is taken from zero points.
    private func type(at place: EncodedPlace) throws(Misfit) -> (ElementType, codes: ClosedRange<Int>, shift: Int) {
        switch codes {
        case .float: throw Misfit(reason: "has no codes")
        case .type(let type):
            guard let codes = type.integerRange, type.bitWidth <= 16 else {
                throw Misfit(reason: "is to be \(type), and codes are integers of 2 to 16 bits")
            }
            return (Self.widened(type, to: place.shape == nil ? 2 : 4), codes, 0)
        case .bits(let bits):
            guard let width = [2, 4, 8, 16].first(where: { $0 >= max(bits, place.leastWidth) }), bits > 1 else {
                throw Misfit(reason: "has \(bits) bits, and codes have 2 to 16")
            }
            guard place.shape != nil || bits == width else {
                throw Misfit(reason: "has \(bits) bits, and activations have 2, 4, 8 or 16")
            }
            let middle = 1 << (bits - 1)
            let isToldByPlace = width == place.type.bitWidth || place.shape == nil
            let isSigned = isToldByPlace ? place.type.isSigned : zeroPoints.allSatisfy { $0 == middle }
            let type = ElementType(named: "\(isSigned ? "" : "u")int\(width)") ?? .int8
            return isSigned ? (type, -middle...(middle - 1), middle) : (type, 0...(2 * middle - 1), 0)
        }
    }

    private static func widened(_ type: ElementType, to width: Int) -> ElementType {
        type.bitWidth >= width ? type : ElementType(named: "\(type.isSigned ? "" : "u")int\(width)") ?? type
    }

    /// Where scales lie, and which of the file's each is; nil: in their order.
    private func placement(at place: EncodedPlace) throws(Misfit) -> (axis: Int?, blockSize: Int, form: Shape?, order: [Int]?) {
        func checkCount(_ count: Int, _ what: String) throws(Misfit) {
            guard scales.count == count else { throw Misfit(reason: "has \(scales.count) scales for \(count) \(what)") }
        }
        guard let shape = place.shape else {
            try checkCount(1, "activation")
            return (nil, 0, nil, nil)
        }
        if case .blocks = sharing, !place.takesBlocks {
            throw Misfit(reason: "has scales of blocks, and integer kernels take one a channel")
        }
        switch sharing {
        case .tensor:
            try checkCount(1, "tensor")
            return (nil, 0, nil, nil)
        case .slices(let axis):
            if let stored = place.storedAxis, let axis, axis != stored {
                throw Misfit(reason: "has scales along axis \(axis), and its outputs lie along axis \(stored)")
            }
            let wanted = place.storedAxis == nil ? axis ?? place.channelAxis : place.channelAxis
            guard let axis = wanted.flatMap({ shape.axis($0) }) else {
                let along = wanted.map { "axis \($0)" } ?? "the channels, which its layer does not tell"
                throw Misfit(reason: "has \(scales.count) scales along \(along)")
            }
            try checkCount(shape[axis], "slices along axis \(axis)")
            return (axis, 0, nil, nil)
        case .blocks(let size, let axis?, let scaleShape?):
            let form = scaleShape.rank == 2 && shape.rank > 2 ? Shape([shape[0], shape.dropFirst().reduce(1, *)]) : shape
            guard Self.blockSizes.contains(size), form.indices.contains(axis), scaleShape == Self.blocks(of: form, size, along: axis) else {
                throw Misfit(reason: "has scales \(scaleShape) for blocks of \(size) along axis \(axis) of \(shape)")
            }
            return (axis, size, form == shape ? nil : form, nil)
        case .blocks(let size, _, _): return try blocks(of: size, in: shape, place)
        }
    }

    /// As far as operators' attributes go.
    private static let blockSizes = 1...(1 << 31)

    /// Blocks along inputs, output by output; taps of a filter have blocks of their own, or share those of their inputs.
    private func blocks(
        of size: Int, in shape: Shape, _ place: EncodedPlace
    ) throws(Misfit) -> (axis: Int?, blockSize: Int, form: Shape?, order: [Int]?) {
        guard Self.blockSizes.contains(size) else { throw Misfit(reason: "has blocks: of \(size < 1 ? "no" : "\(size)") numbers") }
        let (found, reason) = QuantizationScheme.Granularity.block(ScaleBlock(inputs: size))
            .placement(in: shape, channelAxis: place.channelAxis, inputAxis: place.inputAxis)
        guard let axis = found.axis, found.blockSize > 0 else {
            throw Misfit(reason: "has blocks: \(reason ?? "of no numbers")")
        }
        let blocks = Self.blocks(of: found.form, size, along: axis)
        let (channels, form) = (axis == 0 ? 1 : 0, found.form == shape ? nil : found.form)
        let order = blocks.places(first: channels)
        if scales.count == blocks.elementCount { return (axis, size, form, order) }
        let outer = blocks[channels] * blocks[axis]
        guard form == nil, scales.count == outer, blocks.elementCount % outer == 0 else {
            throw Misfit(reason: "has \(scales.count) scales for \(blocks.elementCount) blocks of \(size)")
        }
        let taps = blocks.elementCount / outer
        return (axis, size, nil, order.map { $0 / taps })
    }

    static func blocks(of form: Shape, _ size: Int, along axis: Int) -> Shape {
        var blocks = form
        blocks[axis] = (form[axis] + size - 1) / max(1, size)
        return blocks
    }
}

extension Shape {
    /// For each element in its order, its place among all with the first axis in front, or the second.
    func places(first axis: Int) -> [Int] {
        guard axis == 1 else { return Array(0..<elementCount) }
        let (rows, columns) = (self[0], self[1])
        let inner = dropFirst(2).reduce(1, *)
        return (0..<elementCount).map { ($0 / inner % columns * rows + $0 / inner / columns) * inner + $0 % inner }
    }
}
