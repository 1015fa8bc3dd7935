import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
package import WinnowTraining

/// One part of what training makes small: `{ output: boxes, loss: huber, target: boxes, weight: 0.5 }`.
public struct ObjectiveTerm: Hashable, Sendable {
    public var loss: Chosen<Losses>
    /// A value of the model; nil: its first output.
    public var output: String?
    /// `labels` of the data, `original` for what the original model gives there, or an array of the data; nil: labels where the loss takes
    /// class indices, else the original.
    public var target: String?
    /// What the loss is multiplied with before it is added to the others.
    public var weight = 1.0
    package var settings = LossSettings()

    public init(_ loss: Chosen<Losses>, of output: String? = nil, target: String? = nil, weight: Double = 1) {
        (self.loss, self.output, self.target, self.weight) = (loss, output, target, weight)
    }

    var takesOriginal: Bool { target == Self.original || target == nil && !loss.member.targets.contains(.classes) }

    /// Whether labels are texts to it.
    var takesLabelsForTexts: Bool { loss.name == TemporalClassificationLoss.name && (target ?? Self.labels) == Self.labels }

    /// Whether it is about the classes of this output.
    func judgesClasses(of first: ValueName?) -> Bool {
        loss.name == CrossEntropyLoss.name && (output ?? first) == first && (target ?? Self.labels) == Self.labels
    }

    static let labels = "labels"
    static let original = "original"
}

/// The losses that a term may have.
public enum Losses: MemberCatalogue {
    package static let all = LossCatalogue.all
    public static var names: [String] { all.map { $0.name } }
}

extension ObjectiveTerm: HyperparameterConvertible {
    public static var kind: String {
        "a loss, or a table of loss, output, target, weight and \(LossSetting.allCases.map(\.rawValue).joined(separator: ", "))"
    }

    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        .schema(anyOf: [Chosen<Losses>.schema(in: nil)] + Losses.all.map { table(of: $0) })
    }

    /// The JSON Schema of a table with this loss, which has no more settings than the loss reads.
    private static func table(of loss: any LossFunction.Type) -> HyperparameterValue {
        var properties: [String: HyperparameterValue] = [
            "loss": .table(["const": .string(loss.name)]), "output": .table(["type": ["string", "null"]]), "target": .table(["type": ["string", "null"]]),
            "weight": .table(["type": ["number", "null"], "minimum": 0]),
        ]
        for setting in loss.settings { properties[setting.rawValue] = setting.schema }
        return .table([
            "type": "object", "required": ["loss"], "additionalProperties": false, "properties": .table(properties), "description": .string(kind),
        ])
    }

    public init?(_ value: HyperparameterValue) throws {
        if let name = value.word { self.init(try Self.loss(name)); return }
        guard case .table(let table) = value, let name = table["loss"]?.word else { return nil }
        let loss = try Self.loss(name)
        self.init(loss)
        output = try Self.part("output", of: table, "a name") { $0.word }
        target = try Self.part("target", of: table, "a name") { $0.word }
        weight = try Self.part("weight", of: table, "a number") { $0.double } ?? 1
        for (key, value) in table.sorted(by: { $0.key < $1.key }) where !["loss", "output", "target", "weight"].contains(key) {
            guard let setting = LossSetting(rawValue: key) else {
                throw WinnowError(
                    .recipe, "objective: \(key)", "there is no such part of a loss",
                    remedy: Spelling.remedy(for: key, among: ["loss", "output", "target", "weight"] + LossSetting.allCases.map(\.rawValue)))
            }
            guard loss.member.settings.contains(setting) else {
                let known = loss.member.settings.map(\.rawValue).sorted().joined(separator: ", ")
                throw WinnowError(.recipe, "objective: \(key)", "is nothing that \(loss) knows", remedy: known.isEmpty ? "" : "it knows \(known)")
            }
            guard settings.set(setting, value) else { throw Self.misfit(key, value, setting.kind) }
        }
    }

    private static func loss(_ name: String) throws -> Chosen<Losses> {
        guard let loss = Chosen<Losses>(.string(name)) else {
            throw WinnowError(.recipe, "objective: loss", "is \(name), which is none", remedy: Spelling.remedy(for: name, among: Losses.names))
        }
        return loss
    }

    private static func part<Part>(
        _ key: String, of table: [String: HyperparameterValue], _ kind: String, _ read: (HyperparameterValue) -> Part?
    ) throws -> Part? {
        guard let value = table[key], value != .none else { return nil }
        guard let part = read(value) else { throw misfit(key, value, kind) }
        return part
    }

    private static func misfit(_ key: String, _ value: HyperparameterValue, _ kind: String) -> WinnowError {
        WinnowError(.recipe, "objective: \(key)", "is \(value), not \(kind)")
    }

    public var hyperparameterValue: HyperparameterValue {
        var table: [String: HyperparameterValue] = ["loss": loss.hyperparameterValue]
        if let output { table["output"] = .string(output) }
        if let target { table["target"] = .string(target) }
        if weight != 1 { table["weight"] = .number(weight) }
        return .table(table.merging(settings.values) { $1 })
    }

    public var complaint: String? {
        loss.complaint ?? (weight >= 0 && weight.isFinite ? nil : "has the weight \(weight.shortText), which is not 0 or more") ?? settings.complaint
    }
}

