import WinnowGraph
import WinnowTensor

/// Chooses layouts and kernels for every node and finds out which memory each value needs.
struct Planner {
    /// Where a value lies, in one layout.
    struct Slot {
        enum Home { case arena, constant(Tensor), variable(UnsafeMutableRawPointer), alias(Int) }
        var home: Home
        var shape: Shape
        var elementType: ElementType
        var byteCount: Int { elementType.byteCount(of: shape.elementCount) }
    }

    /// A kernel with the slots it reads and writes; nil for omitted operands.
    struct Call {
        var node: String
        var type: String
        var kernel: Kernel
        var inputs: [Int?]
        var outputs: [Int?]
        var layout: Layout
    }

    let graph: Graph
    let options: SessionOptions
    let variables: VariableStore?
    /// Outputs that are looked at as soon as they are computed and not kept.
    let observed: Set<ValueName>
    var infos: [ValueName: ValueInfo]
    var slots: [Slot] = []
    var calls: [Call] = []
    /// The slots a value has, by layout.
    private var locations: [ValueName: [Layout: Int]] = [:]
    private let firstReaders: [ValueName: Node]
    var inputSlots: [ValueName: Int] = [:]
    /// The bytes of what was computed while planning.
    private(set) var constantByteCount = 0
    /// Nodes left for later, in order: what comes out of them depends on contents, or they read what does.
    private(set) var postponed: [Node] = []
    private var postponedValues: Set<ValueName> = []
    /// Inputs that are lists or optionals, which have no slot.
    private(set) var givenNames: Set<ValueName> = []

    init(_ graph: Graph, inputShapes: [ValueName: Shape], variables: VariableStore?, observed: Set<ValueName> = [], options: SessionOptions) throws {
        self.graph = graph
        self.observed = observed
        self.options = options
        self.variables = variables
        firstReaders = Dictionary(
            graph.nodes.flatMap { node in node.inputs.map { ($0, node) } }, uniquingKeysWith: { first, _ in first })
        var types: [ValueName: ValueType] = [:]
        for input in graph.inputs {
            if !input.type.isTensor { givenNames.insert(input.name); continue }
            guard let shape = inputShapes[input.name] ?? input.type.shape else {
                throw WinnowError(.data, "input \(input.name)", "is missing", remedy: "the model takes \(input.type)")
            }
            let type = ValueType(input.type.elementType, shape)
            guard input.type.accepts(type) else {
                throw WinnowError(.shape, "input \(input.name)", "has shape \(shape), but the model takes \(input.type)")
            }
            types[input.name] = type
        }
        infos = try graph.inferInfos(inputTypes: types, variables: Set(variables?.names ?? []))
        for input in graph.inputs {
            guard let shape = types[input.name]?.shape else { continue }
            let slot = addSlot(Slot(home: .arena, shape: shape, elementType: input.type.elementType))
            inputSlots[input.name] = slot
            locations[input.name] = [.rowMajor: slot]
        }
        for name in variables?.names ?? [] {
            guard let pointer = variables?.pointer(to: name), let tensor = graph.initializers[name] else { continue }
            locations[name] = [
                .rowMajor: addSlot(Slot(home: .variable(pointer), shape: tensor.shape, elementType: tensor.elementType))
            ]
        }
    }

    mutating func planNodes() throws {
        for node in graph.nodes {
            let node = namingLeftOutOutputs(of: node)
            let results = node.outputs.map { $0.isEmpty ? nil : infos[$0] }
            if !results.isEmpty, results.allSatisfy({ $0 == nil || ($0?.constant != nil && $0?.isGuess == false) }) { continue }
            if reads(node) || (isInterpreted(node) && variables == nil) {
                postpone(node)
                continue
            }
            do { try plan(node) } catch let error as WinnowError {
                if error.kind == .unsupported, mayWait(node) {
                    postpone(node)
                } else {
                    throw error.subject.contains(node.name) ? error : error.within("node \(node.name) (\(node.op.type))")
                }
            }
        }
        for output in keptValues { _ = try slot(of: output, in: .rowMajor) }
        // A constant gets its slot where it is read, which may be nowhere.
        for value in observed where !postponedValues.contains(value) && locations[value] == nil {
            _ = try slot(of: value, in: .rowMajor)
        }
    }

