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
    /// Slices whose blocks have the same scales, which are there for each.
    package var slices: SharedSlices?
    /// The shape whose axis `axis` is, where that is not the tensor's own: as many numbers in the same order.
    package var form: Shape?
    /// What scales are stored as: float32, or a type that holds each exactly.
    package var scaleType = ElementType.float32
    /// Whether scales are powers of two.
    package var isPowerOfTwo = false
    package var convention = QuantizationConvention.onnx
    /// Whether scales and zero points were given, so that no method may move them.
    package var isGiven = false

    package init(
        elementType: ElementType, codes: ClosedRange<Int>, scales: [Float], zeroPoints: [Int], axis: Int? = nil
    ) {
        self.elementType = elementType
        self.codes = codes
        self.scales = scales
        self.zeroPoints = zeroPoints
        self.axis = axis
    }

    /// Symmetric parameters for a signed type: scale = max|w| / ((q_max − q_min) / 2), zero point 0, so that zeros stay exact.
    ///
    /// - Parameter isPowerOfTwo: rounds scales up to powers of two, as fixed-point arithmetic has them.
    package init(
        symmetric weight: Tensor, _ placement: ScalePlacement, _ elementType: ElementType, codes: ClosedRange<Int>,
        isPowerOfTwo: Bool = false, by convention: QuantizationConvention = .onnx
    ) {
        let layout = ScaleLayout(axis: placement.axis, blockSize: placement.blockSize, of: weight.shape)
        var maxima = [Float](repeating: 0, count: layout.scaleCount)
        weight.withElements(Float.self) { values in
            layout.forEachRun(in: values.indices) { run, place in
                if layout.scaleStep == 0 {
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
        let scales = maxima.largest(of: placement.leaders).map { maximum -> Float in
            let scale = convention.symmetric(maximum, codes)
            return isPowerOfTwo ? ScaleKind.powerOfTwo.rounded(scale) : scale
        }
        self.init(
            elementType: elementType, codes: codes, scales: scales,
            zeroPoints: [Int](repeating: 0, count: scales.count), axis: placement.axis)
        (blockSize, slices, self.convention, self.isPowerOfTwo) = (placement.blockSize, placement.slices, convention, isPowerOfTwo)
    }

    /// The same codes with the symmetric scales of other ranges.
    func following(_ ranges: [ClosedRange<Float>]) -> QuantizationParameters {
        var result = self
        result.scales = ranges.map { convention.symmetric(max(-$0.lowerBound, $0.upperBound), codes) }
        return result
    }

    /// Scales as ONNX stores them for a tensor of `shape`: a scalar, one number a slice, or the shape counted in blocks.
    package func scaleTensor(for shape: Shape) -> Tensor {
        let numbers = Tensor(scales, shape: parameterShape(for: shape))
        return scaleType == .float32 ? numbers : numbers.converted(to: scaleType)
    }

    package func zeroPointTensor(for shape: Shape) -> Tensor {
        Tensor(zeroPoints.map(Double.init), shape: parameterShape(for: shape), as: elementType)
    }

    /// The bytes that the codes, scales and zero points of a tensor of `shape` take, and the shape where codes have another.
    package func byteCount(for shape: Shape) -> Int {
        elementType.byteCount(of: shape.elementCount) + scaleType.byteCount(of: scales.count)
            + (hasZeroPoints ? elementType.byteCount(of: scales.count) : 0) + (form == nil ? 0 : 8 * shape.rank)
    }

    private func parameterShape(for shape: Shape) -> Shape {
        guard axis != nil else { return [] }
        return blockSize > 0 ? placement(in: shape).scaleShape : [scales.count]
    }

    private func placement(in shape: Shape) -> ScalePlacement {
        ScalePlacement(form ?? shape, axis: axis, blockSize: blockSize, slices: slices)
    }

    /// For each scale of a tensor of `shape` the first of those that must be the same; nil: each may differ.
    func leaders(in shape: Shape) -> [Int]? { placement(in: shape).leaders }

    /// For elements at these places of a tensor of `shape`, the first of the scales that are the same as theirs.
    func leaderIndices(of elements: [Int], in shape: Shape) -> [Int] {
        let indices = scaleIndices(of: elements, in: shape)
        guard let leaders = leaders(in: shape) else { return indices }
        return indices.map { leaders[$0] }
    }

    func layout(of shape: Shape) -> ScaleLayout { ScaleLayout(axis: axis, blockSize: blockSize, of: form ?? shape) }

    /// For elements at these places of a tensor of `shape`, which scale each has.
    package func scaleIndices(of elements: [Int], in shape: Shape) -> [Int] {
        let layout = layout(of: shape)
        return elements.map(layout.scaleIndex(of:))
    }

    /// The number nearest to `value` among those with the scale at `place`.
    package func nearest(_ value: Float, scale place: Int) -> Float {
        let zero = Float(zeroPoints[place])
        let quotient = convention.quotient(value, scales[place])
        return scales[place] * Self.rounded(quotient, Float(codes.lowerBound) - zero, Float(codes.upperBound) - zero)
    }

    /// The codes of a float32 tensor: round half to even of x / scale, or of x · (1 / scale), plus zero point, clamped; NaN becomes
    /// the zero point.
    package func quantize(_ tensor: Tensor) -> Tensor {
        var result = Tensor(uninitialized: tensor.shape, elementType)
        let layout = layout(of: tensor.shape)
        result.withUnsafeMutableBytes { target in
            for piece in tensor.pieces {
                let codes = codeValues(of: tensor, in: piece, layout)
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
        let layout = layout(of: tensor.shape)
        var values = codeValues(of: tensor, in: piece, layout)
        values.withUnsafeMutableBufferPointer { values in
            layout.forEachRun(in: piece) { run, place in
                for i in run {
                    let place = place + layout.scaleStep * (i - run.lowerBound)
                    let code = values[i - piece.lowerBound]
                    values[i - piece.lowerBound] = scales[place] * (code - Float(zeroPoints[place]))
                }
            }
        }
        return values
    }

    /// The numbers that some of the codes of a tensor stand for.
    package func numbers(of codes: Tensor, in piece: Range<Int>) -> [Float] {
        let layout = layout(of: codes.shape)
        var values = codes.doubles(in: piece).map { Float($0) }
        layout.forEachRun(in: piece) { run, place in
            for i in run {
                let place = place + layout.scaleStep * (i - run.lowerBound)
                values[i - piece.lowerBound] = scales[place] * (values[i - piece.lowerBound] - Float(zeroPoints[place]))
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

    /// The part of a float32 tensor's numbers that lie more than half a step beyond the outermost codes.
    func clippedPart(of tensor: Tensor) -> Double {
        let (low, high, layout) = (Float(codes.lowerBound) - 0.5, Float(codes.upperBound) + 0.5, layout(of: tensor.shape))
        var count = 0
        tensor.withElements(Float.self) { values in
            layout.forEachRun(in: values.indices) { run, place in
                for i in run {
                    let place = place + layout.scaleStep * (i - run.lowerBound)
                    let code = values[i] / scales[place] + Float(zeroPoints[place])
                    if code < low || code > high { count += 1 }
                }
            }
        }
        return Double(count) / Double(max(1, tensor.elementCount))
    }

    private func codeValues(of tensor: Tensor, in piece: Range<Int>, _ layout: ScaleLayout) -> [Float] {
        let (low, high, convention) = (Float(codes.lowerBound), Float(codes.upperBound), convention)
        return [Float](unsafeUninitializedCapacity: piece.count) { codes, count in
            tensor.withElements(Float.self) { values in
                layout.forEachRun(in: piece) { run, place in
                    if layout.scaleStep == 0 {
                        let (scale, zero) = (scales[place], Float(zeroPoints[place]))
                        let (bottom, top) = (low - zero, high - zero)
                        for i in run {
                            codes[i - piece.lowerBound] = Self.rounded(convention.quotient(values[i], scale), bottom, top) + zero
                        }
                    } else {
                        for i in run {
                            let place = place + i - run.lowerBound
                            let zero = Float(zeroPoints[place])
                            codes[i - piece.lowerBound] = Self.rounded(
                                convention.quotient(values[i], scales[place]), low - zero, high - zero) + zero
                        }
                    }
                }
            }
            count = piece.count
        }
    }
}
