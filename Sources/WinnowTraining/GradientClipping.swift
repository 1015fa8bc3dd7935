import WinnowKernels

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
            let limit = Float(limit)
            for gradient in gradients {
                let values = gradient.values
                for i in values.indices { values[i] = max(-limit, min(limit, values[i])) }
            }
            return 1
        case .norm:
            let squares = gradients.reduce(0) { sum, gradient in
                guard let values = gradient.values.baseAddress else { return sum }
                return sum + VectorArithmetic.sumOfSquares(UnsafePointer(values), count: gradient.values.count)
            }
            let norm = squares.squareRoot()
            return Float(min(1, limit / (norm + 1e-6)))
        }
    }
}
