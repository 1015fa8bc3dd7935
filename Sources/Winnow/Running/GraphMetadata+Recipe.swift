import WinnowGraph
import WinnowPasses

extension GraphMetadata {
    private static let (recipeProperty, seedProperty) = ("winnow.recipe", "winnow.seed")
    private static let (versionProperty, sourceProperty) = ("winnow.version", "winnow.source")

    /// Says that a step has been done behind those that are noted already, and by whom.
    ///
    /// - Parameter step: nil where no recipe has words for it: then none is left.
    mutating func note(_ step: PassStep?, seed: UInt64) {
        let before = properties[Self.recipeProperty] ?? "version: \(Recipe.currentVersion)\nsteps:"
        properties[Self.recipeProperty] = step.map { before + "\n  - \($0)" }
        properties[Self.seedProperty] = "\(seed)"
        properties[Self.versionProperty] = Platform.programVersion
        let own = GraphMetadata().producerName
        if producerName != own {
            let source = [producerName, producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
            properties[Self.sourceProperty] = source.isEmpty ? nil : source
        }
        (producerName, producerVersion) = (own, Platform.programVersion)
    }
}
