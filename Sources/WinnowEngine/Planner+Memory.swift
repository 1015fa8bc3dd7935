import WinnowGraph
import WinnowTensor

/// Everything a plan owns.
struct PlanMemory {
    var arena: TensorStorage
    var pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    var steps: [Plan.Step]
    /// Neighbouring steps that run as one loop, and the others by themselves.
    var loops: [Range<Int>]
    var inputs: [ValueName: Plan.Binding]
    var outputs: [ValueName: Plan.Binding]
    var updates: [(target: UnsafeMutableRawPointer, source: Plan.Binding)]
    var observations: [Plan.Observation]
    var retained: [Any]
}

extension Planner {
    /// Gives every slot its memory and every call its pointers.
    mutating func layOut() throws -> PlanMemory {
        var writers: [Int: Int] = [:]
        for (step, call) in calls.enumerated() { for case let slot? in call.outputs { writers[slot] = step } }
        let observedSlots = try observed.sorted().compactMap { try firstSlot(ofObserved: $0, writers) }.sorted { $0.step < $1.step }
        let outputSlots = try keptValues.map { ($0, try finalSlot(of: $0)) }
        let updateSlots = try graph.updates.sorted { $0.key < $1.key }.map { ($0.key, try finalSlot(of: $0.value)) }
        let kept = Set(outputSlots.map(\.1) + updateSlots.map(\.1)).map { root($0) }
        reuseInputs(kept: Set(kept))
        var blocks: [MemoryBlock] = []
        var blockOfSlot: [Int: Int] = [:]
        // No step computes what has no elements.
        let empty = observedSlots.map { root($0.slot) }.filter { slots[$0].byteCount == 0 }
        for (slot, lifetime) in lifetimes(kept: Set(kept + empty)).sorted(by: { $0.key < $1.key }) {
            blockOfSlot[slot] = blocks.count
            blocks.append(MemoryBlock(byteCount: slots[slot].byteCount, lifetime: lifetime))
        }
        let scratchByteCount = calls.map(\.kernel.scratchByteCount).max() ?? 0
        if scratchByteCount > 0 { blocks.append(MemoryBlock(byteCount: scratchByteCount, lifetime: -1...calls.count)) }
        for block in blocks { try MemoryBudget.check(block.byteCount, for: "the plan") }
        let (offsets, byteCount) = MemoryBlock.place(blocks)
        try MemoryBudget.check(byteCount +| constantByteCount, for: "the plan")
        let arena = TensorStorage(byteCount: byteCount)
        arena.base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let scratch = scratchByteCount > 0 ? offsets.last.map { arena.base + $0 } : nil

        var retained: [Any] = [variables as Any]
        let addresses = slots.indices.map { slot -> UnsafeMutableRawPointer? in
            let root = self.root(slot)
            switch slots[root].home {
            case .constant(let tensor):
                retained.append(tensor)
                return tensor.memory.storage.base + tensor.memory.byteOffset
            case .variable(let pointer): return pointer
            case .arena, .alias: return blockOfSlot[root].map { arena.base + offsets[$0] }
            }
        }
        func binding(_ slot: Int) throws -> Plan.Binding {
            guard let pointer = addresses[slot] else { throw WinnowError(.model, graph.name, "an output has no memory") }
            return Plan.Binding(pointer: pointer, shape: slots[slot].shape, elementType: slots[slot].elementType)
        }
        let inputs = try inputSlots.mapValues(binding)
        let outputs = Dictionary(try outputSlots.map { ($0.0, try binding($0.1)) }, uniquingKeysWith: { first, _ in first })
        let updates = try updateSlots.compactMap { variable, slot in
            try variables?.pointer(to: variable).map { ($0, try binding(slot)) }
        }
        let observations = try observedSlots.map { Plan.Observation(step: $0.step, name: $0.name, value: try binding($0.slot)) }
        let (pointers, steps) = makeSteps(addresses, scratch)
        return PlanMemory(
            arena: arena, pointers: pointers, steps: steps, loops: loops(over: steps, addresses), inputs: inputs, outputs: outputs,
            updates: updates.map { (target: $0.0, source: $0.1) }, observations: observations, retained: retained)
    }

