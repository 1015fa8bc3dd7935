import WinnowGraph
import WinnowTensor

/// The kernels of a small graph one after the other, its intermediate values in scratch memory, every value row-major.
final class KernelSequence {
    /// Where a value lies when the sequence runs.
    private enum Place {
        case input(Int), output(Int), scratch(Int), constant(Tensor)
    }

    private struct Step {
        var kernel: Kernel
        var operands: [Place?]
        var inputCount: Int
        var pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    }

    private var steps: [Step] = []
    /// Outputs that are another value's memory and are copied at the end.
    private var copies: [(from: Place, output: Int, byteCount: Int)] = []
    private var places: [ValueName: Place] = [:]
    /// Values computed from constants alone, while the sequence is made.
    private var folded: [ValueName: Tensor] = [:]
    private var foldedByteCount = 0
    private(set) var scratchByteCount = 0
    private var kernelScratchByteCount = 0

    /// `inputs` gives the operand index of each graph input.
    init(_ graph: Graph, inputs: [ValueName: Int], arithmetic: Arithmetic) throws {
        for input in graph.inputs { places[input.name] = inputs[input.name].map { .input($0) } }
        for (name, tensor) in graph.initializers { places[name] = .constant(tensor) }
        var targets: [ValueName: Int] = [:]
        // One output is written in place; of several, some may be omitted, so all are copied.
        if graph.outputs.count == 1 { targets[graph.outputs[0]] = 0 }
        let live = graph.liveNodes
        for node in graph.nodes where live.contains(node.name) { try add(node, graph, targets, arithmetic) }
        for (index, output) in graph.outputs.enumerated() {
            guard let place = places[output], let info = graph.infos[output], let shape = info.shape else { continue }
            if case .output(index) = place { continue }
            copies.append((place, index, info.elementType.byteCount(of: shape.elementCount)))
        }
        scratchByteCount = scratchByteCount +| kernelScratchByteCount
        (places, folded) = ([:], [:])
    }

    deinit { for step in steps { step.pointers.deallocate() } }

    private func add(_ node: Node, _ graph: Graph, _ targets: [ValueName: Int], _ arithmetic: Arithmetic) throws {
        func plan(_ name: ValueName) throws -> OperandPlan {
            guard let info = graph.infos[name], let shape = info.shape else {
                throw WinnowError(.unsupported, node.name, "the shape of \(name) depends on data")
            }
            return OperandPlan(shape: shape, elementType: info.elementType, constant: info.constant ?? folded[name])
        }
        if node.outputs.allSatisfy({ graph.infos[$0]?.constant != nil }) {
            for name in node.outputs { places[name] = graph.infos[name]?.constant.map { .constant($0) } }
            return
        }
        let outputs = try node.outputs.filter { !$0.isEmpty }.map(plan)
        let inputs = try node.inputs.map { $0.isEmpty ? nil : try plan($0) }
        let kernel = try node.op.checkedKernel(
            for: KernelRequest(nodeName: node.name, inputs: inputs, outputs: outputs, arithmetic: arithmetic))
        if kernel.placement == .view {
            places[node.outputs[0]] = places[node.inputs[0]]
            folded[node.outputs[0]] = inputs[0]?.constant?.reshaped(outputs[0].shape)
            return
        }
        if !inputs.isEmpty, inputs.allSatisfy({ $0 == nil || $0?.constant != nil }) {
            foldedByteCount = outputs.reduce(foldedByteCount) { $0 +| $1.byteCount }
            try MemoryBudget.check(foldedByteCount, for: node.name)
            let results = outputs.map { Tensor(zeros: $0.shape, $0.elementType) }
            try kernel.runOnce(inputs.map { $0?.constant }, results)
            for (name, result) in zip(node.outputs.filter { !$0.isEmpty }, results) {
                folded[name] = result
                places[name] = .constant(result)
            }
            return
        }
        for (name, output) in zip(node.outputs.filter { !$0.isEmpty }, outputs) {
            places[name] = targets[name].map { .output($0) } ?? .scratch(reserve(output.byteCount))
        }
        kernelScratchByteCount = max(kernelScratchByteCount, kernel.scratchByteCount)
        let operands = (node.inputs + node.outputs).map { $0.isEmpty ? nil : places[$0] }
        steps.append(
            Step(
                kernel: kernel, operands: operands, inputCount: node.inputs.count,
                pointers: .allocate(capacity: operands.count + 1)))
    }

    private func reserve(_ byteCount: Int) -> Int {
        defer { scratchByteCount = scratchByteCount +| ((byteCount +| 63) / 64 * 64) }
        return scratchByteCount
    }

    func run(_ operands: Operands) throws {
        let kernelScratch = operands.scratch.map { $0 + scratchByteCount - kernelScratchByteCount }
        for step in steps {
            for (index, place) in step.operands.enumerated() { step.pointers[index] = place.flatMap { pointer($0, operands) } }
            step.pointers[step.operands.count] = kernelScratch
            try step.kernel.run(
                Operands(step.pointers, inputCount: step.inputCount, outputCount: step.operands.count - step.inputCount))
        }
        for copy in copies {
            guard let source = pointer(copy.from, operands) else { continue }
            operands.optionalOutput(copy.output)?.copyMemory(from: source, byteCount: copy.byteCount)
        }
    }

    private func pointer(_ place: Place, _ operands: Operands) -> UnsafeMutableRawPointer? {
        switch place {
        case .input(let index): operands.optionalInput(index).map { UnsafeMutableRawPointer(mutating: $0) }
        case .output(let index): operands.optionalOutput(index)
        case .scratch(let offset): operands.scratch.map { $0 + offset }
        case .constant(let tensor): tensor.memory.storage.base + tensor.memory.byteOffset
        }
    }
}

extension Graph {
    /// The names of nodes that the outputs depend on.
    fileprivate var liveNodes: Set<String> {
        var needed = Set(outputs)
        var live: Set<String> = []
        for node in nodes.reversed() where node.outputs.contains(where: { needed.contains($0) }) {
            live.insert(node.name)
            needed.formUnion(node.inputs)
        }
        return live
    }
}