extension LossSetting {
    /// What may be written, for errors.
    fileprivate var kind: String {
        switch self {
        case .classWeights: "numbers"
        case .ignore, .blank, .axis: "a whole number"
        case .zeroInfinity: "true or false"
        default: "a number"
        }
    }

    /// Its bounds, for editors.
    fileprivate var schema: HyperparameterValue {
        switch self {
        case .labelSmoothing: .schema("number", kind, in: 0...1)
        case .classWeights:
            .table([
                "type": ["array", "number"], "minItems": 1, "minimum": 0, "items": .table(["type": "number", "minimum": 0]),
                "description": .string(kind),
            ])
        case .margin: .table(["type": "number", "minimum": 0, "description": .string(kind)])
        case .blank: .table(["type": "integer", "minimum": 0, "description": .string(kind)])
        case .delta, .temperature: .table(["type": "number", "exclusiveMinimum": 0, "description": .string(kind)])
        case .ignore, .axis: .schema("integer", kind)
        case .zeroInfinity: .schema("boolean", kind)
        }
    }
}

extension LossSettings {
    /// false where the value is of another kind.
    fileprivate mutating func set(_ setting: LossSetting, _ value: HyperparameterValue) -> Bool {
        if setting == .classWeights {
            classWeights = value.elements.compactMap(\.double)
            return !classWeights.isEmpty && classWeights.count == value.elements.count
        }
        if setting == .zeroInfinity {
            guard case .bool(let flag) = value else { return false }
            zeroInfinity = flag
            return true
        }
        guard let number = value.double else { return false }
        switch setting {
        case .labelSmoothing: labelSmoothing = number
        case .ignore:
            ignore = Int(exactly: number)
            return ignore != nil
        case .axis:
            axis = Int(exactly: number)
            return axis != nil
        case .delta: delta = number
        case .margin: margin = number
        case .temperature: temperature = number
        case .blank:
            guard let whole = Int(exactly: number) else { return false }
            blank = whole
        case .classWeights, .zeroInfinity: break
        }
        return true
    }

    /// What was set, as recipes have it.
    fileprivate var values: [String: HyperparameterValue] {
        let plain = LossSettings()
        var result: [LossSetting: HyperparameterValue] = [:]
        if labelSmoothing != plain.labelSmoothing { result[.labelSmoothing] = .number(labelSmoothing) }
        if let ignore { result[.ignore] = .int(ignore) }
        if let axis { result[.axis] = .int(axis) }
        if !classWeights.isEmpty { result[.classWeights] = .list(classWeights.map { .number($0) }) }
        if delta != plain.delta { result[.delta] = .number(delta) }
        if margin != plain.margin { result[.margin] = .number(margin) }
        if temperature != plain.temperature { result[.temperature] = .number(temperature) }
        if blank != plain.blank { result[.blank] = .int(blank) }
        if zeroInfinity { result[.zeroInfinity] = .bool(true) }
        return Dictionary(uniqueKeysWithValues: result.map { ($0.key.rawValue, $0.value) })
    }

    fileprivate var complaint: String? {
        if !(0...1).contains(labelSmoothing) { return "has label-smoothing \(labelSmoothing), outside 0…1" }
        if !(delta > 0) || !(temperature > 0) { return "has a delta or temperature that is not above 0" }
        if !(margin >= 0 && margin.isFinite) { return "has the margin \(margin.shortText), which is not 0 or more" }
        if let weight = classWeights.first(where: { !($0 >= 0 && $0.isFinite) }) {
            return "has \(weight.shortText) among its class-weights, which is not 0 or more"
        }
        return blank < 0 ? "has a blank that is no class index" : nil
    }
}