    /// The slot in which an observed value first appears and the step that writes it; for inputs and constants one past the
    /// last. To be asked before memory is shared.
    ///
    /// - Parameter writers: the step that writes a slot.
    private func firstSlot(ofObserved name: ValueName, _ writers: [Int: Int]) throws -> (step: Int, name: ValueName, slot: Int)? {
        try slots(ofObserved: name).map { (writers[root($0)] ?? calls.count, name, $0) }.min { $0.0 < $1.0 }
    }

    private func makeSteps(_ addresses: [UnsafeMutableRawPointer?], _ scratch: UnsafeMutableRawPointer?)
        -> (UnsafeMutablePointer<UnsafeMutableRawPointer?>, [Plan.Step])
    {
        let count = calls.reduce(0) { $0 + $1.inputs.count + $1.outputs.count + 1 }
        let pointers = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: max(count, 1))
        var next = pointers
        let steps = calls.map { call -> Plan.Step in
            let start = next
            for slot in call.inputs + call.outputs {
                next.initialize(to: slot.flatMap { addresses[$0] })
                next += 1
            }
            next.initialize(to: scratch)
            next += 1
            return Plan.Step(
                nodeName: call.node, operatorType: call.type,
                outputShape: (call.outputs.first ?? nil).map { slots[$0].shape } ?? [], layout: call.layout,
                kernel: call.kernel,
                operands: Operands(start, inputCount: call.inputs.count, outputCount: call.outputs.count))
        }
        return (pointers, steps)
    }

    /// The slot whose memory a slot uses.
    private func root(_ slot: Int) -> Int {
        var slot = slot
        while case .alias(let other) = slots[slot].home { slot = other }
        return slot
    }

    /// Lets outputs overwrite inputs that die at the same call, where the kernel allows it.
    private mutating func reuseInputs(kept: Set<Int>) {
        var lastUse: [Int: Int] = [:]
        for (step, call) in calls.enumerated() { for case let slot? in call.inputs { lastUse[root(slot)] = step } }
        var pinned = kept.union(inputSlots.values.map { root($0) })
        for (step, call) in calls.enumerated() {
            guard case .mayOverwrite(let candidates) = call.kernel.placement, let output = call.outputs.first ?? nil,
                case .arena = slots[output].home
            else { continue }
            for candidate in candidates where candidate < call.inputs.count {
                guard let input = call.inputs[candidate] else { continue }
                let source = root(input)
                let isShared = call.inputs.enumerated().contains { $0 != candidate && $1.map { root($0) } == source }
                guard case .arena = slots[source].home, lastUse[source] == step, !pinned.contains(source), !isShared,
                    slots[source].byteCount == slots[output].byteCount, source != output
                else { continue }
                slots[output].home = .alias(source)
                lastUse[source] = lastUse[output] ?? step
                if pinned.contains(output) { pinned.insert(source) }
                break
            }
        }
    }

    /// When each arena slot is written first and read last; graph inputs and kept values live throughout.
    private func lifetimes(kept: Set<Int>) -> [Int: ClosedRange<Int>] {
        var result: [Int: ClosedRange<Int>] = [:]
        func extend(_ slot: Int, to step: Int) {
            let root = self.root(slot)
            guard case .arena = slots[root].home else { return }
            let old = result[root] ?? step...step
            result[root] = min(old.lowerBound, step)...max(old.upperBound, step)
        }
        for slot in inputSlots.values {
            extend(slot, to: -1)
            extend(slot, to: calls.count)
        }
        for (step, call) in calls.enumerated() {
            for case let slot? in call.inputs + call.outputs { extend(slot, to: step) }
        }
        for slot in kept { extend(slot, to: calls.count) }
        return result
    }
}
