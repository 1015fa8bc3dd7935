/// A stored property of a pass that recipes, `--set`, help and reports see under its kebab-case name.
///
/// ```swift
/// @Hyperparameter("fraction of the weights set to zero", in: 0...1) var sparsity = 0.5
/// ```
@propertyWrapper
public struct Hyperparameter<Value: HyperparameterConvertible>: Sendable {
    private var storage: HyperparameterStorage<Value>
    let help: String
    let range: ClosedRange<Double>?
    let rehearsal: Double?
    let conditions: [HyperparameterCondition]

    /// - Parameters:
    ///   - rehearsal: the largest number while the pass is only tried out; nil: any.
    ///   - counts: what others must be for a value other than this one to count, each of them.
    public init(
        wrappedValue: Value, _ help: String, in range: ClosedRange<Double>? = nil, rehearsal: Double? = nil,
        counts conditions: HyperparameterCondition...
    ) {
        storage = HyperparameterStorage(wrappedValue)
        self.help = help
        self.range = range
        self.rehearsal = rehearsal
        self.conditions = conditions
    }

    public var wrappedValue: Value {
        get { storage.value }
        set { storage = HyperparameterStorage(newValue) }
    }
}

/// The value behind a hyperparameter, shared so that a pass just made can be filled in through reflection.
private final class HyperparameterStorage<Value: Sendable>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

/// A type that a hyperparameter may have.
public protocol HyperparameterConvertible: Sendable {
    /// What may be written, for help and errors: `number`, `one of l1, l2`.
    static var kind: String { get }
    /// The JSON Schema of what may be written, numbers in it lying in `range`.
    static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue
    /// nil when `value` is not of this kind; throws what a part of it has to say.
    init?(_ value: HyperparameterValue) throws
    var hyperparameterValue: HyperparameterValue { get }
    /// The same without what a recipe need not say.
    var recipeValue: HyperparameterValue { get }
    /// What is wrong with a value set from Swift; nil where every value of the type is right.
    var complaint: String? { get }
}

extension HyperparameterConvertible {
    public var recipeValue: HyperparameterValue { hyperparameterValue }
    public var complaint: String? { nil }
}

/// What reflection asks of a hyperparameter whatever its type.
protocol AnyHyperparameter {
    var help: String { get }
    var kind: String { get }
    var range: ClosedRange<Double>? { get }
    var conditions: [HyperparameterCondition] { get }
    var current: HyperparameterValue { get }
    var recipeValue: HyperparameterValue { get }
    var schema: HyperparameterValue { get }
    /// Fills in the value of a pass that nobody else holds yet; nil if it is fine, otherwise what is wrong with it.
    func fill(_ value: HyperparameterValue) throws -> String?
    /// Whether it is something else while the pass is only tried out.
    var isShortened: Bool { get }
    /// Fills in what another of this kind is, or is while its pass is only tried out.
    func take(_ other: any AnyHyperparameter, shortened: Bool)
    /// What is wrong with the current value.
    func complaint() -> String?
    /// Throws what is wrong with passes within the current value.
    func checkPasses() throws
    /// Whether a loss in it, or in passes within it, takes labels for texts.
    var takesLabelsForTexts: Bool { get }
}

extension Hyperparameter: AnyHyperparameter {
    var kind: String { Value.kind }
    var current: HyperparameterValue { wrappedValue.hyperparameterValue }
    var recipeValue: HyperparameterValue { wrappedValue.recipeValue }
    var schema: HyperparameterValue { Value.schema(in: range) }

    func fill(_ value: HyperparameterValue) throws -> String? {
        guard let converted = try Value(value) else { return "is \(value.quoted), not \(Value.kind)" }
        storage.value = converted
        return complaint()
    }

    var isShortened: Bool { shortened != nil }

    /// What it is while the pass is only tried out; nil where that is the same.
    private var shortened: Value? {
        switch wrappedValue {
        case let pass as any Pass: return pass.rehearsal as? Value
        case let steps as [PassStep]: return steps.isEmpty ? nil : steps.map { PassStep($0.pass.rehearsal) } as? Value
        default:
            guard let rehearsal, let number = current.double, number > rehearsal else { return nil }
            return try? Value(HyperparameterValue(rehearsal))
        }
    }

    func take(_ other: any AnyHyperparameter, shortened: Bool) {
        guard let other = other as? Self else { return }
        storage.value = shortened ? other.shortened ?? other.wrappedValue : other.wrappedValue
    }

