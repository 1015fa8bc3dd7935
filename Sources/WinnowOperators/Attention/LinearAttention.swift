package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Attention through a matrix a head that every step updates (Katharopoulos et al. 2020), with decay (gated) and with
/// correction towards the new value (delta; Yang et al. 2024).
///
/// Inputs: queries, keys, values as (N, steps, heads · size), state before, decay in log space, β. Outputs: Y, state after.
package struct LinearAttention: TrainedInParts {
    package static let type = OperatorType("LinearAttention")
    package static let maximumInputCount = 6
    package static let maximumOutputCount = 2

    package enum Rule: String, Sendable, CaseIterable {
        case linear, gated, delta
        case gatedDelta = "gated_delta"

        var decays: Bool { self == .gated || self == .gatedDelta }
        var corrects: Bool { self == .delta || self == .gatedDelta }
    }

    package var rule: Rule
    package var queryHeads: Int
    package var keyHeads: Int
    /// 0 is 1 / √size.
    package var scale: Float
    private var hints = RuntimeHints()

    package init(_ rule: Rule = .gatedDelta, queryHeads: Int, keyHeads: Int, scale: Float = 0) {
        self.rule = rule
        self.queryHeads = queryHeads
        self.keyHeads = keyHeads
        self.scale = scale
    }

    package init(attributes: Attributes, version: Int) throws {
        let name = try attributes.string("update_rule", default: "gated_delta")
        guard let rule = Rule(rawValue: name) else { throw WinnowError(.model, "update_rule", "\(name) is not known") }
        self.init(
            rule, queryHeads: try attributes.int("q_num_heads", default: 0), keyHeads: try attributes.int("kv_num_heads", default: 0),
            scale: try attributes.float("scale", default: 0))
        guard keyHeads > 0, queryHeads > 0, queryHeads % keyHeads == 0 else {
            throw WinnowError(.model, "q_num_heads", "\(queryHeads) is no multiple of kv_num_heads, \(keyHeads)")
        }
        hints = try RuntimeHints(attributes, "chunk_size")
    }

    package var attributes: Attributes {
        var attributes: Attributes = [
            "update_rule": .string(rule.rawValue), "q_num_heads": .int(queryHeads), "kv_num_heads": .int(keyHeads),
        ]
        if scale != 0 { attributes["scale"] = .float(scale) }
        return hints.added(to: attributes)
    }

    package var minimumVersion: Int { 27 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (query, value) = (try inputs.required(0), try inputs.required(2))
        guard query.rank ?? 3 == 3, value.rank ?? 3 == 3 else { throw WinnowError(.shape, "input \(query.type)", "must have three axes") }
        func size(_ info: ValueInfo, _ heads: Int) throws -> Int? {
            try info.extents?[2].value.map { columns in
                guard columns % heads == 0 else { throw WinnowError(.shape, "input \(info.type)", "is not divided by \(heads) heads") }
                return columns / heads
            }
        }
        let (depth, width) = (try size(query, queryHeads), try size(value, keyHeads))
        let batch = query.extents?[0] ?? .unknown
        let state = [batch, .fixed(keyHeads), depth.map { .fixed($0) } ?? .unknown, width.map { .fixed($0) } ?? .unknown]
        let result = [batch, query.extents?[1] ?? .unknown, width.map { .fixed($0 * queryHeads) } ?? .unknown]
        return [ValueInfo(query.elementType, result), ValueInfo(inputs.optional(3)?.elementType ?? query.elementType, state)]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    /// A state read, written and, by a rule that corrects, asked at every step; counted without its parts, which are as many as the steps.
    package func multiplyAccumulates(inputs: [ValueInfo?], outputs: [ValueInfo?]) -> Int?? {
        guard let query = inputs.optional(0)?.extents, let value = inputs.optional(2)?.extents, query.count == 3, value.count == 3 else {
            return .some(nil)
        }
        let known = [query[0], query[1], query[2], value[2]].compactMap(\.value)
        guard known.count == 4 else { return .some(nil) }
        let states = queryHeads + keyHeads * (rule.corrects ? 2 : 1)
        return .some([known[0], known[1], known[2] / queryHeads, known[3] / keyHeads].reduce(states, *|))
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let (query, value) = (try request.input(0).shape, try request.input(2).shape)
        let extents = LinearAttentionKernel.Extents(
            batch: query[0], steps: query[1], queryHeads: queryHeads, keyHeads: keyHeads, keySize: query[2] / queryHeads,
            valueSize: value[2] / keyHeads)
        guard fits(request, extents) else {
            throw WinnowError(.shape, request.nodeName, "its operands do not fit \(rule.rawValue) with \(queryHeads) and \(keyHeads) heads")
        }
        let attention = LinearAttentionKernel(
            extents, scale: factor(size: extents.keySize), decaysElements: request.optionalInput(4)?.shape.last != keyHeads,
            sharesBeta: request.optionalInput(5)?.shape.last == 1)
        let count = extents.batch * keyHeads * extents.keySize * extents.valueSize
        var layout = ScratchLayout()
        let (stateOffset, writtenOffset) = (layout.reserve(count, of: .float32), layout.reserve(attention.scratchByteCount))
        let stateByteCount = ElementType.float32.byteCount(of: count)
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            guard let scratch = operands.scratch else { return }
            let state = (scratch + stateOffset).assumingMemoryBound(to: Float.self)
            if let before = operands.optionalInput(3) {
                state.update(from: before.assumingMemoryBound(to: Float.self), count: count)
            } else {
                state.update(repeating: 0, count: count)
            }
            attention.run(
                LinearAttentionKernel.Operands(
                    query: operands.input(0, as: Float.self), key: operands.input(1, as: Float.self),
                    value: operands.input(2, as: Float.self),
                    decay: operands.optionalInput(4)?.assumingMemoryBound(to: Float.self),
                    beta: operands.optionalInput(5)?.assumingMemoryBound(to: Float.self),
                    output: operands.output(0, as: Float.self)),
                state: state, scratch: (scratch + writtenOffset).assumingMemoryBound(to: Float.self))
            operands.optionalOutput(1)?.copyMemory(from: state, byteCount: stateByteCount)
        }
    }

    private func fits(_ request: KernelRequest, _ extents: LinearAttentionKernel.Extents) -> Bool {
        func isRow(_ index: Int, _ widths: Int...) -> Bool {
            guard let shape = request.optionalInput(index)?.shape else { return false }
            return widths.contains { shape == [extents.batch, extents.steps, $0] }
        }
        let state: Shape = [extents.batch, keyHeads, extents.keySize, extents.valueSize]
        return isRow(0, queryHeads * extents.keySize) && isRow(1, keyHeads * extents.keySize) && isRow(2, keyHeads * extents.valueSize)
            && request.optionalInput(3).map { $0.shape == state } ?? true
            && (rule.decays ? isRow(4, keyHeads, keyHeads * extents.keySize) : request.optionalInput(4) == nil)
            && (rule.corrects ? isRow(5, keyHeads, 1) : request.optionalInput(5) == nil)
    }

    private func factor(size: Int) -> Float { scale == 0 ? 1 / Float(size).squareRoot() : scale }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, steps) = (try inputs.required(0), try b.extent(1, of: inputs.required(0)))
        let (size, width) = (try b.extent(2, of: x) / queryHeads, try b.extent(2, of: inputs.required(2)) / keyHeads)
        /// (N, steps, heads · n) at one step as (N, heads, n, 1) or (N, heads, 1, n).
        func at(_ step: Int, _ value: ValueName, _ heads: Int, isRow: Bool) throws -> ValueName {
            let count = try b.extent(2, of: value) / heads
            return try b.reshaped(b.sliced(value, axis: 1, step..<(step + 1)), isRow ? [0, heads, 1, count] : [0, heads, count, 1])
        }
        let shared = b.integers((0..<queryHeads).map { $0 * keyHeads / queryHeads }, name: "heads")
        var state = inputs.present(3)
        var rows: [ValueName] = []
        for step in 0..<steps {
            let key = try at(step, inputs.required(1), keyHeads, isRow: false)
            var written = try at(step, inputs.required(2), keyHeads, isRow: true)
            if let before = state, let decay = inputs.present(4) {
                state = try b.multiply(before, b.add(Exp(), at(step, decay, keyHeads, isRow: false)))
            }
            if let beta = inputs.present(5) {
                if let state { written = try b.subtract(written, b.add(MatMul(), b.transposed(key, [0, 1, 3, 2]), state)) }
                written = try b.multiply(written, at(step, beta, b.extent(2, of: beta), isRow: false))
            }
            let addition = try b.multiply(key, written)
            let next = try state.map { try b.add($0, addition) } ?? addition
            state = next
            let seen = queryHeads == keyHeads ? next : try b.add(Gather(axis: 1), next, shared)
            let query = try b.multiply(at(step, x, queryHeads, isRow: true), by: Double(factor(size: size)))
            rows.append(try b.reshaped(b.add(MatMul(), query, seen), [0, 1, queryHeads * width]))
        }
        guard let state else { throw UndeterminedShape() }
        return [try b.add(Concat(axis: 1), inputs: rows)[0], state]
    }
}
