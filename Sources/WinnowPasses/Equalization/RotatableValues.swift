import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Values between layers that may be multiplied, along their last axis, with an orthogonal matrix: everything that makes or reads them is a
/// layer, a table or a constant, which takes the matrix, or is linear, or normalizes, and lets it pass.
struct RotatableValues {
    /// A constant that takes the matrix, and its axis.
    struct Operand: Hashable {
        let tensor: ValueName
        let axis: Int
    }

    /// The numbers that lie together in every value.
    private(set) var extent = 0
    /// Weights and tables.
    private(set) var weights: [Operand] = []
    private(set) var constants: [Operand] = []
    /// Those whose scale or shift their layers must take first.
    private(set) var normalizations: [Node] = []
    /// Whether a normalization takes means.
    private(set) var keepsMeans = false
    private(set) var values: Set<ValueName> = []
    /// Values that must be none of these, for they multiply them.
    private var factors: Set<ValueName> = []
    private var pending: [ValueName] = []
    private var passed: Set<String> = []

    struct Refusal: Error { let reason: String }

    /// The largest block of a Hadamard matrix that divides all values.
    var size: Int { extent & -extent }

    /// What `value`, which a layer reads, is one of.
    init(from value: ValueName, in search: MatrixLayers) throws(Refusal) {
        pending = [value]
        while let next = pending.popLast() {
            guard values.insert(next).inserted else { continue }
            try take(next, in: search)
        }
        if let factor = values.intersection(factors).min() { throw Refusal(reason: "\(factor) multiplies what it would be turned with") }
        guard size > 1 else { throw Refusal(reason: "\(value): its extent is odd") }
        guard Set(weights + constants).count == weights.count + constants.count else { throw Refusal(reason: "a constant is read twice") }
    }

    private mutating func take(_ value: ValueName, in search: MatrixLayers) throws(Refusal) {
        let index = search.index
        guard let info = index.info(of: value), info.elementType == .float32, let last = info.extents?.last?.value, last > 0 else {
            throw Refusal(reason: "\(value): its last extent is not known")
        }
        guard !index.isOutput(value), let producer = index.producer(of: value) else {
            throw Refusal(reason: "\(value) is an input or output of the model")
        }
        var (a, b) = (extent, last)
        while a != 0 { (a, b) = (b % a, a) }
        extent = b
        if let site = search.layer(producer) {
            weights.append(try search.operand(site.tensor, site.outputAxis))
            if let bias = producer.input(2) { try takeConstant(bias, like: last, in: search) }
        } else if let gather = producer.op as? Gather, gather.axis == 0, let table = producer.input(0), index.constant(table)?.rank == 2 {
            weights.append(try search.operand(table, 1))
        } else {
            try pass(producer, in: search)
        }
        for reader in index.consumers(of: value) {
            guard let site = search.layer(reader), reader.input(0) == value, reader.inputs.count(where: { $0 == value }) == 1 else {
                try pass(reader, in: search)
                continue
            }
            let operand = try search.operand(site.tensor, site.summedAxis)
            if !weights.contains(operand) { weights.append(operand) }
        }
    }

    private mutating func takeConstant(_ name: ValueName, like extent: Int, in search: MatrixLayers) throws(Refusal) {
        guard let tensor = search.index.constant(name), tensor.elementType == .float32, tensor.shape.last == extent else {
            throw Refusal(reason: "\(name) has no number for each channel")
        }
        constants.append(try search.operand(name, tensor.rank - 1))
    }

    /// Follows what a node that is no layer makes of values; each node once.
    private mutating func pass(_ node: Node, in search: MatrixLayers) throws(Refusal) {
        guard passed.insert(node.name).inserted else { return }
        let (index, refusal) = (search.index, Refusal(reason: "\(node.name) (\(node.op.type)) passes no rotation on"))
        guard let output = node.output(0), node.op.bodies.isEmpty else { throw refusal }
        let isConstant = node.inputs.map { index.constant($0) != nil }
        func last(_ value: ValueName) -> Int? { index.info(of: value)?.extents?.last?.value }
        switch node.op {
        case is Add, is Sub:
            for (input, isConstant) in zip(node.inputs, isConstant) {
                if isConstant {
                    try takeConstant(input, like: last(output) ?? 0, in: search)
                } else if last(input) == last(output) {
                    pending.append(input)
                } else {
                    throw refusal
                }
            }
        case is Mul, is Div:
            guard let place = isConstant.firstIndex(of: true), index.constant(node.inputs[place])?.elementCount == 1,
                let other = isConstant.firstIndex(of: false), node.op is Mul || place == 1
            else { throw refusal }
            pending.append(node.inputs[other])
        case let op as any RowNormalization:
            guard search.normalizesLastAxis(node) else { throw refusal }
            if !search.isPlain(node) {
                guard search.mayMoveScale(of: node) else {
                    throw Refusal(reason: "\(node.name) has a scale, and what else than layers reads its result")
                }
                normalizations.append(node)
            }
            keepsMeans = keepsMeans || op.takesMeans
            pending.append(node.inputs[0])
        case is MatMul:
            // Sums of rows: the matrix of factors has other axes.
            guard isConstant == [false, false] else { throw refusal }
            factors.insert(node.inputs[0])
            pending.append(node.inputs[1])
        default:
            try move(node, isConstant, refusal, in: search)
        }
        for value in node.outputs where !value.isEmpty { pending.append(value) }
    }

    /// Nodes that move numbers and leave those along the last axis together.
    private mutating func move(_ node: Node, _ isConstant: [Bool], _ refusal: Refusal, in search: MatrixLayers) throws(Refusal) {
        let index = search.index
        switch node.op.passing(of: node, in: index) {
        case .unchanged?, .reshaped?: pending.append(node.inputs[0])
        case .permuted(let order)?:
            guard order.last == order.count - 1 else { throw refusal }
            pending.append(node.inputs[0])
        default:
            let map = node.op.axes(for: node.inputs.map { $0.isEmpty ? nil : index.info(of: $0) })
            guard node.op.quantization == .keepsScale && !(node.op is MaxPool) || node.op is Concat, !map.isOpaque, let label = map.outputs.first?.last,
                case .label = label, map.outputs.allSatisfy({ $0.last == label })
            else { throw refusal }
            // Where each index along the axis is told by itself where to read from, nothing may be turned.
            guard zip(node.inputs, map.inputs).allSatisfy({ index.info(of: $0)?.elementType.isInteger != true || !$1.contains(label) })
            else { throw refusal }
            for (place, input) in node.inputs.enumerated() where !input.isEmpty && !isConstant[place] {
                guard index.info(of: input)?.elementType == .float32 else { continue }
                guard map.inputs.indices.contains(place), map.inputs[place].last == label else { throw refusal }
                pending.append(input)
            }
            guard zip(node.inputs, isConstant).allSatisfy({ !$1 || index.info(of: $0)?.elementType != .float32 }) else { throw refusal }
        }
    }
}
