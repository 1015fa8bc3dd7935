import WinnowTensor

/// Equivalence classes of axes (union–find), some composed of others.
struct AxisClasses: Sendable {
    /// One index of a class.
    struct Channel: Hashable, Sendable {
        var id: Int
        var index: Int
    }

    enum Composition: Hashable, Sendable {
        case product, concatenation
        /// Each index of the whole is this one of a part.
        case selection([Channel])
    }

    struct Composed: Sendable {
        var whole: Int
        var kind: Composition
        var parts: [Int]
    }

    private var parents: [Int] = []
    private var sizes: [Int] = []
    private var extents: [Int?] = []
    private var protections: [String?] = []
    var compositions: [Composed] = []
    /// The composition of each composed class by its root, once settled.
    private var composed: [Int: Composed] = [:]
    /// Classes that are no axes: what classes coupled index by index select from.
    var pools: Set<Int> = []

    mutating func add(extent: Int?) -> Int {
        parents.append(parents.count)
        sizes.append(1)
        extents.append(extent)
        protections.append(nil)
        return parents.count - 1
    }

    func root(of id: Int) -> Int {
        var id = id
        while parents[id] != id { id = parents[id] }
        return id
    }

    func extent(of id: Int) -> Int? { extents[root(of: id)] }
    func protection(of id: Int) -> String? { protections[root(of: id)] }

    /// Makes two classes one; the same index then means the same channel.
    mutating func unite(_ first: Int, _ second: Int) {
        var (a, b) = (root(of: first), root(of: second))
        guard a != b else { return }
        if sizes[a] < sizes[b] { swap(&a, &b) }
        parents[b] = a
        sizes[a] += sizes[b]
        protections[a] = protections[a] ?? protections[b]
        if let x = extents[a], let y = extents[b], x != y { protections[a] = "its axes differ in extent" }
        extents[a] = extents[a] ?? extents[b]
    }

    mutating func protect(_ id: Int, _ reason: String) {
        let root = root(of: id)
        protections[root] = protections[root] ?? reason
    }

    /// Says of which classes one is made; axes of extent 1 make no difference to a product.
    mutating func compose(_ whole: Int, _ kind: Composition, of parts: [Int]) {
        let parts = kind == .product ? parts.filter { extent(of: $0) != 1 } : parts
        if parts.count == 1 { unite(whole, parts[0]) } else if !parts.isEmpty {
            compositions.append(Composed(whole: whole, kind: kind, parts: parts))
        }
    }

    /// The extent that the other factors of a product leave for one; nil where one of them is not known.
    func quotient(of whole: Int, by factors: [Int]) -> Int? {
        let known = factors.compactMap { extent(of: $0) }
        let product = known.reduce(1, *|)
        guard known.count == factors.count, product > 0, let extent = extent(of: whole), extent % product == 0 else { return nil }
        return extent / product
    }

    func isComposed(_ id: Int) -> Bool { composed[root(of: id)] != nil }

    /// The classes that one is directly made of; nil if it is not composed.
    func composition(of id: Int) -> (kind: Composition, parts: [Int])? { composed[root(of: id)].map { ($0.kind, $0.parts) } }

    /// Reconciles classes composed in several ways: what they have in common are the same parts, or the same channels index by
    /// index; where extents are not known, nothing in them may change. Protection of a whole extends to its parts.
    mutating func settle() {
        while reconcileAll() {}
        if dividePools() { while reconcileAll() {} }
        protectParts()
    }

    /// Compares all compositions of each class with its first. Whether something changed.
    private mutating func reconcileAll() -> Bool {
        var isChanged = false
        var firsts: [Int: Int] = [:]
        composed = [:]
        for index in compositions.indices { note(index, &firsts) }
        var open: [Int] = []
        var index = 0
        while index < compositions.count {
            note(index, &firsts)
            let first = firsts[root(of: compositions[index].whole)] ?? index
            if first != index {
                if let hasChanged = reconcilePieces(compositions[first], index) { isChanged = isChanged || hasChanged } else { open.append(index) }
            }
            index += 1
        }
        if isChanged { return true }
        // Index by index only what has no pieces in common, and where all compositions are known.
        for index in open {
            guard let first = composed[root(of: compositions[index].whole)] else { continue }
            if let isCoupled = coupleIndices(first, compositions[index]) {
                if isCoupled { return true }
            } else {
                for part in first.parts + compositions[index].parts + [first.whole] where protection(of: part) == nil {
                    protect(part, "it is taken apart in two ways")
                    isChanged = true
                }
            }
        }
        return isChanged
    }

