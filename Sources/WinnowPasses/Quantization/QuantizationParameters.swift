package import WinnowTensor

/// How real numbers become integer codes: x ≈ scale · (code − zero point), for a whole tensor or for each slice along an axis.
package struct QuantizationParameters: Hashable, Sendable {
    package var elementType: ElementType
    /// The codes in use; may be narrower than the type allows.
    package var codes: ClosedRange<Int>
    /// One number, or one a slice.
    package var scales: [Float]
    package var zeroPoints: [Int]
    /// The axis whose slices have their own scale; nil: one scale for all.
    package var axis: Int?

    package init(elementType: ElementType, codes: ClosedRange<Int>, scales: [Float], zeroPoints: [Int], axis: Int? = nil) {
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
        var scale = (high - low) / Float(codes.count - 1)
        if !(scale >= Float.leastNormalMagnitude) || !scale.isFinite { scale = 1 }
        let zero = Float(codes.lowerBound) - (low / scale).rounded(.toNearestOrEven)
        self.init(
            elementType: elementType, codes: codes, scales: [scale],
            zeroPoints: [min(max(Int(zero), codes.lowerBound), codes.upperBound)])
    }

    /// Symmetric parameters for a signed type: scale = max|w| / q_max, zero point 0, so that zeros stay exact.
    /// A slice of zeros gets scale 1.
    package init(symmetric weight: Tensor, axis: Int?, _ elementType: ElementType, limit: Int) {
        let maxima = axis.map { weight.largestMagnitudes(axis: $0) } ?? [weight.largestMagnitude]
        let scales = maxima.map { maximum -> Float in
            let scale = maximum / Float(limit)
            return scale >= Float.leastNormalMagnitude && scale.isFinite ? scale : 1
        }
        self.init(
            elementType: elementType, codes: -limit...limit, scales: scales,
            zeroPoints: [Int](repeating: 0, count: scales.count), axis: axis)
    }

    /// Parameters as ONNX stores them: scalars, or one number a slice.
    package var scaleTensor: Tensor { Tensor(scales, shape: axis == nil ? [] : [scales.count]) }

    package var zeroPointTensor: Tensor {
        Tensor(zeroPoints.map(Double.init), shape: axis == nil ? [] : [scales.count], as: elementType)
    }

    /// The codes of a float32 tensor: round half to even of x / scale, plus zero point, clamped.
    package func quantize(_ tensor: Tensor) -> Tensor {
        Tensor(codeValues(of: tensor).map(Double.init), shape: tensor.shape, as: elementType)
    }

    /// scale · (code − zero point) of the codes a float32 tensor gets.
    package func roundTrip(_ tensor: Tensor) -> Tensor {
        var result = tensor
        let codes = codeValues(of: tensor)
        let inner = innerCount(of: tensor.shape)
        result.withMutableElements(Float.self) { values in
            for i in values.indices {
                let slice = axis == nil ? 0 : (i / inner) % scales.count
                values[i] = scales[slice] * (codes[i] - Float(zeroPoints[slice]))
            }
        }
        return result
    }

    private func codeValues(of tensor: Tensor) -> [Float] {
        let inner = innerCount(of: tensor.shape)
        let low = Float(codes.lowerBound)
        let high = Float(codes.upperBound)
        return tensor.withElements(Float.self) { values in
            values.indices.map { i in
                let slice = axis == nil ? 0 : (i / inner) % scales.count
                let code = (values[i] / scales[slice]).rounded(.toNearestOrEven) + Float(zeroPoints[slice])
                return min(max(code, low), high)
            }
        }
    }

    private func innerCount(of shape: Shape) -> Int { axis.map { shape[($0 + 1)...].reduce(1, *) } ?? 1 }
}

extension Tensor {
    /// The largest absolute value of a float32 tensor in every slice along `axis`.
    package func largestMagnitudes(axis: Int) -> [Float] {
        var maxima = [Float](repeating: 0, count: shape[axis])
        let inner = shape[(axis + 1)...].reduce(1, *)
        withElements(Float.self) { values in
            for i in values.indices {
                let slice = (i / inner) % maxima.count
                maxima[slice] = max(maxima[slice], values[i].magnitude)
            }
        }
        return maxima
    }
}
