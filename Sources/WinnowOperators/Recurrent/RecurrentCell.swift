package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// How values meet the weights of one direction of a recurrent layer.
struct RecurrentProducts {
    /// The input of all steps (T, B, I) to all gates (T, B, G·H).
    let project: (ValueName) throws -> ValueName
    /// A hidden state (B, H) to some gates.
    let recur: (ValueName, Range<Int>) throws -> ValueName
}

/// One direction of a recurrent layer while it is taken apart: its weights, and the builder that its steps go to.
struct RecurrentCell {
    let builder: GraphBuilder
    let parameters: RecurrentParameters
    let usualActivations: [String]
    let direction: Int
    let products: RecurrentProducts
    /// What is added before the steps (G·H).
    let bias: ValueName?
    /// The recurrent bias (G·H).
    let recurrentBias: ValueName?
    /// The peepholes (3·H) of an LSTM.
    let peepholes: ValueName?

    /// What the input gives to all gates, of all steps at once.
    func project(_ x: ValueName) throws -> ValueName {
        let product = try products.project(x)
        return try bias.map { try builder.add(product, $0) } ?? product
    }

    /// Activation `index` of values clipped before.
    func activate(_ index: Int, _ value: ValueName) throws -> ValueName {
        var value = value
        if let clip = parameters.clip {
            value = try builder.add(
                Clip(), value, builder.scalar(-Double(clip), like: value), builder.scalar(Double(clip), like: value))
        }
        return try applied(index, to: value)
    }

    /// Activation `index` of values as they are.
    func applied(_ index: Int, to value: ValueName) throws -> ValueName {
        try parameters.activation(index, direction: direction, usual: usualActivations).add(to: builder, value)
    }

    /// Gates `range` of values or weights whose gates lie one after the other along `axis`.
    func gates(_ value: ValueName, _ range: Range<Int>, axis: Int) throws -> ValueName {
        let size = parameters.hiddenSize
        return try builder.sliced(value, axis: axis, (range.lowerBound * size)..<(range.upperBound * size))
    }

    /// hidden · weightsᵀ of some gates.
    func recur(_ hidden: ValueName, _ gates: Range<Int>) throws -> ValueName { try products.recur(hidden, gates) }
}

/// An operator that runs one step after the other along time.
package protocol Recurrent: Operator {}

/// One that is made of products, gates and states.
protocol RecurrentOperator: Recurrent, TrainedInParts {
    static var gateCount: Int { get }
    static var stateCount: Int { get }
    static var usualActivations: [String] { get }
    var parameters: RecurrentParameters { get set }
    /// Whether inputs 1 and 2 are (D, features, G·H) rather than (D, G·H, features).
    static var weightsAreTransposed: Bool { get }
    /// The activations, by their place in the usual ones, that must make zero of zero for a unit without weights to stay zero.
    static var zeroActivations: [Int] { get }
    /// Whether features matter to each other because all of them make a range.
    static var readsRanges: Bool { get }

    /// The kernel that computes a step where everything else is usual.
    var cellKind: RecurrentCellKernel.Cell? { get }

    /// Whether the recurrent bias may be added once with the other, before the steps.
    var addsBiasesTogether: Bool { get }

    /// Inputs 1 and 2 as products.
    func products(_ b: GraphBuilder, _ inputs: [ValueName?], direction: Int) throws -> RecurrentProducts

    /// The states after a step from what the input gives to all gates (B, G·H) and the states before.
    func step(_ cell: RecurrentCell, _ input: ValueName, _ states: [ValueName]) throws -> [ValueName]
}

extension RecurrentOperator {
    static var weightsAreTransposed: Bool { false }
    static var readsRanges: Bool { false }
    var addsBiasesTogether: Bool { true }
    var cellKind: RecurrentCellKernel.Cell? { nil }