    private mutating func note(_ index: Int, _ firsts: inout [Int: Int]) {
        let whole = root(of: compositions[index].whole)
        guard firsts[whole] == nil else { return }
        firsts[whole] = index
        composed[whole] = compositions[index]
    }

    private mutating func protectParts() {
        let all = composed.sorted { $0.key < $1.key }
        for (whole, composition) in all where extents[whole] != nil && places(of: whole, { _ in nil }) == nil {
            for part in composition.parts { protect(part, "it is part of an axis whose other parts are not known") }
        }
        var isChanged = true
        while isChanged {
            isChanged = false
            for (whole, composition) in all {
                guard let reason = protection(of: whole) else { continue }
                for part in composition.parts where protection(of: part) == nil {
                    protect(part, reason)
                    isChanged = true
                }
            }
        }
    }

    /// Finds parts, or pieces of them, that both compositions have; nil where there are none.
    private mutating func reconcilePieces(_ a: Composed, _ index: Int) -> Bool? {
        let b = compositions[index]
        guard !a.isSelection, !b.isSelection else { return nil }
        if a.kind != b.kind, let product = merge(a.kind == .product ? a : b, a.kind == .product ? b : a) {
            for place in compositions.indices {
                let other = compositions[place]
                guard root(of: other.whole) == root(of: a.whole), other.kind == .concatenation else { continue }
                if other.parts == a.parts || other.parts == b.parts { compositions[place] = product }
            }
            return true
        }
        let parts = (a.parts.map { root(of: $0) }, b.parts.map { root(of: $0) })
        if a.kind == b.kind, parts.0 == parts.1 { return false }
        if a.kind == b.kind, a.parts.map({ extent(of: $0) }) == b.parts.map({ extent(of: $0) }) {
            for (x, y) in zip(a.parts, b.parts) { unite(x, y) }
            return true
        }
        guard a.kind == b.kind, refine(a, b) else { return nil }
        compositions[index].parts = a.parts
        return true
    }
}

extension AxisClasses.Composed {
    var isSelection: Bool { if case .selection = kind { true } else { false } }
}

extension AxisClasses {
    /// Cuts the parts of two compositions of one class into pieces that both have; false where they do not meet.
    private mutating func refine(_ a: Composed, _ b: Composed) -> Bool {
        let isRepeated = [a, b].contains { Set($0.parts.map { root(of: $0) }).count < $0.parts.count }
        guard !isRepeated, let pieces = Self.pieces(a.kind, a.parts.map { extent(of: $0) }, b.parts.map { extent(of: $0) })
        else { return false }
        var cuts: [Int: [Int]] = [:]
        for piece in pieces {
            let id = add(extent: piece.extent)
            cuts[a.parts[piece.first], default: []].append(id)
            cuts[b.parts[piece.second], default: []].append(id)
        }
        for part in a.parts + b.parts { if let cut = cuts.removeValue(forKey: part) { compose(part, a.kind, of: cut) } }
        return true
    }

    /// Cuts the outer factors of a product where a concatenation of the same class is cut; nil where that is inside an inner factor.
    ///
    /// (s q) = [a + b] where s = [t + u], a = (t q), b = (u q).
    private mutating func merge(_ product: Composed, _ concatenation: Composed) -> Composed? {
        let (factors, parts) = (product.parts.map { extent(of: $0) }, concatenation.parts.map { extent(of: $0) })
        guard !factors.contains(nil), !parts.contains(nil) else { return nil }
        for outer in 1..<max(1, factors.count) {
            let inner = factors[outer...].reduce(1) { $0 * ($1 ?? 1) }
            guard inner > 1, parts.allSatisfy({ ($0 ?? 0) % inner == 0 }) else { continue }
            var whole = product.parts[0]
            if outer > 1 {
                whole = add(extent: factors[..<outer].reduce(1) { $0 * ($1 ?? 1) })
                compose(whole, .product, of: Array(product.parts[..<outer]))
            }
            var pieces: [Int: Int] = [:]
            for part in concatenation.parts where pieces[root(of: part)] == nil {
                pieces[root(of: part)] = add(extent: (extent(of: part) ?? 0) / inner)
            }
            let cuts = concatenation.parts.map { ($0, pieces[root(of: $0)] ?? $0) }
            compose(whole, .concatenation, of: cuts.map(\.1))
            for (part, piece) in cuts { compose(part, .product, of: [piece] + product.parts[outer...]) }
            return product
        }
        return nil
    }

