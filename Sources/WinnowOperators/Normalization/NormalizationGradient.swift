import WinnowGraph
import WinnowTensor

extension GraphBuilder {
    /// The gradient of x through x̂ = (x − mean) / √(variance + epsilon) over `axes`, and x̂ itself:
    /// (g − mean(g) − x̂ · mean(g · x̂)) / √(variance + epsilon).
    func normalizationGradient(of x: ValueName, _ gradient: ValueName, axes: [Int], epsilon: Float) throws
        -> (gradient: ValueName, normalized: ValueName)
    {
        let list = constant("axes", Tensor(axes.map { Int64($0) }))
        func mean(_ value: ValueName) throws -> ValueName { try add(ReduceMean(axes: nil, keepsAxes: true), value, list) }
        let centered = try subtract(x, mean(x))
        let deviation = try add(Sqrt(), add(mean(square(centered)), number: Double(epsilon)))
        let normalized = try divide(centered, deviation)
        let share = try multiply(normalized, mean(multiply(gradient, normalized)))
        return (try divide(subtract(subtract(gradient, mean(gradient)), share), deviation), normalized)
    }
}
