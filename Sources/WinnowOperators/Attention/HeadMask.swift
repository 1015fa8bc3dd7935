import WinnowGraph
import WinnowTensor

/// What ONNX Runtime's own attention operators have in common: which keys a query sees, and how heads lie.
struct HeadMask {
    var isCausal: Bool
    /// What is added to the scores of keys that are not seen.
    var filter: Float

    init(isCausal: Bool = false, filter: Float = -10_000) {
        self.isCausal = isCausal
        self.filter = filter
    }

    init(_ attributes: Attributes) throws {
        isCausal = try attributes.flag("unidirectional", default: false)
        filter = try attributes.float("mask_filter_value", default: -10_000)
    }

    var attributes: Attributes { ["unidirectional": .int(isCausal ? 1 : 0), "mask_filter_value": .float(filter)] }

    /// What is added to scores (N, heads, length, keys), or broadcasts to them; nil: nothing.
    ///
    /// - Parameters:
    ///   - query: (N, heads, length, size).
    ///   - keyCount: the keys, earlier ones among them.
    ///   - mask: how many keys are seen (N), and behind them which is the first (2N), or 1 for each that is (N, keys),
    ///     (N, length, keys).
    func bias(
        _ b: GraphBuilder, query: ValueName, keyCount: @autoclosure () throws -> Int, mask: ValueName?, added: ValueName?
    ) throws -> ValueName? {
        var parts = try mask.map { [try chosen(b, try isSeen(b, $0, query: query, keyCount()), like: query)] } ?? []
        if isCausal {
            let (length, keyCount) = (try b.extent(2, of: query), try keyCount())
            let columns = try b.reshaped(b.counting(keyCount), [1, -1])
            let rows = try b.reshaped(b.table("rows", [length], as: .int64) { Double($0 + keyCount - length) }, [-1, 1])
            parts.append(try chosen(b, b.add(LessOrEqual(), columns, rows), like: query))
        }
        if let added { parts.append(added) }
        return try parts.dropFirst().reduce(parts.first) { sum, part in try sum.map { try b.add($0, part) } }
    }

    private func chosen(_ b: GraphBuilder, _ isSeen: ValueName, like query: ValueName) throws -> ValueName {
        try b.add(Where(), isSeen, b.scalar(0, like: query), b.scalar(Double(filter), like: query))
    }

    private func isSeen(_ b: GraphBuilder, _ mask: ValueName, query: ValueName, _ keyCount: @autoclosure () throws -> Int) throws -> ValueName {
        let rank = try b.rank(of: mask)
        switch rank {
        case 1:
            let (samples, count) = (try b.extent(0, of: query), try b.extent(0, of: mask))
            guard count == samples || count == 2 * samples else { throw Self.unsupported("of \(count) numbers for \(samples) samples") }
            let columns = try b.table("columns", [1, 1, 1, keyCount()], as: b.elementType(of: mask)) { Double($0) }
            func places(_ part: Int) throws -> ValueName {
                try b.reshaped(b.sliced(mask, axis: 0, (part * samples)..<((part + 1) * samples)), [-1, 1, 1, 1])
            }
            let isBefore = try b.add(Less(), columns, places(0))
            return try count == samples ? isBefore : b.add(And(), isBefore, b.add(GreaterOrEqual(), columns, places(1)))
        case 2: return try b.add(Greater(), b.unsqueezed(mask, [1, 2]), b.scalar(0, like: mask))
        case 3: return try b.add(Greater(), b.unsqueezed(mask, [1]), b.scalar(0, like: mask))
        default: throw Self.unsupported("of \(rank) axes")
        }
    }

    /// The axes of a mask, and of what is added to the scores; the batch is `"."` where a mask counts places for all samples at once.
    func axes(mask: ValueInfo?, added: ValueInfo?) -> (batch: String, mask: String, added: String) {
        let batch = mask?.rank == 1 ? "." : "b"
        func terms(_ info: ValueInfo?, _ own: [String]) -> String {
            guard let extents = info?.extents else { return "" }
            guard extents.count <= own.count else { return String(repeating: ".", count: extents.count) }
            return zip(extents, own).map { $0 == .fixed(1) ? "1" : $1 }.joined()
        }
        return (batch, mask?.rank == 1 ? "." : terms(mask, [batch, ".", "."]), terms(added, [batch, "h", ".", "."]))
    }

    private static func unsupported(_ what: String) -> WinnowError {
        WinnowError(.unsupported, "the mask", "is one \(what), which ONNX Runtime's processor kernel does not take either")
    }
}

extension GraphBuilder {
    /// (N, length, heads · size) as (N, heads, length, size); a value of four axes as it is.
    func split(_ x: ValueName, heads: Int) throws -> ValueName {
        if try rank(of: x) == 4 { return x }
        guard heads > 0 else { throw WinnowError(.model, "num_heads", "is missing") }
        return try transposed(reshaped(x, [0, 0, heads, extent(2, of: x) / heads]), [0, 2, 1, 3])
    }

    /// (N, heads, length, size) as (N, length, heads · size).
    func joined(_ x: ValueName) throws -> ValueName { try reshaped(transposed(x, [0, 2, 1, 3]), [0, 0, -1]) }
}
