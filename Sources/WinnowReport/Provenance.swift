/// Where a report comes from: what must be given again to get the same.
public struct Provenance: Codable, Hashable, Sendable {
    /// The command as it was given, quoted for a shell; nil where a program called the library.
    public var command: String?
    /// All steps, as YAML.
    public var recipe: String?
    public var seed: UInt64
    /// What was read and how it was split, a line each.
    public var data: [String]

    public init(command: String?, recipe: String?, seed: UInt64, data: [String]) {
        (self.command, self.recipe, self.seed, self.data) = (command, recipe, seed, data)
    }
}

extension Report {
    /// Commands, recipe, data, seed and versions.
    var provenanceSection: String {
        let facts = environment.sorted { $0.key < $1.key }.map { [$0.key, $0.value] } + (provenance.map { [["seed", "\($0.seed)"]] } ?? [])
        guard let provenance else { return HTML.table("Versions", ["what", "value"], facts) }
        let command = provenance.command.map { HTML.listing($0, "The command") } ?? ""
        let recipe = provenance.recipe.map {
            "<h3>Recipe</h3>" + HTML.listing($0, "The recipe")
                + "<p class='soft'>Saved as recipe.yaml, <code>winnow run recipe.yaml</code> does the same with these data and this seed.</p>"
        } ?? ""
        let data = provenance.data.isEmpty ? "" : "<h3>Data</h3>" + provenance.data.map { HTML.paragraph($0) }.joined()
        return command + recipe + data + "<h3>Versions and seed</h3>" + HTML.table("Versions and seed", ["what", "value"], facts)
    }
}
