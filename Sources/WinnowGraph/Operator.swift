import WinnowTensor

/// The name of an operator: ONNX's own domain is empty; operators that only plans contain live in `winnow`.
package struct OperatorType: Hashable, Sendable, CustomStringConvertible {
    package var domain: String
    package var name: String

    /// The domain of operators that no file holds.
    package static let planDomain = "winnow"

    package init(_ name: String, domain: String = "") {
        self.name = name
        self.domain = domain
    }

    package var description: String { domain.isEmpty ? name : "\(domain).\(name)" }
}

/// A value that knows every rule other layers ask of one ONNX operator.
///
/// Only `outputs(for:)` and `kernel(for:)` are required; every other member defaults to the safe "unknown".
package protocol Operator: Sendable {
    static var type: OperatorType { get }

    /// The most inputs that any version of it takes.
    static var maximumInputCount: Int { get }

    /// The most outputs that any version of it has in a file.
    static var maximumOutputCount: Int { get }

    /// The name it is written under; differs from the static one only for operators Winnow does not know.
    var type: OperatorType { get }

    /// Reads the attributes as the operator-set `version` of the operator's domain defines them.
    init(attributes: Attributes, version: Int) throws

    /// Reads the operator; another where an old version's meaning needs one.
    static func reading(_ attributes: Attributes, version: Int) throws -> any Operator

    /// The attributes to write, so that reading them at the same version gives this operator back.
    var attributes: Attributes { get }

    /// Attributes that are the number of an element type: of what comes out, or of what is computed on the way there.
    static var typeAttributes: Set<String> { get }

    /// The lowest operator-set version that has everything this operator uses.
    var minimumVersion: Int { get }

    /// The lowest operator-set version that has everything this node uses: which inputs it has may ask for a newer one.
    func minimumVersion(of node: Node) -> Int

    /// The highest operator-set version that has this form: a later one moved attributes to inputs or changed their meaning.
    var maximumVersion: Int { get }

    /// The same at newer operator-set versions than `maximumVersion`. nil: there is no such form.
    func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit?

    /// What comes out. Omitted optional inputs are nil. Extents may be symbolic; shape arithmetic fills in
    /// `constant` or `symbolicElements` of the outputs where it can.
    func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo]

    /// How it is computed for fixed shapes: decide everything here, once; the kernel then runs without allocating.
    func kernel(for request: KernelRequest) throws -> Kernel

    /// In which memory layouts it computes.
    func layouts(for inputs: [ValueInfo?]) -> LayoutRule

    /// What it takes inputs for, where that is something else than data or weights, or wide integers are weights.
    var inputRoles: [Int: OperandRole] { get }

    /// Inputs for which ONNX has no float16, whatever the others are.
    var float32Inputs: Set<Int> { get }

    /// Which axes of its operands are the same axis.
    func axes(for inputs: [ValueInfo?]) -> AxisMap

    /// How often it multiplies and adds, of such values; an inner nil where an extent is not known, an outer where it is no
    /// contraction, or its axes are not known.
    func multiplyAccumulates(inputs: [ValueInfo?], outputs: [ValueInfo?]) -> Int??

    /// The same for other extents of the labels that its attributes fix in `axes(for: inputs)`. nil: there is none.
    func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)?

    /// What comes out where zeros go in: at the indices of one of its labels.
    func effect(of zeros: Zeros) -> ZeroEffect

    /// Its derivative as graph: one gradient per input, nil where there is none. nil as a whole: not differentiable.
    func gradient(_ context: GradientContext) throws -> [ValueName?]?

    /// What its first output is to its first input when the model runs; nil: something else.
    func passing(of node: Node, in graph: GraphIndex) -> Passing?

    /// What every element of its first output lies between by its definition, whatever goes in, both ends within reach of ordinary
    /// numbers; nil: nothing of that kind.
    var outputBounds: ClosedRange<Float>? { get }

    /// Whether positive factors of the indices of an axis of its first input come out as they are: f(s·x) = s·f(x) along every
    /// axis that its map has in both.
    var passesFactors: Bool { get }

    /// Whether a number that is added to all elements of its first input comes out as it is: f(x + c) = f(x) + c.
    var passesShifts: Bool { get }

    /// Along which axes of the output the elements, or their exponentials, are probabilities; nil: along none.
    func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities?

    /// The value whose sigmoid the node gives, if that is what it computes.
    func sigmoid(of node: Node, in graph: GraphIndex) -> ValueName?

    /// Whether two runs may give different numbers.
    var draws: Bool { get }

    /// Whether numbers from 0 to 1 give numbers from 0 to 1.
    var combinesUnitIntervals: Bool { get }

    /// What int8 may do here.
    var quantization: QuantizationRule { get }

    /// The graphs that it runs, by attribute name: the branches of If, the body of Loop.
    var bodies: [String: Graph] { get }

    /// What it becomes when planned, together with its neighbours: fused, or in integers. nil: stays as it is.
    func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit?

    /// What it becomes once nothing is left to lower: its constants as kernels read them, which all plans then share. nil: stays as it is.
    func packing(of node: Node, in graph: GraphIndex) throws -> GraphEdit?

    /// What it becomes while training (batch statistics, random masks, fused fake quantization). nil: stays as it is.
    func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit?
}