    func complaint() -> String? {
        if let complaint = wrappedValue.complaint { return complaint }
        guard let range else { return nil }
        for number in current.numbers where !range.contains(number) {
            return "is \(number.shortText), outside \(range.lowerBound.shortText)…\(range.upperBound.shortText)"
        }
        return nil
    }

    func checkPasses() throws {
        switch wrappedValue {
        case let pass as any Pass: try pass.checkHyperparameters()
        case let steps as [PassStep]: for step in steps { try step.checkHyperparameters() }
        default: return
        }
    }

    var takesLabelsForTexts: Bool {
        switch wrappedValue {
        case let pass as any Pass: pass.takesLabelsForTexts
        case let steps as [PassStep]: steps.contains { $0.pass.takesLabelsForTexts }
        case let terms as [ObjectiveTerm]: terms.contains(where: \.takesLabelsForTexts)
        default: false
        }
    }
}

extension Double {
    /// The number without a needless ".0".
    package var shortText: String { self == rounded() && magnitude < 1e15 ? "\(Int(self))" : "\(self)" }
}

extension Double: HyperparameterConvertible {
    public static var kind: String { "a number" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .schema("number", kind, in: range) }
    public init?(_ value: HyperparameterValue) {
        guard let number = value.double, number.isFinite else { return nil }
        self = number
    }
    public var hyperparameterValue: HyperparameterValue { .number(self) }
}

extension Int: HyperparameterConvertible {
    public static var kind: String { "a whole number" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .schema("integer", kind, in: range) }
    public init?(_ value: HyperparameterValue) {
        guard let number = value.double, let exact = Int(exactly: number) else { return nil }
        self = exact
    }
    public var hyperparameterValue: HyperparameterValue { .int(self) }
}

extension Bool: HyperparameterConvertible {
    public static var kind: String { "true or false" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .schema("boolean", kind) }
    public init?(_ value: HyperparameterValue) {
        guard case .bool(let flag) = value else { return nil }
        self = flag
    }
    public var hyperparameterValue: HyperparameterValue { .bool(self) }
}

extension String: HyperparameterConvertible {
    public static var kind: String { "a text" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        .table(["type": ["string", "number", "boolean"], "description": .string(kind)])
    }
    public init?(_ value: HyperparameterValue) {
        switch value {
        case .string(let text): self = text
        case .int, .number, .bool: self = value.description
        default: return nil
        }
    }
    public var hyperparameterValue: HyperparameterValue { .string(self) }
}

extension Array: HyperparameterConvertible where Element: HyperparameterConvertible {
    public static var kind: String { "a list, each \(Element.kind)" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        let element = Element.schema(in: range)
        return .schema(anyOf: [.table(["type": "array", "items": element]), element, .table(["type": "null"])])
    }
    public init?(_ value: HyperparameterValue) throws {
        let converted = try value.elements.map { try Element($0) }
        self = converted.compactMap { $0 }
        guard count == converted.count else { return nil }
    }
    public var hyperparameterValue: HyperparameterValue { .list(map(\.hyperparameterValue)) }
    public var complaint: String? { lazy.compactMap(\.complaint).first }
    public var recipeValue: HyperparameterValue { .list(map(\.recipeValue)) }
}

extension Optional: HyperparameterConvertible where Wrapped: HyperparameterConvertible {
    public static var kind: String { "\(Wrapped.kind) or none" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        .schema(anyOf: [Wrapped.schema(in: range), .schema(words: ["none"])])
    }
    public init?(_ value: HyperparameterValue) throws {
        if value == .none || value == .string("none") { self = .none; return }
        guard let wrapped = try Wrapped(value) else { return nil }
        self = .some(wrapped)
    }
    public var hyperparameterValue: HyperparameterValue { self?.hyperparameterValue ?? .none }
    public var recipeValue: HyperparameterValue { self?.recipeValue ?? .none }
}

extension HyperparameterValue {
    /// A text where words are chosen from; no value is the word `none`, as it is read.
    var word: String? {
        switch self {
        case .string(let text): text
        case .none: "none"
        default: nil
        }
    }
}

/// A hyperparameter that is one of a few words.
public protocol HyperparameterChoice: HyperparameterConvertible, CaseIterable, RawRepresentable
where RawValue == String {}

extension HyperparameterChoice {
    public static var kind: String { "one of \(allCases.map(\.rawValue).joined(separator: ", "))" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .schema(words: allCases.map(\.rawValue)) }
    public init?(_ value: HyperparameterValue) {
        guard let choice = value.word.flatMap(Self.init(rawValue:)) else { return nil }
        self = choice
    }
    public var hyperparameterValue: HyperparameterValue { .string(rawValue) }
}
