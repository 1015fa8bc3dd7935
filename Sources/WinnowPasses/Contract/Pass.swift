public import WinnowGraph
import WinnowTensor

/// Turns a graph into a graph with findings; a Codable value whose hyperparameters are its stored properties.
///
/// ```swift
/// let pass = StructuredPruning { $0.sparsity = 0.5; $0.importance = "fpgm" }
/// print(pass)  // structured-pruning: { importance: fpgm, sparsity: 0.5 }
/// ```
public protocol Pass: Codable, Sendable, CustomStringConvertible {
    /// Its name in recipes and on the command line, in kebab-case.
    static var name: String { get }
    /// One line for lists.
    static var summary: String { get }
    /// What it does, when to use it and where it comes from, for `winnow passes NAME`.
    static var guide: String { get }
    /// The page of `Guides/` about it, which errors lead to.
    static var page: String { get }
    /// The hyperparameters by which it does more or less.
    static var strengths: [Strength] { get }
    /// Whether applying it to its own result changes nothing.
    static var isIdempotent: Bool { get }

    init()

    /// The data it cannot do without.
    var needs: PassNeeds { get }
    /// The files of other models that it reads.
    var models: [String] { get }
    /// Other files that it reads.
    var files: [String] { get }
    /// Passes over the training data that it makes, all rounds together.
    var trainedEpochs: Int { get }
    /// The same with one epoch of training at most and few rounds, candidates and steps, to try it out.
    var rehearsal: Self { get }

    /// The changed graph and a finding for every weight tensor.
    func apply(to graph: Graph, in context: PassContext) throws -> PassResult
}

/// The data a pass cannot do without.
public enum PassNeeds: String, Codable, Sendable, Comparable {
    case nothing, calibration, training

    private var rank: Int { self == .nothing ? 0 : self == .calibration ? 1 : 2 }
    public static func < (a: PassNeeds, b: PassNeeds) -> Bool { a.rank < b.rank }
}

/// What a pass gives back.
public struct PassResult: Sendable {
    public var graph: Graph
    public var findings: [Finding]

    public init(graph: Graph, findings: [Finding] = []) {
        self.graph = graph
        self.findings = findings
    }
}

extension Pass {
    /// The pass with its defaults but for what `change` sets.
    public init(_ change: (inout Self) throws -> Void) rethrows {
        self.init()
        try change(&self)
    }

    public var needs: PassNeeds { .nothing }
    public var models: [String] { [] }
    public var files: [String] { [] }
    public var trainedEpochs: Int { 0 }
    public var rehearsal: Self { shortened }
    public static var guide: String { summary }
    public static var page: String { "\(Self.self)" }
    public static var strengths: [Strength] { [] }
    public static var isIdempotent: Bool { false }

    public init(from decoder: any Decoder) throws {
        try self.init(hyperparameters: [String: HyperparameterValue](from: decoder))
    }

    public func encode(to encoder: any Encoder) throws { try hyperparameters.encode(to: encoder) }

    /// Applies the pass; names it, and its page, in whatever goes wrong.
    public func callAsFunction(_ graph: Graph, in context: PassContext = PassContext()) throws -> PassResult {
        try WinnowError.leading(to: Self.page) {
            do { return try apply(to: graph, in: context) } catch let error as WinnowError {
                throw error.subject.hasPrefix("\(Self.name): ") ? error : error.within(Self.name)
            }
        }
    }
}
