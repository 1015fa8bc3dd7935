import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What a body that is run again and again takes from around it: where its nodes stand among the others, this makes its inputs.
struct BodyEntrance: Operator {
    enum Kind: Hashable {
        /// What the run before handed on, at first input 0.
        case state
        /// Input 0 without this axis, along which it is walked.
        case slice(axis: Int)
        /// Something else of this type: which run it is, whether there is one.
        case number(ValueType)
    }

    static let type = OperatorType("BodyEntrance")

    /// That of the node whose body it is.
    let type: OperatorType
    let kind: Kind

    init(_ kind: Kind, of node: Node) { (self.kind, type) = (kind, node.op.type) }

    init(attributes: Attributes, version: Int) throws { throw WinnowError.belongsToNoFile(Self.type) }

    func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        switch kind {
        case .state: return [ValueInfo(try inputs.required(0).type)]
        case .slice(let axis):
            var type = try inputs.required(0).type
            type.extents?.remove(at: axis)
            return [ValueInfo(type)]
        case .number(let type): return [ValueInfo(type)]
        }
    }

    func kernel(for request: KernelRequest) throws -> Kernel { throw WinnowError.belongsToNoFile(Self.type) }

    func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let rank = inputs.optional(0)?.rank ?? 0
        guard rank <= AxisMap.letters.count else { return .opaque }
        let others = inputs.dropFirst().map { _ in [AxisTerm]() }
        var terms = (0..<rank).map { AxisTerm.label(AxisMap.letters[$0]) }
        switch kind {
        case .state: return AxisMap(inputs: [terms] + others, outputs: [terms])
        case .slice(let axis):
            terms[axis] = .opaque
            return AxisMap(inputs: [terms] + others, outputs: [Array(terms[..<axis]) + terms[(axis + 1)...]])
        case .number(let type):
            let own = [AxisTerm](repeating: .opaque, count: type.rank ?? 0)
            return AxisMap(inputs: inputs.indices.map { [AxisTerm](repeating: .one, count: $0 == 0 ? rank : 0) }, outputs: [own])
        }
    }

    /// That a state is zero in all runs if it is in the first holds where `BodyExit` finds it zero behind each.
    func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }
}

/// What a body hands on: its inputs are those of the node, then the states behind a run, then what else the body gives that is not collected;
/// its outputs are the states behind the last run, and a number that says that there was one.
///
/// Channels of a state may go where they are zero before the first run and behind each.
struct BodyExit: Operator {
    static let type = OperatorType("BodyExit")
    static let maximumOutputCount = Int.max

    let type: OperatorType
    /// How many inputs the node has.
    let operandCount: Int
    /// Which of them are states.
    let states: [Int]

    init(attributes: Attributes, version: Int) throws { throw WinnowError.belongsToNoFile(Self.type) }

    init(of node: Node, states: [Int]) { (type, operandCount, self.states) = (node.op.type, node.inputs.count, states) }

    func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        try states.indices.map { ValueInfo(try inputs.required(operandCount + $0).type) } + [ValueInfo(ValueType(.float32, []))]
    }

    func kernel(for request: KernelRequest) throws -> Kernel { throw WinnowError.belongsToNoFile(Self.type) }

    func axes(for inputs: [ValueInfo?]) -> AxisMap {
        var letters = AxisMap.letters.makeIterator()
        // Of what is no state nothing is said, and nothing is asked.
        var terms = inputs.map { [AxisTerm](repeating: .one, count: $0?.rank ?? 0) }
        var results: [[AxisTerm]] = []
        for (number, place) in states.enumerated() {
            let own = (0..<(inputs.optional(place)?.rank ?? 0)).compactMap { _ in letters.next().map { AxisTerm.label($0) } }
            guard operandCount + number < inputs.count, own.count == terms[place].count, own.count == terms[operandCount + number].count
            else { return .opaque }
            (terms[place], terms[operandCount + number]) = (own, own)
            results.append(own)
        }
        var map = AxisMap(inputs: terms, outputs: results + [[]])
        map.summed = Set(results.joined().flatMap(\.labels))
        return map
    }

    func effect(of zeros: Zeros) -> ZeroEffect {
        let bearers = zeros.bearers.intersection(states + states.indices.map { operandCount + $0 })
        return !bearers.isEmpty && bearers.isSubset(of: zeros.indices) ? .zero : .number
    }
}

/// What a body gives in each run, stacked along an axis; input 1 says that there were runs.
struct BodyCollection: Operator {
    static let type = OperatorType("BodyCollection")

    let type: OperatorType
    let axis: Int
    /// How many runs there are.
    let length: Extent

    init(of node: Node, axis: Int, length: Extent) { (type, self.axis, self.length) = (node.op.type, axis, length) }

    init(attributes: Attributes, version: Int) throws { throw WinnowError.belongsToNoFile(Self.type) }

    func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        var type = try inputs.required(0).type
        type.extents?.insert(length, at: axis)
        return [ValueInfo(type)]
    }

    func kernel(for request: KernelRequest) throws -> Kernel { throw WinnowError.belongsToNoFile(Self.type) }

    func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, rank <= AxisMap.letters.count else { return .opaque }
        let terms = (0..<rank).map { AxisTerm.label(AxisMap.letters[$0]) }
        return AxisMap(inputs: [terms, []], outputs: [Array(terms[..<axis]) + [.opaque] + terms[axis...]])
    }

    func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }
}

extension WinnowError {
    fileprivate static func belongsToNoFile(_ type: OperatorType) -> WinnowError {
        WinnowError(.unsupported, "\(type)", "stands for a border that is analysed; nothing runs it")
    }
}
