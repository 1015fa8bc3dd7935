import WinnowTensor

/// One hyperparameter of a pass as help shows it.
package struct HyperparameterDescription: Sendable {
    /// In kebab-case.
    package var name: String
    package var help: String
    package var kind: String
    package var value: HyperparameterValue
    /// The numbers it must lie between.
    package var range: ClosedRange<Double>?
    /// What others must be for it to count.
    package var conditions: [HyperparameterCondition]
    /// The JSON Schema of what may be written.
    package var schema: HyperparameterValue

    /// The range in words; upper bounds of a million and more only guard arithmetic.
    package var rangeText: String? {
        range.map { range in
            range.upperBound >= 1e6
                ? "at least \(range.lowerBound.shortText)"
                : "\(range.lowerBound.shortText)…\(range.upperBound.shortText)"
        }
    }
}

extension Pass {
    /// A pass with these values, by name; the others keep their defaults.
    /// Throws `.recipe` for an unknown name, naming the known ones, and for a value of the wrong kind or out of range; `.usage` for
    /// one that does not count with the others.
    package init(hyperparameters values: [String: HyperparameterValue]) throws {
        self.init()
        let known = reflectedHyperparameters
        let values = current(values)
        for (name, keys) in Dictionary(grouping: values.keys, by: \.kebabCased).sorted(by: { $0.key < $1.key }) where keys.count > 1 {
            throw WinnowError(
                .recipe, "\(Self.name): \(name)", "is said \(keys.count) times, as \(keys.sorted().joined(separator: " and "))",
                remedy: "leave one of them")
        }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            guard let target = known.first(where: { $0.name == key.kebabCased })?.hyperparameter else {
                throw WinnowError(
                    .recipe, "\(Self.name): \(key)", "there is no such hyperparameter",
                    remedy: known.isEmpty ? "it has none" : Spelling.remedy(for: key, among: known.map(\.name)))
            }
            if let complaint = try target.fill(value) { throw WinnowError(.recipe, "\(Self.name): \(key)", complaint) }
        }
        try checkThatTheyCount(values.keys.sorted())
    }

    /// Throws `.usage` for a value of one of `keys` that changes nothing, because of what others are; the usual value is none.
    ///
    /// - Parameter keys: as they were said.
    private func checkThatTheyCount(_ keys: [String]) throws {
        let (values, usual) = (hyperparameters, Self().hyperparameters)
        for (name, hyperparameter) in reflectedHyperparameters where values[name] != usual[name] {
            guard let key = keys.first(where: { $0.kebabCased == name }),
                let objection = hyperparameter.conditions.lazy.compactMap({ $0.objection(in: values) }).first
            else { continue }
            throw WinnowError(.usage, "\(Self.name): \(key)", objection.words, remedy: objection.remedy)
        }
    }

    /// The names of all hyperparameters, in the order they are declared.
    package static var hyperparameterNames: [String] { reflected(Self()).map(\.name) }

    /// The values of all hyperparameters by name.
    package var hyperparameters: [String: HyperparameterValue] {
        Dictionary(reflectedHyperparameters.map { ($0.name, $0.hyperparameter.current) }, uniquingKeysWith: { $1 })
    }

    /// The hyperparameters that differ from the defaults, those of passes within it likewise.
    package var changes: [String: HyperparameterValue] {
        let defaults = Self().hyperparameters
        let changed = reflectedHyperparameters.filter { defaults[$0.name] != $0.hyperparameter.current }
        return Dictionary(changed.map { ($0.name, $0.hyperparameter.recipeValue) }, uniquingKeysWith: { $1 })
    }

    /// The step of a recipe that stands for the pass: its name, or a table of the name and what differs from the defaults.
    package var recipeValue: HyperparameterValue {
        let changes = changes
        return changes.isEmpty ? .string(Self.name) : .table([Self.name: .table(changes)])
    }

    /// The pass as recipes list it: `structured-pruning: { sparsity: 0.7 }`.
    public var description: String {
        let changes = changes
        return Self.name + (changes.isEmpty ? "" : ": \(HyperparameterValue.table(changes).yaml)")
    }

    /// The hyperparameters in the order they are declared, with their current values.
    package var hyperparameterDescriptions: [HyperparameterDescription] {
        reflectedHyperparameters.map { name, hyperparameter in
            HyperparameterDescription(
                name: name, help: hyperparameter.help, kind: hyperparameter.kind, value: hyperparameter.current,
                range: hyperparameter.range, conditions: hyperparameter.conditions, schema: hyperparameter.schema)
        }
    }

    /// Throws of values set from Swift what `init(hyperparameters:)` throws of those that are read: `.recipe` for one out of its range,
    /// `.usage` for one that does not count with the others; those of passes within it likewise.
    package func checkHyperparameters() throws {
        let known = reflectedHyperparameters
        for (name, hyperparameter) in known {
            try hyperparameter.checkPasses()
            if let complaint = hyperparameter.complaint() {
                throw WinnowError(.recipe, "\(Self.name): \(name)", complaint)
            }
        }
        try checkThatTheyCount(known.map(\.name))
    }

    /// The same with what is declared to be smaller while a pass is only tried out, that of passes within it likewise. What does not count
    /// stays.
    package var shortened: Self {
        let (own, values, result) = (reflectedHyperparameters, hyperparameters, Self())
        guard own.contains(where: \.hyperparameter.isShortened) else { return self }
        for (old, new) in zip(own, result.reflectedHyperparameters) {
            let counts = old.hyperparameter.conditions.allSatisfy { $0.objection(in: values) == nil }
            new.hyperparameter.take(old.hyperparameter, shortened: counts)
        }
        return result
    }

    /// Whether a loss that it makes small takes the data's labels for texts, not for classes of places.
    package var takesLabelsForTexts: Bool { reflectedHyperparameters.contains { $0.hyperparameter.takesLabelsForTexts } }

    private var reflectedHyperparameters: [(name: String, hyperparameter: any AnyHyperparameter)] { Self.reflected(self) }

    /// Values of older recipes as the groups of this pass call them now.
    private func current(_ values: [String: HyperparameterValue]) -> [String: HyperparameterValue] {
        Mirror(reflecting: self).children.compactMap { $0.value as? any HyperparameterGroup }.reduce(values) { type(of: $1).current($0) }
    }

    /// The hyperparameters of a pass or of a group in it, in the order they are declared.
    private static func reflected(_ subject: Any) -> [(name: String, hyperparameter: any AnyHyperparameter)] {
        Mirror(reflecting: subject).children.flatMap { child -> [(name: String, hyperparameter: any AnyHyperparameter)] in
            if let group = child.value as? any HyperparameterGroup { return reflected(group) }
            guard let label = child.label, let value = child.value as? any AnyHyperparameter else { return [] }
            return [(String(label.drop { $0 == "_" }).kebabCased, value)]
        }
    }
}

