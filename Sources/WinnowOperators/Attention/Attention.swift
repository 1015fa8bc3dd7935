package import WinnowGraph
import WinnowTensor

/// softmax(scale · Q·Kᵀ + mask)·V for several heads (Vaswani et al. 2017), with a cache of earlier keys and values.
///
/// Inputs: Q, K, V as (N, heads, length, size) or (N, length, heads · size), mask, past keys, past values, valid lengths (N).
/// Outputs: Y, keys and values with the past, and scores as `scoresMode` says.
package struct Attention: Decomposition {
    package static let type = OperatorType("Attention")
    package static let maximumInputCount = 7
    package static let maximumOutputCount = 4
    package static var typeAttributes: Set<String> { ["softmax_precision"] }

    package var isCausal: Bool
    /// For operands of three axes.
    package var queryHeads: Int?
    package var keyHeads: Int?
    /// How many keys before and after its own place a query sees; nil is all.
    package var leftWindow: Int?
    package var rightWindow: Int?
    /// nil is 1 / √size.
    package var scale: Float?
    /// Scores become softcap · tanh(score / softcap); 0 leaves them.
    package var softcap: Float
    /// Which scores are output 3: 0 and 1 before the mask, 2 after it, 3 after the softmax.
    package var scoresMode: Int
    private var hints = RuntimeHints()

    package init(
        isCausal: Bool = false, queryHeads: Int? = nil, keyHeads: Int? = nil, scale: Float? = nil, softcap: Float = 0,
        scoresMode: Int = 0
    ) {
        self.isCausal = isCausal
        self.queryHeads = queryHeads
        self.keyHeads = keyHeads
        self.scale = scale
        self.softcap = softcap
        self.scoresMode = scoresMode
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            isCausal: try attributes.flag("is_causal", default: false), queryHeads: try attributes.int("q_num_heads"),
            keyHeads: try attributes.int("kv_num_heads"), scale: try attributes.float("scale"),
            softcap: try attributes.float("softcap", default: 0),
            scoresMode: try attributes.int("qk_matmul_output_mode", default: 0))
        leftWindow = try attributes.int("left_window_size").flatMap { $0 < 0 ? nil : $0 }
        rightWindow = try attributes.int("right_window_size").flatMap { $0 < 0 ? nil : $0 }
        hints = try RuntimeHints(attributes, "softmax_precision")
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["is_causal": .int(isCausal ? 1 : 0)]
        if let queryHeads { attributes["q_num_heads"] = .int(queryHeads) }
        if let keyHeads { attributes["kv_num_heads"] = .int(keyHeads) }
        if let scale { attributes["scale"] = .float(scale) }
        if let leftWindow { attributes["left_window_size"] = .int(leftWindow) }
        if let rightWindow { attributes["right_window_size"] = .int(rightWindow) }
        if softcap != 0 { attributes["softcap"] = .float(softcap) }
        if scoresMode != 0 { attributes["qk_matmul_output_mode"] = .int(scoresMode) }
        return hints.added(to: attributes)
    }

    private var hasWindow: Bool { leftWindow != nil || rightWindow != nil }
    package var minimumVersion: Int { hasWindow ? 25 : 23 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let query = try inputs.required(0)
        return (0..<4).map { _ in ValueInfo(query.elementType, query.rank.map { [Extent](repeating: .unknown, count: $0) }) }
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let query = try b.heads(inputs.required(0), queryHeads)
        var keys = try b.heads(inputs.required(1), keyHeads)
        var values = try b.heads(inputs.required(2), keyHeads)
        func extended(_ value: ValueName, _ past: ValueName?) throws -> ValueName {
            try past.map { try b.add(Concat(axis: 2), $0, value) } ?? b.add(Identity(), value)
        }
        keys = try extended(keys, inputs.present(4))
        values = try extended(values, inputs.present(5))
        let present = [keys, values]
        let (queryCount, keyCount) = (try b.extent(1, of: query), try b.extent(1, of: keys))
        if queryCount != keyCount {
            guard keyCount > 0, queryCount % keyCount == 0 else {
                throw WinnowError(.shape, "heads", "\(queryCount) of queries do not share \(keyCount) of keys evenly")
            }
            let shared = b.integers((0..<queryCount).map { $0 * keyCount / queryCount }, name: "heads")
            (keys, values) = (try b.add(Gather(axis: 1), keys, shared), try b.add(Gather(axis: 1), values, shared))
        }
        let size = Double(try b.extent(3, of: query))
        let factor = scale.map { Double($0) } ?? 1 / size.squareRoot()
        var scores = try b.add(MatMul(), b.multiply(query, by: factor), b.transposed(keys, [0, 1, 3, 2]))
        if softcap != 0 { scores = try b.multiply(b.add(Tanh(), b.multiply(scores, by: 1 / Double(softcap))), by: Double(softcap)) }
        let biased = try bias(b, inputs, query: query, keys: keys).map { try b.add(scores, $0) } ?? scores
        var weights = try b.add(Softmax(), biased)
        if hasWindow || inputs.present(3) != nil || inputs.present(6) != nil {
            // A row that may look nowhere gives zeros.
            weights = try b.add(Where(), b.add(IsNaN(), weights), b.scalar(0, like: weights), weights)
        }
        var result = try b.add(MatMul(), weights, values)
        if try b.rank(of: inputs.required(0)) == 3 {
            result = try b.reshaped(b.transposed(result, [0, 2, 1, 3]), [0, 0, queryCount * b.extent(3, of: values)])
        }
        return [result] + present + [try b.add(Identity(), scoresMode == 3 ? weights : scoresMode == 2 ? biased : scores)]
    }

    /// What is added to the scores: 0 where a query may look, −∞ where not, or the mask's numbers; nil without any mask.
    private func bias(_ b: GraphBuilder, _ inputs: [ValueName?], query: ValueName, keys: ValueName) throws -> ValueName? {
        let (never, free) = (b.scalar(-.infinity, like: query), b.scalar(0, like: query))
        var parts: [ValueName] = []
        if var mask = inputs.present(3) {
            let rank = try b.rank(of: mask)
            let missing = try self.missing(b, mask, rank: rank, keys)
            if b.elementType(of: mask) == .bool { mask = try b.add(Where(), mask, free, never) }
            if missing > 0 {
                let pads = [Int](repeating: 0, count: 2 * rank - 1) + [missing]
                mask = try b.add(Pad(), mask, b.integers(pads, name: "pads"), never)
            }
            parts.append(mask)
        }
        let lengths = try inputs.present(6).map { try b.reshaped($0, [-1, 1, 1, 1]) }
        if isCausal || hasWindow || lengths != nil {
            let columns = try b.reshaped(b.counting(2, of: keys), [1, -1])
            if isCausal || hasWindow {
                var rows = try b.reshaped(queryPlaces(b, query, past: inputs.present(4)), [-1, 1])
                if let lengths { rows = try b.add(rows, b.subtract(lengths, b.list(b.length([2], of: query)))) }
                func within(_ first: ValueName, _ second: ValueName, _ distance: Int) throws {
                    let isSeen = try b.add(LessOrEqual(), first, b.add(second, number: Double(distance)))
                    parts.append(try b.add(Where(), isSeen, free, never))
                }
                if isCausal { try within(columns, rows, 0) }
                if let leftWindow { try within(rows, columns, leftWindow) }
                if let rightWindow { try within(columns, rows, rightWindow) }
            }
            if let lengths { parts.append(try b.add(Where(), b.add(Less(), columns, lengths), free, never)) }
        }
        return try parts.dropFirst().reduce(parts.first) { sum, part in try sum.map { try b.add($0, part) } }
    }

    /// How many of the last keys a mask does not tell of.
    private func missing(_ b: GraphBuilder, _ mask: ValueName, rank: Int, _ keys: ValueName) throws -> Int {
        if let own = b.info(of: mask)?.extents?.last, own != .unknown, own == b.info(of: keys)?.extents?[2] { return 0 }
        return try b.extent(2, of: keys) - b.extent(rank - 1, of: mask)
    }

    /// The places of queries among the keys.
    private func queryPlaces(_ b: GraphBuilder, _ query: ValueName, past: ValueName?) throws -> ValueName {
        guard let past else { return try b.counting(2, of: query) }
        let first = try b.length([2], of: past)
        if let count = try b.length([2], of: query).number, let first = first.number {
            return try b.table("rows", [count], as: .int64) { Double($0 + first) }
        }
        return try b.add(b.counting(2, of: query), b.list(first))
    }
}

extension GraphBuilder {
    /// (N, length, heads · size) as (N, heads, length, size); a value of four axes as it is.
    fileprivate func heads(_ x: ValueName, _ count: Int?) throws -> ValueName {
        if try rank(of: x) == 4 { return x }
        guard let count, count > 0 else { throw WinnowError(.model, "q_num_heads", "is missing") }
        return try transposed(reshaped(x, [0, 0, count, extent(2, of: x) / count]), [0, 2, 1, 3])
    }
}
