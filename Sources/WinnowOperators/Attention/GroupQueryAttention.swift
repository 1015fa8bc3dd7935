package import WinnowGraph
import WinnowTensor

/// Causal attention in which several heads of queries share one of keys and values, with a cache, as ONNX Runtime's tools for
/// language models write it.
///
/// Inputs: queries (N, length, heads · size), keys and values (N, length, groups · size), or queries packed with both; past keys and
/// values (N, groups, capacity, size); the places in use but one (N), places in use (a number), cosines and sines (positions, half),
/// positions (N, length), what is added to the scores. Outputs: Y (N, length, heads · size), keys and values with the past.
package struct GroupQueryAttention: Decomposition {
    package static let type = OperatorType("GroupQueryAttention", domain: "com.microsoft")
    package static let maximumInputCount = 14
    package static let maximumOutputCount = 4

    package var heads: Int
    package var keyHeads: Int
    /// nil is 1 / √size.
    package var scale: Float?
    /// Scores become softcap · tanh(score / softcap); 0 leaves them.
    package var softcap: Float
    /// Whether queries and keys are turned by their positions first.
    package var isRotary: Bool
    /// Whether partners in turning are neighbours rather than half a vector apart.
    package var isInterleaved: Bool
    /// How many keys a query sees, its own among them; nil is all before it.
    package var window: Int?
    private var hints = RuntimeHints()

    package init(
        heads: Int, keyHeads: Int, scale: Float? = nil, softcap: Float = 0, isRotary: Bool = false, isInterleaved: Bool = false,
        window: Int? = nil
    ) {
        (self.heads, self.keyHeads, self.scale, self.softcap) = (heads, keyHeads, scale, softcap)
        (self.isRotary, self.isInterleaved, self.window) = (isRotary, isInterleaved, window)
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            heads: try attributes.int("num_heads", default: 0), keyHeads: try attributes.int("kv_num_heads", default: 0),
            scale: try attributes.float("scale").flatMap { $0 == 0 ? nil : $0 }, softcap: try attributes.float("softcap", default: 0),
            isRotary: try attributes.flag("do_rotary", default: false),
            isInterleaved: try attributes.flag("rotary_interleaved", default: false),
            window: try attributes.int("local_window_size").flatMap { $0 > 0 ? $0 : nil })
        for name in ["smooth_softmax", "qk_output", "kv_cache_bit_width"] where try attributes.int(name, default: 0) > 0 {
            throw WinnowError(.unsupported, name, "is not supported")
        }
        for name in ["k_quant_type", "v_quant_type"] where try attributes.string(name, default: "NONE") != "NONE" {
            throw WinnowError(.unsupported, name, "is not supported: caches are floats here")
        }
        hints = try RuntimeHints(attributes, "smooth_softmax", "qk_output", "kv_cache_bit_width")
    }

    package var attributes: Attributes {
        var attributes: Attributes = [
            "num_heads": .int(heads), "kv_num_heads": .int(keyHeads), "softcap": .float(softcap), "do_rotary": .int(isRotary ? 1 : 0),
            "rotary_interleaved": .int(isInterleaved ? 1 : 0), "local_window_size": .int(window ?? -1),
        ]
        if let scale { attributes["scale"] = .float(scale) }
        return hints.added(to: attributes)
    }

    package var inputRoles: [Int: OperandRole] { [5: .setting, 6: .setting, 9: .setting] }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let query = try inputs.required(0)
        let width = query.extents?.last?.value.map { Extent.fixed(inputs.optional(1) == nil ? $0 / max(1, heads + 2 * keyHeads) * heads : $0) }
        let open = ValueInfo(query.elementType, [Extent](repeating: .unknown, count: 4))
        return [ValueInfo(query.elementType, query.extents.map { Array($0.dropLast()) + [width ?? .unknown] }), open, open]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        guard heads > 0, keyHeads > 0, heads % keyHeads == 0 else {
            throw WinnowError(.model, "num_heads", "\(heads) heads do not share \(keyHeads) evenly")
        }
        guard (11..<Self.maximumInputCount).allSatisfy({ inputs.present($0) == nil }) else {
            throw WinnowError(.unsupported, "head_sink, k_scale, v_scale", "are not supported")
        }
        var (query, key, value) = try projections(b, inputs)
        let length = try b.extent(1, of: inputs.required(0))
        let capacity = try inputs.present(3).map { try b.extent(2, of: $0) } ?? 0
        let total = try capacity > 0 ? b.knownIntegers(of: inputs.required(6)).first ?? length : length
        let starts = try starts(b, inputs, length: length, isFirst: capacity == 0 || total == length)
        let rows = try b.add(b.reshaped(starts, [-1, 1]), b.reshaped(b.counting(length), [1, -1]))
        if isRotary {
            let positions = try inputs.present(9) ?? b.add(
                Expand(), rows, b.integers([b.extent(0, of: inputs.required(0)), length], name: "shape"))
            let turn = RotaryEmbedding(isInterleaved: isInterleaved, width: 2 * (try b.extent(1, of: inputs.required(7))))
            let tables = [try inputs.required(7), try inputs.required(8)]
            query = try b.add(turn, query, tables[0], tables[1], positions)
            key = try b.add(turn, key, tables[0], tables[1], positions)
        }
        key = try cached(b, key, past: inputs.present(3), capacity: max(capacity, total), starts)
        value = try cached(b, value, past: inputs.present(4), capacity: max(capacity, total), starts)
        let bias = try bias(b, rows, count: b.extent(2, of: key), added: inputs.present(10), like: query)
        let attended = try b.add(Attention(scale: scale, softcap: softcap), query, key, value, bias)
        return [try b.joined(attended), key, value]
    }

    /// Queries, keys and values as (N, heads, length, size).
    private func projections(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> (ValueName, ValueName, ValueName) {
        let query = try inputs.required(0)
        if let key = inputs.present(1), let value = inputs.present(2) {
            return (
                try b.split(query, heads: heads), try b.split(key, heads: keyHeads), try b.split(value, heads: keyHeads)
            )
        }
        let size = try b.extent(2, of: query) / (heads + 2 * keyHeads)
        func part(_ first: Int, _ count: Int) throws -> ValueName {
            try b.split(b.sliced(query, axis: 2, (first * size)..<((first + count) * size)), heads: count)
        }
        return (try part(0, heads), try part(heads, keyHeads), try part(heads + keyHeads, keyHeads))
    }

    /// The place of each sample's first query (N), or (1) where all begin.
    private func starts(_ b: GraphBuilder, _ inputs: [ValueName?], length: Int, isFirst: Bool) throws -> ValueName {
        guard !isFirst else { return b.integers([0], name: "starts") }
        return try b.add(b.add(Cast(to: .int64), inputs.required(5)), number: Double(1 - length))
    }

    /// What is new written into the cache at each sample's place.
    private func cached(
        _ b: GraphBuilder, _ new: ValueName, past: ValueName?, capacity: Int, _ starts: ValueName
    ) throws -> ValueName {
        guard let past, try b.extent(2, of: past) > 0 else { return new }
        var shape = try b.knownShape(of: past).extents
        var cache = past
        if shape[2] < capacity {
            shape[2] = capacity - shape[2]
            cache = try b.add(Concat(axis: 2), past, b.constant("free", Tensor(zeros: Shape(shape), b.elementType(of: past))))
        }
        return try b.add(TensorScatter(axis: 2), cache, new, b.add(Expand(), starts, b.integers([shape[0]], name: "shape")))
    }

    /// What is added to the scores (N, 1, length, keys).
    private func bias(
        _ b: GraphBuilder, _ rows: ValueName, count: Int, added: ValueName?, like query: ValueName
    ) throws -> ValueName {
        let places = try b.unsqueezed(b.unsqueezed(rows, [1]), [3])
        let columns = try b.reshaped(b.counting(count), [1, 1, 1, -1])
        var isSeen = try b.add(LessOrEqual(), columns, places)
        if let window { isSeen = try b.add(And(), isSeen, b.add(Greater(), columns, b.add(places, number: Double(-window)))) }
        let bias = try b.add(Where(), isSeen, b.scalar(0, like: query), b.scalar(-.infinity, like: query))
        guard let added else { return bias }
        let missing = count - (try b.extent(3, of: added))
        return try b.add(bias, missing > 0 ? b.add(Pad(), added, b.integers([0, 0, 0, 0, 0, 0, 0, missing], name: "pads")) : added)
    }
}

