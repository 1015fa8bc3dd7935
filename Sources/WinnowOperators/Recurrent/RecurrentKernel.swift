import WinnowGraph
import WinnowKernels
import WinnowTensor

extension RecurrentOperator {
    /// Inputs of all steps at once, then one step's kernels again and again; time before the batch, float32.
    func steppedKernel(_ request: KernelRequest) throws -> Kernel {
        let directions = try (0..<parameters.directionCount).map { try RecurrentKernel(self, request, direction: $0) }
        return Kernel(scratchByteCount: directions.map(\.scratchByteCount).max() ?? 0) { operands in
            for direction in directions { try direction.run(operands) }
        }
    }
}

/// One direction of a recurrent layer.
private final class RecurrentKernel {
    private let projection: KernelSequence
    /// What a step's own kernels do; nil where one kernel does it all.
    private let step: KernelSequence?
    private let cell: RecurrentCellKernel?
    private let direction: Int
    private let directionCount: Int
    private let isReverse: Bool
    private let stepCount: Int
    private let stateCount: Int
    /// Bytes of what the input gives to one step, and of one state.
    private let gateByteCount: Int
    private let stateByteCount: Int
    private let inputCount: Int
    private let isWideLength: Bool?
    private let pointers: OperandList

    init(_ op: some RecurrentOperator, _ request: KernelRequest, direction: Int) throws {
        let x = try request.input(0).shape
        guard x.rank == 3, x.elementCount > 0 else {
            throw WinnowError(.shape, request.nodeName, "its input \(x) is not (steps, batch, features)")
        }
        let (parameters, width) = (op.parameters, type(of: op).gateCount * op.parameters.hiddenSize)
        try Self.check(request, batch: x[1], stateCount: type(of: op).stateCount, parameters)
        self.direction = direction
        directionCount = parameters.directionCount
        isReverse = parameters.direction == .reverse || direction == 1
        stepCount = x[0]
        stateCount = type(of: op).stateCount
        gateByteCount = ElementType.float32.byteCount(of: x[1] *| width)
        stateByteCount = ElementType.float32.byteCount(of: x[1] *| parameters.hiddenSize)
        inputCount = request.inputs.count
        isWideLength = request.optionalInput(4).map { $0.elementType == .int64 }
        pointers = OperandList(count: inputCount + 2 * stateCount + 4)

        let projecting = GraphBuilder("projection")
        let names = try Self.declare(request.inputs, projecting)
        let projected = try op.cell(projecting, names, direction).project(names.required(0))
        guard projecting.info(of: projected)?.shape == [x[0], x[1], width] else {
            throw WinnowError(.shape, request.nodeName, "its weights do not fit \(parameters.hiddenSize) hidden units")
        }
        projection = try KernelSequence(projecting.graph(outputs: [projected]), inputs: Self.places(of: names), arithmetic: request.arithmetic)
        cell = try Self.cell(of: op, request, direction, rows: x[1])
        step = cell == nil ? try Self.step(of: op, request, direction, rows: x[1]) : nil
    }

    /// The kernels of a step: behind the layer's inputs come the gates, the states and the step's number.
    private static func step(
        of op: some RecurrentOperator, _ request: KernelRequest, _ direction: Int, rows: Int
    ) throws -> KernelSequence {
        let (builder, size, inputCount) = (GraphBuilder("step"), op.parameters.hiddenSize, request.inputs.count)
        let operands = try declare(request.inputs, builder)
        let input = try builder.input("gates", .float32, [.fixed(rows), .fixed(type(of: op).gateCount * size)])
        let states = try (0..<type(of: op).stateCount).map { try builder.input("state.\($0)", .float32, [.fixed(rows), .fixed(size)]) }
        var results = try op.step(op.cell(builder, operands, direction), input, states)
        if let lengths = request.optionalInput(4), let name = operands.present(4) {
            let number = try builder.input("step", lengths.elementType, [1])
            let masked = try builder.masked(results, states, step: number, lengths: builder.unsqueezed(name, [1]))
            results = masked.states + [masked.hidden]
        }
        guard results.allSatisfy({ builder.info(of: $0)?.shape == [rows, size] }) else {
            throw WinnowError(.shape, request.nodeName, "its weights do not fit \(size) hidden units")
        }
        var places = places(of: operands)
        for (index, name) in (["gates"] + states + ["step"]).enumerated() { places[name] = inputCount + index }
        return try KernelSequence(builder.graph(outputs: results), inputs: places, arithmetic: request.arithmetic)
    }

    private static func places(of inputs: [ValueName?]) -> [ValueName: Int] {
        Dictionary(uniqueKeysWithValues: inputs.indices.map { (inputName($0), $0) })
    }

    /// The kernel of a whole step; nil where something is unusual: activations, lengths, peepholes, weights that are not constant.
    private static func cell(
        of op: some RecurrentOperator, _ request: KernelRequest, _ direction: Int, rows: Int
    ) throws -> RecurrentCellKernel? {
        let (parameters, size) = (op.parameters, op.parameters.hiddenSize)
        guard let kind = op.cellKind, parameters.hasUsualActivations(type(of: op).usualActivations), parameters.clip == nil,
            request.optionalInput(4) == nil, request.optionalInput(7) == nil,
            let weights = try request.input(2).constant, weights.elementType == .float32
        else { return nil }
        let width = type(of: op).gateCount * size
        guard weights.shape == [parameters.directionCount, width, size] else { return nil }
        var bias: [Float]?
        if let both = request.optionalInput(3), !op.addsBiasesTogether {
            guard let values = both.constant, values.shape == [parameters.directionCount, 2 * width] else { return nil }
            bias = Array(values.floats()[(direction * 2 * width + width)..<((direction + 1) * 2 * width)])
        }
        return weights.withElements(Float.self) { weights in
            weights.baseAddress.flatMap {
                RecurrentCellKernel(kind, size: size, rows: rows, weights: $0 + direction * width * size, bias: bias)
            }
        }
    }