extension Operator {
    package static var maximumInputCount: Int { .max }
    package static var maximumOutputCount: Int { 1 }
    package var type: OperatorType { Self.type }
    package static func reading(_ attributes: Attributes, version: Int) throws -> any Operator {
        try Self(attributes: attributes, version: version)
    }
    package var attributes: Attributes { [:] }
    package static var typeAttributes: Set<String> { [] }
    package var minimumVersion: Int { 1 }
    package func minimumVersion(of node: Node) -> Int { minimumVersion }
    package var maximumVersion: Int { .max }
    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { nil }
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .rowMajor }
    package var inputRoles: [Int: OperandRole] { [:] }
    package var float32Inputs: Set<Int> { [] }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }
    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? { nil }
    package func effect(of zeros: Zeros) -> ZeroEffect { quantization == .keepsScale && zeros.are(at: 0) ? .zero : .number }
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { nil }
    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { nil }
    package var outputBounds: ClosedRange<Float>? { nil }
    package var passesFactors: Bool { quantization == .keepsScale }
    package var passesShifts: Bool { quantization == .keepsScale }
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? { nil }
    package func sigmoid(of node: Node, in graph: GraphIndex) -> ValueName? { nil }
    package var draws: Bool { false }
    package var combinesUnitIntervals: Bool { false }
    package var quantization: QuantizationRule { .floatOnly }
    package var bodies: [String: Graph] { [:] }
    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { nil }
    package func packing(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { nil }
    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { nil }
}

/// What int8 may do at an operator.
package enum QuantizationRule: Sendable, Hashable {
    /// Multiplies and adds its data with a weight: runs on integer codes with int32 sums (Conv, MatMul, Gemm).
    case contraction
    /// Multiplies its data with weights in float, and they may be stored as codes: the weights' inputs with the axis that
    /// has a scale for each index.
    case weights(channelAxes: [Int: Int])
    /// Moves or selects codes: output scale and zero point are the input's (Reshape, MaxPool, Transpose).
    case keepsScale
    /// Combines quantized inputs into a newly scaled output (Add, Mul, Concat, AveragePool).
    case sharesScale
    case floatOnly
}

/// In which memory layouts an operator computes.
package enum LayoutRule: Sendable, Hashable {
    /// Every operand row-major.
    case rowMajor
    /// All operands in one layout, whichever comes: elementwise work on operands of equal rank (scalars aside).
    case shared
    /// As `shared`, but the kernel may also read input 0 row-major and write channels-last: where the first reader of the
    /// result asks for it.
    case reordering
    /// The listed operands channels-last, every other operand row-major.
    case channelsLast(inputs: Set<Int>, outputs: Set<Int>)
}

/// The table that turns a name in a file into an operator.
package struct OperatorRegistry: Sendable {
    private let types: [OperatorType: any Operator.Type]

    package init(_ types: [any Operator.Type]) {
        self.types = Dictionary(types.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The operator of this name, or an `UnknownOperator` that carries name and attributes through unchanged.
    /// Throws `.model` for attributes that it cannot have, and for more outputs.
    package func makeOperator(_ type: OperatorType, attributes: Attributes, version: Int) throws -> any Operator {
        guard type.domain != OperatorType.planDomain, let known = types[type] else {
            return UnknownOperator(type, attributes: attributes, version: version)
        }
        if let count = attributes.outputCount, count > known.maximumOutputCount {
            throw WinnowError(.model, "outputs", "are \(count), but it has \(known.maximumOutputCount) at most")
        }
        return try attributes.readWhole { try known.reading($0, version: version) }
    }

    package func contains(_ type: OperatorType) -> Bool { types[type] != nil }
}