    /// The node with a name for each output that is left out beside others than the first: kernels know outputs by their places
    /// and give all of them, or the first alone.
    private mutating func namingLeftOutOutputs(of node: Node) -> Node {
        guard let last = node.outputs.lastIndex(where: { !$0.isEmpty }), last > 0,
            let own = try? node.op.outputs(for: node.inputs.map { $0.isEmpty ? nil : infos[$0] })
        else { return node }
        var node = node
        node.outputs += [ValueName](repeating: "", count: max(0, own.count - node.outputs.count))
        for index in own.indices where node.outputs[index].isEmpty {
            let name = "\u{0}\(node.name).\(index)"
            node.outputs[index] = name
            infos[name] = own[index]
        }
        return node
    }

    private func isInterpreted(_ node: Node) -> Bool {
        (node.op as? any InterpretedOperator)?.isInterpreted(for: node.inputs.map { infos[$0] }) ?? false
    }

    private mutating func postpone(_ node: Node) {
        postponed.append(node)
        postponedValues.formUnion(node.outputs.filter { !$0.isEmpty })
    }

    /// Whether the node reads a value that is computed later.
    private func reads(_ node: Node) -> Bool {
        !postponedValues.isEmpty && node.readValues.contains { postponedValues.contains($0) }
    }

    /// Whether the node may be possible once the contents of its inputs are there.
    private func mayWait(_ node: Node) -> Bool {
        variables == nil && !(node.op is UnknownOperator)
            && node.inputs.contains { !$0.isEmpty && infos[$0]?.constant == nil && graph.initializers[$0] == nil }
    }

    /// What the plan must keep until it has run: outputs, updates, and what is read later.
    var keptValues: [ValueName] {
        let later = postponed.flatMap(\.readValues).filter { !postponedValues.contains($0) && constant($0) == nil }
        let outputs = graph.outputs.filter { !postponedValues.contains($0) && !observed.contains($0) }
        var seen: Set<ValueName> = []
        return (outputs + graph.updates.values + later).filter { !givenNames.contains($0) && seen.insert($0).inserted }
    }

    /// The contents of a value that are known before running.
    private func constant(_ name: ValueName) -> Tensor? {
        infos[name]?.isGuess == true ? graph.initializers[name] : infos[name]?.constant ?? graph.initializers[name]
    }

    /// What is left to do after the plan; nil where it is complete.
    func continuation() throws -> Continuation? {
        guard !postponed.isEmpty else { return nil }
        let (first, rest) = (postponed.filter { !reads($0) }, postponed.filter { reads($0) })
        let readByRest = Set(rest.flatMap(\.readValues))
        var constants: [ValueName: Tensor] = [:]
        var entries: Set<ValueName> = []
        for name in Set(postponed.flatMap(\.readValues)) where !postponedValues.contains(name) {
            if let tensor = constant(name) {
                constants[name] = tensor
            } else if readByRest.contains(name) {
                entries.insert(name)
            }
        }
        return try Continuation(first, rest: rest, of: graph, constants: constants, entries: entries.sorted(), options)
    }

    /// The slot of a value in row-major order, once everything is planned.
    mutating func finalSlot(of value: ValueName) throws -> Int { try slot(of: value, in: .rowMajor) }

    /// Every slot of an observed value, in whatever layout; none for what is computed after the plan.
    func slots(ofObserved value: ValueName) throws -> [Int] {
        if postponedValues.contains(value) { return [] }
        if let slots = locations[value]?.values, !slots.isEmpty { return slots.sorted() }
        throw WinnowError(.model, "value \(value)", "is computed by no node")
    }

    private mutating func addSlot(_ slot: Slot) -> Int {
        slots.append(slot)
        return slots.count - 1
    }