    /// Throws unless lengths and initial states are those of the batch.
    private static func check(_ request: KernelRequest, batch: Int, stateCount: Int, _ parameters: RecurrentParameters) throws {
        let state: Shape = [parameters.directionCount, batch, parameters.hiddenSize]
        for index in 0..<stateCount {
            if let given = request.optionalInput(5 + index), given.shape != state || given.elementType != .float32 {
                throw WinnowError(.shape, request.nodeName, "its initial state is \(given.elementType) \(given.shape), not float32 \(state)")
            }
        }
        if let lengths = request.optionalInput(4), lengths.shape != [batch] || ![.int32, .int64].contains(lengths.elementType) {
            throw WinnowError(.shape, request.nodeName, "its lengths are \(lengths.elementType) \(lengths.shape), not \(batch) integers")
        }
    }

    private static func inputName(_ index: Int) -> ValueName { "input.\(index)" }

    private static func declare(_ inputs: [OperandPlan?], _ builder: GraphBuilder) throws -> [ValueName?] {
        try inputs.enumerated().map { index, plan in
            guard let plan else { return nil }
            if let constant = plan.constant { return builder.constant(inputName(index), constant) }
            return try builder.input(inputName(index), plan.elementType, plan.shape.map { .fixed($0) })
        }
    }

    /// Scratch memory: gates of all steps, two sets of states and a hidden state, the number of the step, the kernels' own.
    private var gatesEnd: Int { rounded(stepCount * gateByteCount) }
    private var statesEnd: Int { gatesEnd + (2 * stateCount + 1) * rounded(stateByteCount) }
    var scratchByteCount: Int { statesEnd + 64 + max(projection.scratchByteCount, step?.scratchByteCount ?? 0, cell?.scratchByteCount ?? 0) }
    private func rounded(_ count: Int) -> Int { (count + 63) / 64 * 64 }

    func run(_ operands: Operands) throws {
        guard let scratch = operands.scratch else { return }
        for index in 0..<inputCount {
            pointers[index] = operands.optionalInput(index).map { UnsafeMutableRawPointer(mutating: $0) }
        }
        pointers[inputCount] = scratch
        pointers[inputCount + 1] = scratch + statesEnd + 64
        try projection.run(Operands(pointers.base, inputCount: inputCount, outputCount: 1))
        for index in 0..<stateCount {
            if let given = operands.optionalInput(5 + index) {
                state(scratch, 0, index).copyMemory(from: given + direction * stateByteCount, byteCount: stateByteCount)
            } else {
                state(scratch, 0, index).initializeMemory(as: UInt8.self, repeating: 0, count: stateByteCount)
            }
        }
        for count in 0..<stepCount {
            let time = isReverse ? stepCount - 1 - count : count
            let hidden = isWideLength == nil ? state(scratch, 1 - count % 2, 0) : state(scratch, 2, 0)
            try runStep(scratch, time, from: count % 2, hidden: hidden)
            let place = (time * directionCount + direction) * stateByteCount
            operands.optionalOutput(0).map { $0 + place }?.copyMemory(from: hidden, byteCount: stateByteCount)
        }
        for index in 0..<stateCount {
            operands.optionalOutput(1 + index).map { $0 + direction * stateByteCount }?
                .copyMemory(from: state(scratch, stepCount % 2, index), byteCount: stateByteCount)
        }
    }

    /// State `index` of set 0 or 1; set 2 is the hidden state that is shown.
    private func state(_ scratch: UnsafeMutableRawPointer, _ set: Int, _ index: Int) -> UnsafeMutableRawPointer {
        scratch + gatesEnd + (set * stateCount + index) * rounded(stateByteCount)
    }

    /// One step from one set of states to the other.
    private func runStep(
        _ scratch: UnsafeMutableRawPointer, _ time: Int, from set: Int, hidden: UnsafeMutableRawPointer
    ) throws {
        let number = scratch + statesEnd
        if let cell {
            func floats(_ set: Int, _ index: Int) -> UnsafeMutablePointer<Float> { state(scratch, set, index).assumingMemoryBound(to: Float.self) }
            let hasMemory = stateCount > 1
            return cell.run(
                (scratch + time * gateByteCount).assumingMemoryBound(to: Float.self),
                (UnsafePointer(floats(set, 0)), hasMemory ? UnsafePointer(floats(set, 1)) : nil),
                (floats(1 - set, 0), hasMemory ? floats(1 - set, 1) : nil), scratch: (number + 64).assumingMemoryBound(to: Float.self))
        }
        if isWideLength == true { number.storeBytes(of: Int64(time), as: Int64.self) } else {
            number.storeBytes(of: Int32(time), as: Int32.self)
        }
        pointers[inputCount] = scratch + time * gateByteCount
        let outputs = inputCount + stateCount + 2
        for index in 0..<stateCount {
            pointers[inputCount + 1 + index] = state(scratch, set, index)
            pointers[outputs + index] = state(scratch, 1 - set, index)
        }
        pointers[inputCount + 1 + stateCount] = number
        let outputCount = stateCount + (isWideLength == nil ? 0 : 1)
        if isWideLength != nil { pointers[outputs + stateCount] = hidden }
        pointers[outputs + outputCount] = scratch + statesEnd + 64
        try step?.run(Operands(pointers.base, inputCount: outputs, outputCount: outputCount))
    }
}
