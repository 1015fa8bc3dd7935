package import WinnowGraph
package import WinnowTensor

/// A graph bound to shapes, layouts, kernels and one memory arena; executing it allocates nothing.
///
/// Where shapes depend on contents, and at control flow, the plan splits: it executes what it can, then continues with a
/// plan of the rest for the shapes that came out.
package final class Plan {
    /// One kernel call, or one node that is computed where the plan splits, as it can be shown to a user.
    package struct Step {
        package let nodeName: String
        package let operatorType: String
        package let outputShape: Shape
        package let layout: Layout
        /// Which of several ways to compute the node it is; nil where there is one.
        package var kernelName: String? { kernel.name }
        let kernel: Kernel
        let operands: Operands

        /// Runs the step alone; what it reads must have been computed by an execution before.
        func execute() throws { try kernel.run(operands) }
    }

    /// The steps in order; those that depend on contents as the last execution had them.
    package var steps: [Step] { part?.steps ?? ownSteps + (continuation?.steps(after: self) ?? []) }
    private let ownSteps: [Step]
    /// Which of them run together, block by block.
    package let loops: [Range<Int>]
    /// The bytes of all intermediate values together, after sharing memory.
    package let arenaByteCount: Int
    private let arena: TensorStorage
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private let inputs: [ValueName: Binding]
    private let outputs: [ValueName: Binding]
    private let observations: [Observation]
    /// What may be observed, also after the split.
    private let observed: Set<ValueName>
    private let updates: [(target: UnsafeMutableRawPointer, source: Binding)]
    /// What is left to do where shapes depend on contents.
    private let continuation: Continuation?
    /// The plan of a part of the samples, which is executed for one part after the other.
    private let part: Plan?
    /// How often an execution takes its steps.
    package let partCount: Int
    /// Inputs that are lists or optionals: they lie beside the arena.
    private let givenNames: Set<ValueName>
    private var given: [ValueName: Datum] = [:]
    /// Keeps constants and variables alive.
    private let retained: [Any]

    /// Where a value of the plan lies.
    struct Binding {
        let pointer: UnsafeMutableRawPointer
        let shape: Shape
        let elementType: ElementType
        var byteCount: Int { elementType.byteCount(of: shape.elementCount) }
    }

    /// A look at a value once a step has run.
    struct Observation {
        let step: Int
        let name: ValueName
        let value: Binding
    }

    /// Plans `graph` as it stands (see `Graph.lowered`) for these input shapes; inputs with fixed types may be left out.
    /// Outputs that are `observed` are not kept (see `execute(observing:)`).
    /// Throws `.shape` where shapes do not fit, `.unsupported` for what has no kernel, and with `variables` where an extent
    /// depends on data.
    package init(
        _ graph: Graph, inputShapes: [ValueName: Shape] = [:], variables: VariableStore? = nil, observed: Set<ValueName> = [],
        options: SessionOptions = SessionOptions()
    ) throws {
        var planner = try Planner(
            graph, inputShapes: inputShapes, variables: variables, observed: observed, options: options)
        try planner.planNodes()
        let memory = try planner.layOut()
        arena = memory.arena
        arenaByteCount = memory.arena.byteCount
        pointers = memory.pointers
        ownSteps = memory.steps
        loops = memory.observations.isEmpty ? memory.loops : memory.steps.indices.map { $0..<$0 + 1 }
        inputs = memory.inputs
        outputs = memory.outputs
        updates = memory.updates
        observations = memory.observations
        self.observed = observed
        retained = memory.retained
        givenNames = planner.givenNames
        continuation = try planner.continuation()
        (part, partCount) = (nil, 1)
    }

    /// Executes `part` so often, on one part of the samples after the other: they lie along the first axis of these inputs and of all
    /// outputs. nil where the plan of a part depends on contents.
    package init?(repeating part: Plan, _ partCount: Int, splitting split: Set<ValueName>) throws {
        guard part.continuation == nil, part.updates.isEmpty, part.observations.isEmpty, part.givenNames.isEmpty,
            (part.inputs.values.map(\.elementType) + part.outputs.values.map(\.elementType)).allSatisfy({ $0.bitWidth >= 8 })
        else { return nil }
        func whole(_ own: Binding) -> Shape { Shape([own.shape[0] * partCount] + own.shape.extents.dropFirst()) }
        let shapes = part.inputs.map { (name: $0, isInput: true, binding: $1, shape: split.contains($0) ? whole($1) : $1.shape) }
            + part.outputs.map { (name: $0, isInput: false, binding: $1, shape: whole($1)) }
        let blocks = shapes.map { MemoryBlock(byteCount: $0.binding.elementType.byteCount(of: $0.shape.elementCount), lifetime: 0...0) }
        let (offsets, byteCount) = MemoryBlock.place(blocks)
        try MemoryBudget.check(byteCount + part.arenaByteCount, for: "the plan")
        arena = TensorStorage(byteCount: byteCount)
        arena.base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        var (inputs, outputs): ([ValueName: Binding], [ValueName: Binding]) = ([:], [:])
        for (value, offset) in zip(shapes, offsets) {
            let binding = Binding(pointer: arena.base + offset, shape: value.shape, elementType: value.binding.elementType)
            if value.isInput { inputs[value.name] = binding } else { outputs[value.name] = binding }
        }
        (self.inputs, self.outputs, self.part, self.partCount) = (inputs, outputs, part, partCount)
        arenaByteCount = byteCount + part.arenaByteCount
        pointers = .allocate(capacity: 1)
        (ownSteps, loops, updates, observations, observed, givenNames, retained, continuation) = ([], [], [], [], [], [], [], nil)
    }

    deinit { pointers.deallocate() }

    /// Of a step that is no kernel call.
    var noOperands: Operands { Operands(UnsafePointer(pointers), inputCount: 0, outputCount: 0) }

    /// Copies `tensor` into the plan's input; the same contents serve every execution until set again.
    package func setInput(_ name: ValueName, _ tensor: Tensor) throws {
        guard let binding = inputs[name] else {
            throw WinnowError(
                .data, "input \(name)", "the model has no such input",
                remedy: "its inputs are \(inputs.keys.sorted().joined(separator: ", "))")
        }
        guard tensor.elementType == binding.elementType, tensor.shape == binding.shape else {
            throw WinnowError(
                .shape, "input \(name)",
                "is \(tensor.elementType) \(tensor.shape), but the plan takes \(binding.elementType) \(binding.shape)")
        }
        tensor.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { binding.pointer.copyMemory(from: base, byteCount: bytes.count) }
        }
    }

    /// Sets an input that may be a list or nothing.
    package func setInput(_ name: ValueName, _ datum: Datum) throws {
        if givenNames.contains(name) { given[name] = datum; return }
        guard let tensor = datum.tensor else { throw WinnowError(.data, "input \(name)", "is no tensor") }
        try setInput(name, tensor)
    }

    /// A copy of an output, or an input that is a list or optional; nil if the graph has no such value.
    package func datum(_ name: ValueName) -> Datum? {
        if givenNames.contains(name) { return given[name] ?? .nothing }
        if outputs[name] != nil { return output(name).map { .tensor($0) } }
        return continuation?.datum(name)
    }

    /// Calls `body` with the memory of an input, row-major, for writing in place.
    package func withInput<Result>(
        _ name: ValueName, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        guard let binding = inputs[name] else { return nil }
        return try body(UnsafeMutableRawBufferPointer(start: binding.pointer, count: binding.byteCount))
    }

    /// The shape of an input or output; nil where the value depends on contents.
    package func shape(of name: ValueName) -> Shape? { inputs[name]?.shape ?? outputs[name]?.shape ?? continuation?.datum(name)?.tensor?.shape }

    /// Runs every step, then writes updates back to their variables.
    package func execute() throws { try execute { _, _ in } }

    /// The same, showing each observed value to `body` where it lies as soon as it is there, its elements in any order.
    package func execute(observing body: (ValueName, UnsafeRawBufferPointer) -> Void) throws {
        if let part { return try execute(part) }
        let (steps, observations) = (ownSteps, observations)
        var next = 0
        func observe(until step: Int) {
            while next < observations.count, observations[next].step <= step {
                let value = observations[next].value
                body(observations[next].name, UnsafeRawBufferPointer(start: value.pointer, count: value.byteCount))
                next += 1
            }
        }
        for loop in loops {
            try execute(loop, of: steps)
            observe(until: loop.upperBound - 1)
        }
        observe(until: steps.count)
        let updates = updates
        for update in updates { update.target.copyMemory(from: update.source.pointer, byteCount: update.source.byteCount) }
        guard let continuation else { return }
        try continuation.execute(after: self)
        for name in observed { continuation.datum(name)?.tensor?.withUnsafeBytes { body(name, $0) } }
    }

    private func execute(_ part: Plan) throws {
        /// Where a part of the samples lies in the memory of all; what they share lies at the start for each.
        func place(_ index: Int, _ own: Binding, in whole: Binding) -> UnsafeMutableRawPointer {
            whole.pointer + (whole.byteCount == own.byteCount ? 0 : index * own.byteCount)
        }
        for index in 0..<partCount {
            for (name, own) in part.inputs {
                guard let whole = inputs[name] else { continue }
                own.pointer.copyMemory(from: place(index, own, in: whole), byteCount: own.byteCount)
            }
            try part.execute()
            for (name, own) in part.outputs {
                guard let whole = outputs[name] else { continue }
                place(index, own, in: whole).copyMemory(from: own.pointer, byteCount: own.byteCount)
            }
        }
    }

    private func execute(_ loop: Range<Int>, of steps: [Step]) throws {
        guard loop.count > 1, let elements = steps[loop.lowerBound].kernel.elements else {
            return try steps[loop.lowerBound].execute()
        }
        elements.forBlocks(elements.count) { block in
            for index in loop { steps[index].kernel.elements?.run(steps[index].operands, block) }
        }
    }

    /// A copy of an output, row-major; nil if the graph has no such output.
    package func output(_ name: ValueName) -> Tensor? {
        guard let binding = outputs[name] else { return continuation?.datum(name)?.tensor }
        var tensor = Tensor(uninitialized: binding.shape, binding.elementType)
        tensor.withUnsafeMutableBytes { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: binding.pointer, count: bytes.count))
        }
        return tensor
    }

    /// Calls `body` with the memory of an output, row-major; valid until the next execution.
    package func withOutput<Result>(
        _ name: ValueName, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        guard let binding = outputs[name] else { return try continuation?.datum(name)?.tensor?.withUnsafeBytes(body) }
        return try body(UnsafeRawBufferPointer(start: binding.pointer, count: binding.byteCount))
    }
}
