import WinnowGraph
import WinnowTensor

/// Inputs of an operator on codes that come as (codes, scale, zero point).
extension GraphBuilder {
    /// The real numbers of the codes at `index`, whose scale and zero point follow.
    func dequantized(_ inputs: [ValueName?], _ index: Int, axis: Int? = nil) throws -> ValueName {
        guard index + 1 < inputs.count, let codes = inputs[index], let scale = inputs[index + 1] else {
            throw WinnowError(.model, "input \(index)", "or its scale is missing")
        }
        let zeroPoint = index + 2 < inputs.count ? inputs[index + 2] : nil
        return try add(DequantizeLinear(axis: axis), codes, scale, zeroPoint)
    }

    /// Codes of `value` under the scale at `index` and the zero point after it.
    func quantized(_ value: ValueName, _ inputs: [ValueName?], _ index: Int) throws -> ValueName {
        guard index < inputs.count, let scale = inputs[index] else {
            throw WinnowError(.model, "input \(index)", "is missing")
        }
        return try add(QuantizeLinear(), value, scale, index + 1 < inputs.count ? inputs[index + 1] : nil)
    }

    /// An int32 bias whose scale is the product of the scales at two inputs, times `factor`.
    func dequantizedBias(_ bias: ValueName, _ inputs: [ValueName?], scales: (Int, Int), factor: Float = 1) throws -> ValueName {
        guard let a = inputs[scales.0], let b = inputs[scales.1] else {
            throw WinnowError(.model, "input \(scales.0)", "or input \(scales.1) is missing")
        }
        let scale: ValueName
        if let x = info(of: a)?.constant?.floats(), let y = info(of: b)?.constant?.floats(), x.count == 1 {
            scale = constant("bias_scale", y.count == 1 ? Tensor(scalar: x[0] * y[0] * factor) : Tensor(y.map { $0 * x[0] * factor }))
        } else {
            scale = try multiply(multiply(a, b), by: Double(factor))
        }
        return try add(DequantizeLinear(axis: 0), bias, scale)
    }
}

extension [ValueName?] {
    func present(_ index: Int) -> ValueName? { index < count ? self[index] : nil }
}
