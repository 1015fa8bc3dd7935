/// Keeps single bad batches from throwing training off (Pascanu et al. 2013).
public struct GradientClipping: Codable, Hashable, Sendable {
    public enum Measure: String, Codable, Sendable, CaseIterable {
        /// Scales all gradients together so that their joint Euclidean norm is at most the limit.
        case norm
        /// Cuts every element to ±limit.
        case value
    }

    public var measure: Measure
    public var limit: Double

    public init(_ measure: Measure = .norm, limit: Double) {
        self.measure = measure
        self.limit = limit
    }

    /// Clips gradients of `.value` in place; gives the factor all gradients are to be multiplied by, 1 for `.value`.
    package func apply(to gradients: [GradientBuffer]) -> Float {
        switch measure {
        case .value:
            for gradient in gradients { GradientLoops.clamp(gradient.values, to: Float(limit)) }
            return 1
        case .norm:
            let norm = gradients.reduce(0) { $0 + GradientLoops.sumOfSquares($1.values) }.squareRoot()
            return Float(min(1, limit / (norm + 1e-6)))
        }
    }
}

/// The element loops of gradient clipping.
enum GradientLoops {
    static func clamp(_ values: UnsafeMutableBufferPointer<Float>, to limit: Float) {
        for index in values.indices { values[index] = max(-limit, min(limit, values[index])) }
    }

    static func sumOfSquares(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
        guard let base = values.baseAddress else { return 0 }
        var lanes = SIMD8<Double>(repeating: 0)
        let whole = values.count & ~7
        for index in stride(from: 0, to: whole, by: 8) {
            let part = SIMD8<Double>(UnsafeRawPointer(base + index).loadUnaligned(as: SIMD8<Float>.self))
            lanes.addProduct(part, part)
        }
        return values[whole...].reduce(lanes.sum()) { $0 + Double($1) * Double($1) }
    }

    static func isFinite(_ values: UnsafeBufferPointer<Float>) -> Bool { values.allSatisfy(\.isFinite) }
}