    private mutating func plan(_ node: Node) throws {
        if let unknown = node.op as? UnknownOperator { throw unknown.refusal(ofNode: node.name) }
        if isInterpreted(node), let op = node.op as? any InterpretedOperator { throw op.refusal(ofNode: node.name) }
        let known = node.inputs.map { $0.isEmpty ? nil : infos[$0] }
        if let foreign = known.lazy.compactMap({ $0?.type.foreign }).first { throw foreign.refusal(of: node.name, "reads") }
        guard known.allSatisfy({ $0?.type.isTensor ?? true }) else {
            throw WinnowError(.unsupported, node.name, "takes tensors, but an input is a list or may be nothing")
        }
        let layouts = chooseLayouts(node, known)
        var inputs: [Int?] = []
        var operands: [OperandPlan?] = []
        for (index, name) in node.inputs.enumerated() {
            guard !name.isEmpty else { inputs.append(nil); operands.append(nil); continue }
            let slot = try slot(of: name, in: layouts.inputs[index])
            inputs.append(slot)
            operands.append(operand(slot, layouts.inputs[index]))
        }
        var results: [OperandPlan] = []
        for (index, name) in node.outputs.enumerated() {
            guard !name.isEmpty else { continue }
            guard let info = infos[name], let shape = info.shape else {
                throw WinnowError(
                    .unsupported, "value \(name)", "its shape (\(infos[name]?.type.description ?? "unknown")) depends on data")
            }
            results.append(OperandPlan(shape: shape, elementType: info.elementType, layout: layouts.outputs[index]))
            try MemoryBudget.check(info.elementType.byteCount(of: shape.elementCount), for: "value \(name)")
        }
        let request = KernelRequest(nodeName: node.name, inputs: operands, outputs: results, arithmetic: options.arithmetic)
        let kernel = try node.op.checkedKernel(for: request)
        try add(node, kernel, inputs, results)
    }

    /// Runs a kernel now if all its inputs are constants, else adds its call.
    private mutating func add(_ node: Node, _ kernel: Kernel, _ inputs: [Int?], _ results: [OperandPlan]) throws {
        let isConstant = inputs.allSatisfy { slot in
            guard let slot else { return true }
            if case .constant = slots[slot].home { return true }
            return false
        }
        var outputs: [Int?] = []
        var remaining = results[...]
        for name in node.outputs {
            guard !name.isEmpty, let result = remaining.popFirst() else { outputs.append(nil); continue }
            let slot: Int
            if kernel.placement == .view, outputs.isEmpty, let source = inputs.first ?? nil {
                slot = addSlot(Slot(home: .alias(source), shape: result.shape, elementType: result.elementType))
            } else {
                slot = addSlot(Slot(home: .arena, shape: result.shape, elementType: result.elementType))
            }
            outputs.append(slot)
            locations[name, default: [:]][normalized(result.layout, result.shape)] = slot
        }
        if isConstant {
            try evaluate(kernel, inputs, outputs)
        } else if kernel.placement != .view, results.contains(where: { $0.shape.elementCount > 0 }) {
            calls.append(
                Call(
                    node: node.name, type: node.op.type.description, kernel: kernel, inputs: inputs, outputs: outputs,
                    layout: results.first?.layout ?? .rowMajor))
        }
    }

    /// Computes constants while planning.
    private mutating func evaluate(_ kernel: Kernel, _ inputs: [Int?], _ outputs: [Int?]) throws {
        if kernel.placement == .view {
            guard let source = inputs.first ?? nil, case .constant(let tensor) = slots[source].home, let slot = outputs[0]
            else { return }
            slots[slot].home = .constant(tensor.reshaped(slots[slot].shape))
            return
        }
        constantByteCount = outputs.reduce(constantByteCount) { sum, slot in sum +| (slot.map { slots[$0].byteCount } ?? 0) }
        try MemoryBudget.check(constantByteCount +| kernel.scratchByteCount, for: "what depends on constants alone")
        let results = outputs.map { slot in slot.map { Tensor(zeros: slots[$0].shape, slots[$0].elementType) } }
        let sources = inputs.map { slot -> Tensor? in
            guard let slot, case .constant(let tensor) = slots[slot].home else { return nil }
            return tensor
        }
        try kernel.runOnce(sources, results)
        for (slot, result) in zip(outputs, results) {
            if let slot, let result { slots[slot].home = .constant(result) }
        }
    }