    /// The extents of the common pieces of two lists with the same product or sum, and in which part of either each lies.
    private static func pieces(
        _ kind: Composition, _ a: [Int?], _ b: [Int?]
    ) -> [(extent: Int, first: Int, second: Int)]? {
        var (first, second) = (a.compactMap { $0 }, b.compactMap { $0 })
        guard first.count == a.count, second.count == b.count, (first + second).allSatisfy({ $0 > 0 }) else { return nil }
        var pieces: [(extent: Int, first: Int, second: Int)] = []
        var (i, j) = (0, 0)
        while i < first.count, j < second.count {
            let piece = min(first[i], second[j])
            guard kind == .concatenation || max(first[i], second[j]) % piece == 0 else { return nil }
            pieces.append((piece, i, j))
            let done = kind == .product ? 1 : 0
            first[i] = kind == .product ? first[i] / piece : first[i] - piece
            second[j] = kind == .product ? second[j] / piece : second[j] - piece
            if first[i] == done { i += 1 }
            if second[j] == done { j += 1 }
        }
        return i == first.count && j == second.count ? pieces : nil
    }
}

extension AxisClasses {
    /// The classes that a class is composed of in the end; itself if it is not composed.
    func leaves(of id: Int, depth: Int = 0) -> [Int] {
        guard depth < 16, let (_, parts) = composition(of: id) else { return [root(of: id)] }
        return parts.flatMap { leaves(of: $0, depth: depth + 1) }
    }

    /// Longer axes than any that memory holds are not followed index by index.
    private static let largestExtent = 1 << 26

    /// For each index of a class, which channels of leaf classes meet there: those that `channel` numbers.
    private func places(of id: Int, depth: Int = 0, _ channels: (_ leaf: Int) -> [Bool]?) -> [Bool]? {
        guard depth < 16, let extent = extent(of: id), extent <= Self.largestExtent else { return nil }
        let root = root(of: id)
        guard let (kind, parts) = composition(of: root) else {
            return channels(root) ?? [Bool](repeating: false, count: extent)
        }
        switch kind {
        case .concatenation:
            let flags = parts.compactMap { places(of: $0, depth: depth + 1, channels) }
            return flags.count == parts.count && flags.joined().count == extent ? flags.flatMap { $0 } : nil
        case .selection(let selected):
            let flags = Dictionary(uniqueKeysWithValues: Set(parts).map { ($0, places(of: $0, depth: depth + 1, channels)) })
            let result = selected.compactMap { channel in (flags[channel.id] ?? nil).map { $0[channel.index] } }
            return result.count == extent ? result : nil
        case .product:
            guard let known = knownParts(parts, of: extent) else { return nil }
            var result = [false]
            for (part, extent) in known {
                guard let inner = part.map({ places(of: $0, depth: depth + 1, channels) }) ?? [Bool](repeating: false, count: extent)
                else { return nil }
                result = result.flatMap { gone in inner.map { gone || $0 } }
            }
            return result.count == extent ? result : nil
        }
    }

    /// The parts of a product with their extents; neighbours of unknown extents count as one that nothing is known of.
    private func knownParts(_ parts: [Int], of extent: Int) -> [(part: Int?, extent: Int)]? {
        let known = parts.compactMap { self.extent(of: $0) }.reduce(1, *|)
        let open = parts.indices.filter { self.extent(of: parts[$0]) == nil }
        guard let first = open.first, let last = open.last else { return parts.map { ($0, self.extent(of: $0) ?? 1) } }
        guard last - first == open.count - 1, known > 0, extent % known == 0 else { return nil }
        let before = parts[..<first].map { (part: Optional($0), extent: self.extent(of: $0) ?? 1) }
        let behind = parts[(last + 1)...].map { (part: Optional($0), extent: self.extent(of: $0) ?? 1) }
        return before + [(nil, extent / known)] + behind
    }

    /// Which of a class's indices disappear with these channels of leaf classes; nil where its extent is unknown.
    func removed(_ id: Int, _ channels: [Int: Set<Int>]) -> [Bool]? {
        places(of: id) { leaf in
            channels[leaf].flatMap { gone in extent(of: leaf).map { (0..<$0).map { gone.contains($0) } } }
        }
    }

    /// Which channel of a leaf class each index of a class belongs to; nil where the class does not have the leaf there.
    func channels(of id: Int, in leaf: Int) -> [Int?] {
        guard let extent = extent(of: id), let count = self.extent(of: leaf) else { return [] }
        if root(of: id) == leaf { return Array(0..<extent) }
        var result = [Int?](repeating: nil, count: extent)
        for channel in 0..<count {
            guard let places = removed(id, [leaf: [channel]]) else { return result }
            for place in places.indices where places[place] { result[place] = channel }
        }
        return result
    }
}