/// `"b.(gq), b.(gd), b.(gd), bg.d, bg.d, b, , .., .., b., bh.. -> b.(gq), bg.d, bg.d"`: whole heads of keys with all their queries, or
/// heads of queries (`r`) where all share one; packed, they stand behind each other. ONNX Runtime takes widths of heads by eights
/// alone: they stay.
extension GroupQueryAttention {
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard heads > 0, keyHeads > 0, heads % keyHeads == 0, let columns = inputs.optional(0)?.extents, columns.count == 3,
            let width = columns[2].value
        else { return .opaque }
        let isPacked = inputs.optional(1) == nil
        let parts = isPacked ? heads + 2 * keyHeads : heads
        guard width % parts == 0, isPacked || inputs.optional(1)?.rank == 3 else { return .opaque }
        let (label, queries, keys, cache) = keyHeads > 1
            ? (Character("g"), "(gq)", "(gd)", "bg.d") : (Character("r"), "(rd)", "d", "b..d")
        let given = isPacked ? ["b.[\(queries)\(keys)\(keys)]", "", ""] : ["b.\(queries)", "b.\(keys)", "b.\(keys)"]
        let added = zip(inputs.optional(10)?.extents ?? [], ["b", "(\(label).)", ".", "."]).map { $0 == .fixed(1) ? "1" : $1 }.joined()
        let terms = given + [cache, cache, "b", "", "..", "..", "b.", added]
        let operands = inputs.indices.map { index -> String in
            guard let info = inputs[index] else { return "" }
            return index < terms.count && index != 6 ? terms[index] : String(repeating: ".", count: info.rank ?? 0)
        }
        let size = width / parts
        return AxisMap(
            "\(operands.joined(separator: ",")) -> b.\(queries), \(cache), \(cache)",
            extents: keyHeads > 1 ? ["g": keyHeads, "q": heads / keyHeads * size, "d": size] : ["r": heads, "d": size],
            pinned: "qd")
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        var result = self
        if let groups = extents["g"] { (result.heads, result.keyHeads) = (heads / keyHeads * groups, groups) }
        if let heads = extents["r"] { result.heads = heads }
        return result
    }

    /// Heads of zeros attend to zeros.
    package func effect(of zeros: Zeros) -> ZeroEffect {
        let values = zeros.inputs.optional(1) == nil ? [0] : [1, 2]
        let areZero = values.allSatisfy { zeros.bearers.contains($0) && zeros.are(at: $0) } && [3, 4].allSatisfy { zeros.areOrAbsent(at: $0) }
        return keyHeads > 1 && areZero ? .zero : .number
    }
}