    private func operand(_ slot: Int, _ layout: Layout) -> OperandPlan {
        let constant: Tensor? = if case .constant(let tensor) = slots[slot].home { tensor } else { nil }
        return OperandPlan(
            shape: slots[slot].shape, elementType: slots[slot].elementType,
            layout: normalized(layout, slots[slot].shape), constant: constant)
    }
}

extension Planner {
    /// Below rank 3 both layouts are the same.
    private func normalized(_ layout: Layout, _ shape: Shape) -> Layout { shape.rank < 3 ? .rowMajor : layout }

    private func chooseLayouts(_ node: Node, _ known: [ValueInfo?]) -> (inputs: [Layout], outputs: [Layout]) {
        let rowMajor = (
            inputs: [Layout](repeating: .rowMajor, count: node.inputs.count),
            outputs: [Layout](repeating: .rowMajor, count: node.outputs.count)
        )
        switch node.op.layouts(for: known) {
        case .rowMajor: return rowMajor
        case .channelsLast(let inputs, let outputs):
            return (
                node.inputs.indices.map { inputs.contains($0) ? .channelsLast : .rowMajor },
                node.outputs.indices.map { outputs.contains($0) ? .channelsLast : .rowMajor }
            )
        case .reordering where wantsChannelsLast(node.output(0)) && !isChannelsLast(node.input(0)):
            return (rowMajor.inputs, rowMajor.outputs.map { _ in .channelsLast })
        case .shared, .reordering:
            let isChannelsLast = node.inputs.contains { self.isChannelsLast($0) }
            let layout: Layout = isChannelsLast ? .channelsLast : .rowMajor
            return (rowMajor.inputs.map { _ in layout }, rowMajor.outputs.map { _ in layout })
        }
    }

    private func isChannelsLast(_ value: ValueName?) -> Bool { value.flatMap { locations[$0]?[.channelsLast] } != nil }

    /// Whether the first reader of a value asks for it channels-last.
    private func wantsChannelsLast(_ value: ValueName?) -> Bool {
        guard let value, let reader = firstReaders[value], let input = reader.inputs.firstIndex(of: value),
            case .channelsLast(let inputs, _) = reader.op.layouts(for: reader.inputs.map { $0.isEmpty ? nil : infos[$0] })
        else { return false }
        return inputs.contains(input)
    }

    /// The slot of a value in a layout; reorders it there if it is only to be had in the other.
    private mutating func slot(of value: ValueName, in wanted: Layout) throws -> Int {
        if locations[value] == nil, let tensor = infos[value]?.constant ?? graph.initializers[value] {
            let slot = addSlot(Slot(home: .constant(tensor), shape: tensor.shape, elementType: tensor.elementType))
            locations[value] = [.rowMajor: slot]
        }
        guard let found = locations[value], let (layout, source) = found.first else {
            throw WinnowError(.model, "value \(value)", "is computed by no node")
        }
        let target = normalized(wanted, slots[source].shape)
        if let slot = found[target] { return slot }
        let slot = reorder(value, source, from: layout, to: target)
        locations[value]?[target] = slot
        return slot
    }

    private mutating func reorder(_ value: ValueName, _ source: Int, from layout: Layout, to target: Layout) -> Int {
        let (shape, elementType) = (slots[source].shape, slots[source].elementType)
        let permutation = layout.reorder(to: target, shape: shape, elementByteCount: max(1, elementType.bitWidth / 8))
        if case .constant(let tensor) = slots[source].home {
            var copy = Tensor(uninitialized: shape, elementType)
            copy.withUnsafeMutableBytes { bytes in
                tensor.withUnsafeBytes { from in
                    guard let to = bytes.baseAddress, let from = from.baseAddress else { return }
                    permutation.copy(from: from, to: to)
                }
            }
            return addSlot(Slot(home: .constant(copy), shape: shape, elementType: elementType))
        }
        if permutation.isIdentity {
            return addSlot(Slot(home: .alias(source), shape: shape, elementType: elementType))
        }
        let slot = addSlot(Slot(home: .arena, shape: shape, elementType: elementType))
        let kernel = Kernel { operands in permutation.copy(from: operands.input(0), to: operands.output(0)) }
        calls.append(
            Call(node: value, type: "winnow.Reorder", kernel: kernel, inputs: [source], outputs: [slot], layout: target))
        return slot
    }
}