    package var minimumVersion: Int { parameters.minimumVersion }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        try parameters.outputs(for: inputs, stateCount: Self.stateCount)
    }

    /// `".ni, .[hh]i, .[hh]h, .[hhhh], n, .nh, .nh, .[hhh] -> ..nh, .nh, .nh"` for two gates: the batch, the features that meet the
    /// weights, and the hidden units, which each gate has.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let (x, state, all) = parameters.isBatchFirst ? ("n.i", "n.h", "n..h") : (".ni", ".nh", "..nh")
        func gates(_ count: Int) -> String { count == 1 ? "h" : "[\(String(repeating: "h", count: count))]" }
        func weights(_ feature: String) -> String {
            Self.weightsAreTransposed ? ".\(feature)\(gates(Self.gateCount))" : ".\(gates(Self.gateCount))\(feature)"
        }
        let operands = [x, weights("i"), weights("h"), ".\(gates(2 * Self.gateCount))", "n", state, state, ".\(gates(3))"]
        let given = inputs.enumerated().map { index, info -> String in
            guard let rank = info?.rank else { return "" }
            let known = index < 5 + Self.stateCount || index == 7
            if known, index < operands.count { return operands[index] }
            // Scales and zero points of either weight, for each row of a gate or for all.
            return Self.readsRanges && rank == 2 ? ".\(gates(Self.gateCount))" : String(repeating: ".", count: rank)
        }
        let states = [String](repeating: state, count: Self.stateCount)
        let text = "\(given.joined(separator: ","))->\(([all] + states).joined(separator: ","))"
        var map = AxisMap(text, extents: ["h": parameters.hiddenSize])
        // A unit is seen by all others through the recurrent weights, a feature through the range of all.
        map.summed = Self.readsRanges ? ["h", "i"] : ["h"]
        return map
    }

    /// Each step, sample and direction multiplies the weights of all gates with the features and with the state.
    package func multiplyAccumulates(inputs: [ValueInfo?], outputs: [ValueInfo?]) -> Int?? {
        guard let extents = inputs.first??.extents, extents.count == 3 else { return .some(nil) }
        let known = extents.compactMap(\.value)
        guard known.count == 3 else { return .some(nil) }
        let rows = parameters.directionCount * Self.gateCount *| parameters.hiddenSize
        return .some(known[0] *| known[1] *| rows *| (known[2] +| parameters.hiddenSize))
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        guard let size = extents["h"] else { return nil }
        var result = self
        result.parameters.hiddenSize = size
        return result
    }

    /// A unit without weights and without a state to begin with stays zero; a feature that is zero is in no range.
    package func effect(of zeros: Zeros) -> ZeroEffect {
        if Self.readsRanges, zeros.bearers.isSuperset(of: [0, 1]) {
            guard zeros.are(at: 0) else { return .number }
            if !zeros.bearers.contains(2) { return .zero }
        }
        let others = [3] + (5..<(5 + Self.stateCount))
        guard zeros.are(at: 1), zeros.are(at: 2), others.allSatisfy({ zeros.areOrAbsent(at: $0) }) else { return .number }
        let keepsZero = (0..<parameters.directionCount).allSatisfy { direction in
            Self.zeroActivations.allSatisfy { index in
                let activation = try? parameters.activation(index, direction: direction, usual: Self.usualActivations)
                return activation?.keepsZero(zeros.inputs.first ?? nil) == true
            }
        }
        return keepsZero ? .zero : .number
    }

    func products(_ b: GraphBuilder, _ inputs: [ValueName?], direction: Int) throws -> RecurrentProducts {
        let recurrence = try b.direction(direction, of: inputs.required(2))
        let size = parameters.hiddenSize
        return RecurrentProducts(
            project: { x in
                let weights = try b.direction(direction, of: inputs.required(1))
                return try b.add(MatMul(), x, b.transposed(weights, [1, 0]))
            },
            recur: { hidden, gates in
                let rows = try b.sliced(recurrence, axis: 0, (gates.lowerBound * size)..<(gates.upperBound * size))
                return try b.add(Gemm(transposesRight: true), hidden, rows)
            })
    }

    /// Weights W and R, whose gates lie along axis 1.
    package var quantization: QuantizationRule { .weights(channelAxes: [1: 1, 2: 1]) }

    /// Steps share one kernel and one packed copy of the weights; a batch that comes first is moved behind time.
    package func kernel(for request: KernelRequest) throws -> Kernel {
        parameters.isBatchFirst ? try sequenceKernel(request) : try request.inFloat32(steppedKernel)
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        parameters.isBatchFirst ? try inlined(node, in: graph) : nil
    }

    /// The layer with time first, between transpositions.
    private func decomposeBatchFirst(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var timeFirst = self
        timeFirst.parameters.isBatchFirst = false
        var operands = inputs
        operands[0] = try b.transposed(inputs.required(0), [1, 0, 2])
        for index in 5..<(5 + Self.stateCount) {
            if let state = inputs.present(index) { operands[index] = try b.transposed(state, [1, 0, 2]) }
        }
        let results = try b.add(timeFirst, inputs: operands, outputs: 1 + Self.stateCount)
        return [try b.transposed(results[0], [2, 0, 1, 3])] + (try results.dropFirst().map { try b.transposed($0, [1, 0, 2]) })
    }

    /// Inputs: X, W, R, bias, lengths, initial hidden state; an LSTM's initial cell state and peepholes.
    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        if parameters.isBatchFirst { return try decomposeBatchFirst(b, inputs) }
        let x = try inputs.required(0)
        let steps = try b.extent(0, of: x)
        guard steps > 0 else { throw UndeterminedShape() }
        let lengths = try inputs.present(4).map { try b.unsqueezed($0, [1]) }
        let results = try (0..<parameters.directionCount).map { direction in
            try run(b, inputs, x, direction, steps: steps, lengths: lengths)
        }
        let all = try results.count == 1 ? b.unsqueezed(results[0].all, [1])
            : b.add(Concat(axis: 1), inputs: results.map { try b.unsqueezed($0.all, [1]) })[0]
        let finals = try (0..<Self.stateCount).map { state in
            try b.add(Concat(axis: 0), inputs: results.map { try b.unsqueezed($0.finals[state], [0]) })[0]
        }
        return [all] + finals
    }

    /// One direction: the hidden states of all steps (T, B, H) and the final states.
    private func run(
        _ b: GraphBuilder, _ inputs: [ValueName?], _ x: ValueName, _ direction: Int, steps: Int, lengths: ValueName?
    ) throws -> (all: ValueName, finals: [ValueName]) {
        let cell = try cell(b, inputs, direction)
        let projected = try cell.project(x)
        var states = try initialStates(b, inputs, x, direction)
        var hidden = [ValueName](repeating: "", count: steps)
        let isReverse = parameters.direction == .reverse || direction == 1
        for step in isReverse ? Array((0..<steps).reversed()) : Array(0..<steps) {
            let input = try b.squeezed(b.sliced(projected, axis: 0, step..<(step + 1)), [0])
            let next = try self.step(cell, input, states)
            guard let lengths else {
                states = next
                hidden[step] = states[0]
                continue
            }
            let number = b.constant("step", Tensor([Double(step)], shape: [1], as: b.elementType(of: lengths)))
            (states, hidden[step]) = try b.masked(next, states, step: number, lengths: lengths)
        }
        let rows = try hidden.map { try b.unsqueezed($0, [0]) }
        return (try b.add(Concat(axis: 0), inputs: rows)[0], states)
    }

    func cell(_ b: GraphBuilder, _ inputs: [ValueName?], _ direction: Int) throws -> RecurrentCell {
        let width = Self.gateCount * parameters.hiddenSize
        let both = try inputs.present(3).map { try b.direction(direction, of: $0) }
        let recurrentBias = try both.map { try b.sliced($0, axis: 0, width..<(2 * width)) }
        var bias = try both.map { try b.sliced($0, axis: 0, 0..<width) }
        if addsBiasesTogether, let own = bias, let other = recurrentBias { bias = try b.add(own, other) }
        return RecurrentCell(
            builder: b, parameters: parameters, usualActivations: Self.usualActivations, direction: direction,
            products: try products(b, inputs, direction: direction), bias: bias,
            recurrentBias: addsBiasesTogether ? nil : recurrentBias,
            peepholes: try inputs.present(7).map { try b.direction(direction, of: $0) })
    }

    private func initialStates(_ b: GraphBuilder, _ inputs: [ValueName?], _ x: ValueName, _ direction: Int) throws -> [ValueName] {
        try (0..<Self.stateCount).map { index in
            guard let given = inputs.present(5 + index) else {
                // One row of zeros stands for every sample where their number is open.
                let batch = b.info(of: x)?.extents?[1].value ?? 1
                return b.constant("initial", Tensor(zeros: [batch, parameters.hiddenSize], b.elementType(of: x)))
            }
            return try b.direction(direction, of: given)
        }
    }
}

extension GraphBuilder {
    /// States that stay as they were, and a hidden state of zeros, where a sequence (lengths (B, 1)) is over.
    func masked(
        _ next: [ValueName], _ states: [ValueName], step: ValueName, lengths: ValueName
    ) throws -> (states: [ValueName], hidden: ValueName) {
        let isInside = try add(Greater(), lengths, step)
        let kept = try zip(next, states).map { try add(Where(), isInside, $0, $1) }
        return (kept, try add(Where(), isInside, next[0], scalar(0, like: next[0])))
    }

    /// The part of weights or states that belongs to one direction.
    func direction(_ direction: Int, of value: ValueName) throws -> ValueName {
        try squeezed(sliced(value, axis: 0, direction..<(direction + 1)), [0])
    }
}
