import WinnowPasses

/// A pass and its hyperparameters as help shows them.
public struct PassDescription: Codable, Sendable {
    public struct Parameter: Codable, Sendable {
        public var name: String
        public var help: String
        public var kind: String
        /// The default.
        public var value: String
        /// `0…1`, or `at least 1`.
        public var range: String?
    }

    public var name: String
    public var summary: String
    public var guide: String
    public var needs: String
    public var hyperparameters: [Parameter]

    /// All passes, or the one of this name; throws `.recipe` for an unknown name.
    public static func all(named name: String? = nil) throws -> [PassDescription] {
        let passes = try name.map { [try PassCatalogue.pass(named: $0)] } ?? PassCatalogue.all
        return passes.map { type in
            let pass = type.init()
            return PassDescription(
                name: type.name, summary: type.summary, guide: type.guide, needs: pass.needs.rawValue,
                hyperparameters: pass.hyperparameterDescriptions.map { parameter in
                    Parameter(
                        name: parameter.name, help: parameter.help, kind: parameter.kind, value: parameter.value.description,
                        range: parameter.rangeText)
                })
        }
    }
}
