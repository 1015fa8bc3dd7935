package import WinnowGraph

/// How one parameter is trained differently from the rest.
///
/// A parameter with options is trained even where the defaults would leave it alone (quantization scales, scalars).
package struct ParameterOptions: Sendable, Hashable {
    package var learningRateFactor: Float
    /// Multiplies the gradient (LSQ: 1/√(n·q_max), Esser et al. 2020, section 2.2).
    package var gradientScale: Float
    package var decaysWeights: Bool
    /// Values are lifted to this after every update (scales stay positive).
    package var minimum: Float?
    /// The value whose gradient the parameter follows in place of its own: that of its masked self trains what lies beneath a
    /// mask (straight-through; Bengio et al. 2013).
    package var gradientSource: ValueName?

    package init(
        learningRateFactor: Float = 1, gradientScale: Float = 1, decaysWeights: Bool = true, minimum: Float? = nil
    ) {
        self.learningRateFactor = learningRateFactor
        self.gradientScale = gradientScale
        self.decaysWeights = decaysWeights
        self.minimum = minimum
    }
}
