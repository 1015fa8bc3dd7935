package import WinnowTensor

/// How real numbers become integer codes: x ≈ scale · (code − zero point), for a whole tensor, for each slice along an axis,
/// or for each block of a slice.
package struct QuantizationParameters: Hashable, Sendable {
    package var elementType: ElementType
    /// The codes in use; may be narrower than the type allows.
    package var codes: ClosedRange<Int>
    /// One number, one a slice, or one a block (row-major in the tensor's shape with `axis` counted in blocks).
    package var scales: [Float]
    package var zeroPoints: [Int]
    /// The axis whose slices have their own scale; nil: one scale for all.
    package var axis: Int?
    /// Indices along the axis that share a scale; 0: each slice along the axis has one.
    package var blockSize = 0

    package init(
        elementType: ElementType, codes: ClosedRange<Int>, scales: [Float], zeroPoints: [Int], axis: Int? = nil
    ) {
        self.elementType = elementType
        self.codes = codes
        self.scales = scales
        self.zeroPoints = zeroPoints
        self.axis = axis
    }

    /// Affine parameters for activations within `range`, which is widened to contain 0:
    /// scale = (max − min) / (q_max − q_min), zero point = q_min − round(min / scale).
    /// A range without extent gets scale 1.
    package init(affine range: ClosedRange<Float>, _ elementType: ElementType, codes: ClosedRange<Int>) {
        let low = min(range.lowerBound, 0)
        let high = max(range.upperBound, 0)
        let steps = Float(codes.count - 1)
        // Divided first where the width would overflow.
        let width = (high - low) / steps
        let scale = Self.usable(width.isFinite ? width : high / steps - low / steps)
        let zero = Float(codes.lowerBound) - (low / scale).rounded(.toNearestOrEven)
        self.init(
            elementType: elementType, codes: codes, scales: [scale],
            zeroPoints: [Int(min(max(zero, Float(codes.lowerBound)), Float(codes.upperBound)))])
    }

    /// Symmetric parameters for a signed type: scale = max|w| / limit, zero point 0, so that zeros stay exact.
    ///
    /// - Parameters:
    ///   - limit: the largest code, 2^(bits − 1) − 1.
    ///   - isPowerOfTwo: rounds scales up to powers of two, as fixed-point arithmetic has them.
    package init(
        symmetric weight: Tensor, axis: Int?, blockSize: Int = 0, _ elementType: ElementType, limit: Int,
        isPowerOfTwo: Bool = false
    ) {
        let places = ScalePlaces(shape: weight.shape, axis: axis, blockSize: blockSize)
        var maxima = [Float](repeating: 0, count: places.count)
        weight.withElements(Float.self) { values in
            places.forEachRun(in: values.indices) { run, place, step in
                if step == 0 {
                    var maximum = maxima[place]
                    for i in run { maximum = values[i].magnitude > maximum ? values[i].magnitude : maximum }
                    maxima[place] = maximum
                } else {
                    for i in run {
                        let place = place + i - run.lowerBound
                        maxima[place] = max(maxima[place], values[i].magnitude)
                    }
                }
            }
        }
        let scales = maxima.map { maximum -> Float in
            let scale = Self.usable(maximum / Float(limit))
            guard isPowerOfTwo, scale != 1 else { return scale }
            let floor = Float(sign: .plus, exponent: scale.exponent, significand: 1)
            return floor == scale ? scale : floor * 2
        }
        self.init(
            elementType: elementType, codes: -limit...limit, scales: scales,
            zeroPoints: [Int](repeating: 0, count: scales.count), axis: axis)
        self.blockSize = blockSize
    }

    /// 1 for what is too small to divide by.
    private static func usable(_ scale: Float) -> Float {
        scale >= Float.leastNormalMagnitude && scale.isFinite ? scale : 1
    }

    /// Scales as ONNX stores them for a tensor of `shape`: a scalar, one number a slice, or the shape counted in blocks.
    package func scaleTensor(for shape: Shape) -> Tensor { Tensor(scales, shape: parameterShape(for: shape)) }

    package func zeroPointTensor(for shape: Shape) -> Tensor {
        Tensor(zeroPoints.map(Double.init), shape: parameterShape(for: shape), as: elementType)
    }

    /// The bytes that the codes and scales of a tensor of `shape` take.
    package func byteCount(for shape: Shape) -> Int { elementType.byteCount(of: shape.elementCount) + 4 * scales.count }

    private func parameterShape(for shape: Shape) -> Shape {
        guard let axis else { return [] }
        guard blockSize > 0 else { return [scales.count] }
        var blocks = shape
        blocks[axis] = (shape[axis] + blockSize - 1) / blockSize
        return blocks
    }

    /// For elements at these places of a tensor of `shape`, which scale each has.
    package func scaleIndices(of elements: [Int], in shape: Shape) -> [Int] {
        let places = ScalePlaces(shape: shape, axis: axis, blockSize: blockSize)
        return elements.map(places.index(of:))
    }

    /// The number nearest to `value` among those with the scale at `place`.
    package func nearest(_ value: Float, scale place: Int) -> Float {
        let zero = Float(zeroPoints[place])
        return scales[place] * Self.rounded(value / scales[place], Float(codes.lowerBound) - zero, Float(codes.upperBound) - zero)
    }

    /// The codes of a float32 tensor: round half to even of x / scale, plus zero point, clamped; NaN becomes the zero point.
    package func quantize(_ tensor: Tensor) -> Tensor {
        var result = Tensor(uninitialized: tensor.shape, elementType)
        let places = ScalePlaces(shape: tensor.shape, axis: axis, blockSize: blockSize)
        result.withUnsafeMutableBytes { target in
            for piece in tensor.pieces {
                let codes = codeValues(of: tensor, in: piece, places)
                let stored = elementType == .int8
                    ? Tensor(codes.map { Int8($0) }) : Tensor(codes.map(Double.init), shape: [codes.count], as: elementType)
                let start = elementType.byteCount(of: piece.lowerBound)
                stored.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[start..<(start + $0.count)]).copyMemory(from: $0)
                }
            }
        }
        return result
    }

    /// scale · (code − zero point) of the codes a float32 tensor gets.
    package func roundTrip(_ tensor: Tensor) -> Tensor {
        var result = tensor
        result.withMutableElements(Float.self) { values in
            for piece in tensor.pieces {
                for (index, value) in zip(piece, roundTrip(tensor, in: piece)) { values[index] = value }
            }
        }
        return result
    }

    /// The same for some of the elements.
    func roundTrip(_ tensor: Tensor, in piece: Range<Int>) -> [Float] {
        let places = ScalePlaces(shape: tensor.shape, axis: axis, blockSize: blockSize)
        var values = codeValues(of: tensor, in: piece, places)
        values.withUnsafeMutableBufferPointer { values in
            places.forEachRun(in: piece) { run, place, step in
                for i in run {
                    let place = place + step * (i - run.lowerBound)
                    let code = values[i - piece.lowerBound]
                    values[i - piece.lowerBound] = scales[place] * (code - Float(zeroPoints[place]))
                }
            }
        }
        return values
    }

    /// Half to even and clamped, in a form that becomes vectors: adding 1.5 · 2²³ pushes the fraction out; NaN becomes 0.
    @inline(__always)
    private static func rounded(_ quotient: Float, _ low: Float, _ high: Float) -> Float {
        let number = quotient == quotient ? quotient : 0
        let above = number < low ? low : number
        return (above > high ? high : above) + 12_582_912 - 12_582_912
    }

    private func codeValues(of tensor: Tensor, in piece: Range<Int>, _ places: ScalePlaces) -> [Float] {
        let low = Float(codes.lowerBound)
        let high = Float(codes.upperBound)
        return [Float](unsafeUninitializedCapacity: piece.count) { codes, count in
            tensor.withElements(Float.self) { values in
                places.forEachRun(in: piece) { run, place, step in
                    if step == 0 {
                        let (scale, zero) = (scales[place], Float(zeroPoints[place]))
                        let (bottom, top) = (low - zero, high - zero)
                        for i in run {
                            codes[i - piece.lowerBound] = Self.rounded(values[i] / scale, bottom, top) + zero
                        }
                    } else {
                        for i in run {
                            let place = place + i - run.lowerBound
                            let zero = Float(zeroPoints[place])
                            codes[i - piece.lowerBound] = Self.rounded(values[i] / scales[place], low - zero, high - zero) + zero
                        }
                    }
                }
            }
            count = piece.count
        }
    }
}

