package import WinnowPasses
import WinnowTensor

extension Recipe {
    /// A step of a command before it is told what its user sets of it.
    package struct Draft {
        let pass: String
        /// What the command says where its user says nothing.
        let defaults: [String: HyperparameterValue]
        /// `key=value` of options that were given; others must not contradict them.
        let settings: [String]
        /// Passes that train along.
        let with: [Draft]

        package init(_ pass: String, defaults: [String: HyperparameterValue] = [:], settings: [String] = [], with: [Draft] = []) {
            (self.pass, self.defaults, self.settings, self.with) = (pass, defaults, settings, with)
        }

        fileprivate var passes: [String] { [pass] + with.flatMap(\.passes) }

        /// - Parameter given: settings by pass.
        fileprivate func step(_ given: [String: [String]]) throws -> PassStep {
            var values = try defaults.merging([String: HyperparameterValue](settings: settings + (given[pass] ?? [])))
            if !with.isEmpty {
                values["with"] = .list(try with.map { try $0.step(given).hyperparameterValue } + (values["with"]?.elements ?? []))
            }
            return try PassStep(named: pass, hyperparameters: values)
        }
    }

    /// Steps with `key=value` settings where they belong: a key to the only pass that has it, `PASS.key=value` to that pass.
    ///
    /// Throws `.usage` for a key that several passes have and for a pass that is not run, `.recipe` for a key that none has.
    package init(_ drafts: [Draft], settings: [String]) throws {
        let passes = drafts.flatMap(\.passes)
        var given: [String: [String]] = [:]
        for setting in settings {
            let owner = try WinnowError.leading(to: "Recipes") { try Self.owner(of: setting, among: passes) }
            given[owner.pass, default: []].append(owner.setting)
        }
        steps = try drafts.map { .pass(try $0.step(given)) }
    }

    /// The pass that a setting is of, and the setting without the pass's name.
    private static func owner(of setting: String, among passes: [String]) throws -> (pass: String, setting: String) {
        guard let first = passes.first, setting.contains("=") else { return (passes.first ?? "", setting) }
        let key = String(setting.prefix { $0 != "=" })
        let head = String(key.prefix { $0 != "." }).kebabCased
        if key.contains("."), passes.contains(head) { return (head, String(setting.drop { $0 != "." }.dropFirst())) }
        let keys = try passes.map { (pass: $0, names: try PassCatalogue.pass(named: $0).hyperparameterNames) }
        let owners = keys.filter { $0.names.contains(head) }.map(\.pass)
        guard owners.count < 2 else {
            throw WinnowError(
                .usage, "--set \(setting)", "is of \(owners.joined(separator: " and of "))",
                remedy: "write \(owners.map { "\($0).\(key)" }.joined(separator: " or "))")
        }
        if let owner = owners.first { return (owner, setting) }
        if key.contains("."), (try? PassCatalogue.pass(named: head)) != nil {
            throw WinnowError(
                .usage, "--set \(setting)", "\(head) is not run here", remedy: "what is run is \(passes.joined(separator: ", ")); a recipe runs any pass")
        }
        guard passes.count > 1 else { return (first, setting) }
        let near = Spelling.nearest(to: head, in: keys.flatMap(\.names))
        let known = keys.map { "\($0.pass): \(Spelling.listed($0.names))" }.joined(separator: "; ")
        throw WinnowError(
            .recipe, "--set \(setting)", "there is no such hyperparameter",
            remedy: "\(near.map { "did you mean \($0)? " } ?? "")known: \(known)")
    }
}
