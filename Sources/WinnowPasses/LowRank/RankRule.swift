package import WinnowKernels

/// How large a rank is for a matrix of which all singular values are known.
package protocol RankRule: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// - Parameter energy: the part of Σσ² that the user wants kept.
    static func rank(of spectrum: Spectrum, energy: Double) -> Int
}

/// Every rule, one line each.
public enum RankRules: MemberCatalogue {
    package static let all: [any RankRule.Type] = [
        EnergyRank.self,
        VariationalBayesRank.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}

/// The least rank that keeps a part of Σσ².
package enum EnergyRank: RankRule {
    package static let name = "energy"
    package static func rank(of spectrum: Spectrum, energy: Double) -> Int { spectrum.rank(energy: energy) }
}