/// Which scale an element uses.
private struct ScalePlaces {
    let count: Int
    private let isSingle: Bool
    private let inner: Int
    private let extent: Int
    private let blockSize: Int

    init(shape: Shape, axis: Int?, blockSize: Int) {
        isSingle = axis == nil
        self.blockSize = blockSize
        let axis = axis ?? 0
        inner = shape.dropFirst(axis + 1).reduce(1, *)
        extent = shape.rank > 0 ? shape[axis] : 1
        let outer = shape.prefix(axis).reduce(1, *)
        let blocks = blockSize > 0 ? (extent + blockSize - 1) / blockSize : extent
        count = isSingle ? 1 : blockSize > 0 ? outer * blocks * inner : extent
    }

    /// Calls `body` with ranges that cover `range`: the place of a range's first element, and how far the next one's is, 0 or 1.
    @inline(__always)
    func forEachRun(in range: Range<Int>, _ body: (_ run: Range<Int>, _ place: Int, _ step: Int) -> Void) {
        let step = !isSingle && (blockSize > 0) == (inner > 1) ? 1 : 0
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, start + runLength(at: start, in: range))
            body(start..<end, index(of: start), step)
            start = end
        }
    }

    private func runLength(at element: Int, in range: Range<Int>) -> Int {
        if isSingle { return range.count }
        if inner > 1 { return inner - element % inner }
        let along = element % extent
        return blockSize > 0 ? min(blockSize - along % blockSize, extent - along) : extent - along
    }

    func index(of element: Int) -> Int {
        if isSingle { return 0 }
        let along = (element / inner) % extent
        guard blockSize > 0 else { return along }
        let blocks = (extent + blockSize - 1) / blockSize
        return (element / (inner * extent) * blocks + along / blockSize) * inner + element % inner
    }
}