extension String {
    /// `roundTo` and `round_to` as `round-to`.
    package var kebabCased: String {
        reduce(into: "") { text, character in
            if character == "_" {
                text.append("-")
            } else if character.isUppercase {
                text += "-" + character.lowercased()
            } else {
                text.append(character)
            }
        }
    }
}

extension [String: HyperparameterValue] {
    /// Reads `key=value` settings of the command line; `finetune.epochs=3` sets a value inside a table.
    /// Throws `.usage` where there is no `=`, and for a key with two values.
    public init(settings: [String]) throws {
        self.init()
        var given: [String: String] = [:]
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw WinnowError(
                    .usage, "--set \(setting)", "is not KEY=VALUE", remedy: "write for example --set sparsity=0.5")
            }
            if let before = given.updateValue(String(parts[1]), forKey: String(parts[0]).kebabCased), before != parts[1] {
                throw WinnowError(.usage, "--set \(setting)", "and \(parts[0])=\(before) contradict each other", remedy: "give one of them")
            }
            set(parts[0].split(separator: ".").map(String.init), to: HyperparameterValue(text: String(parts[1])))
        }
    }

    /// A key as it is there already: `round_to` for `round-to`.
    private func spelling(of key: String) -> String { self[key] != nil ? key : keys.first { $0.kebabCased == key.kebabCased } ?? key }

    /// With others in place of those of the same name; tables are merged.
    package func merging(_ others: Self) -> Self {
        others.reduce(into: self) { result, other in
            let key = result.spelling(of: other.key)
            if case .table(let own)? = result[key], case .table(let theirs) = other.value {
                result[key] = .table(own.merging(theirs))
            } else {
                result[key] = other.value
            }
        }
    }

    private mutating func set(_ path: [String], to value: HyperparameterValue) {
        guard let key = path.first.map({ spelling(of: $0) }) else { return }
        if path.count == 1 { self[key] = value; return }
        var inner: [String: HyperparameterValue] = [:]
        if case .table(let table)? = self[key] { inner = table }
        inner.set(Array(path.dropFirst()), to: value)
        self[key] = .table(inner)
    }
}
