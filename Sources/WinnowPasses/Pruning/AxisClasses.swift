/// Equivalence classes of axes (union–find), some composed of others.
struct AxisClasses: Sendable {
    enum Composition: Sendable { case product, concatenation }

    private var parents: [Int] = []
    private var extents: [Int?] = []
    private var protections: [String?] = []
    private var compositions: [(whole: Int, kind: Composition, parts: [Int])] = []

    mutating func add(extent: Int?) -> Int {
        parents.append(parents.count)
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
    mutating func unite(_ a: Int, _ b: Int) {
        let (a, b) = (root(of: a), root(of: b))
        guard a != b else { return }
        parents[b] = a
        protections[a] = protections[a] ?? protections[b]
        if let x = extents[a], let y = extents[b], x != y { protections[a] = "its axes differ in extent" }
        extents[a] = extents[a] ?? extents[b]
    }

    mutating func protect(_ id: Int, _ reason: String) {
        let root = root(of: id)
        protections[root] = protections[root] ?? reason
    }

    mutating func compose(_ whole: Int, _ kind: Composition, of parts: [Int]) {
        if parts.count == 1 { unite(whole, parts[0]) } else { compositions.append((whole, kind, parts)) }
    }

    func isComposed(_ id: Int) -> Bool { composition(of: id) != nil }

    private func composition(of id: Int) -> (kind: Composition, parts: [Int])? {
        let root = root(of: id)
        return compositions.first { self.root(of: $0.whole) == root }.map { ($0.kind, $0.parts) }
    }

    /// Reconciles classes composed in several ways: alike in kind and extents, their parts are the same; otherwise nothing
    /// in them may change. Protection of a whole extends to its parts.
    mutating func settle() {
        var changed = true
        while changed {
            changed = false
            for i in compositions.indices {
                for j in compositions.indices
                where j > i && root(of: compositions[i].whole) == root(of: compositions[j].whole) {
                    if reconcile(i, j) { changed = true }
                }
            }
        }
        for _ in compositions.indices {
            for (whole, _, parts) in compositions {
                guard let reason = protection(of: whole) else { continue }
                for part in parts { protect(part, reason) }
            }
        }
    }

    private mutating func reconcile(_ i: Int, _ j: Int) -> Bool {
        let (a, b) = (compositions[i], compositions[j])
        var changed = false
        if a.kind == b.kind, a.parts.map({ extent(of: $0) }) == b.parts.map({ extent(of: $0) }) {
            for (x, y) in zip(a.parts, b.parts) where root(of: x) != root(of: y) {
                unite(x, y)
                changed = true
            }
        } else {
            for part in a.parts + b.parts + [a.whole] where protection(of: part) == nil {
                protect(part, "it is taken apart in two ways")
                changed = true
            }
        }
        return changed
    }

    /// The classes that a class is composed of in the end; itself if it is not composed.
    func leaves(of id: Int, depth: Int = 0) -> [Int] {
        guard depth < 16, let (_, parts) = composition(of: id) else { return [root(of: id)] }
        return parts.flatMap { leaves(of: $0, depth: depth + 1) }
    }

    /// Which of a class's indices disappear with these channels of leaf classes; nil where its extent is unknown.
    func removed(_ id: Int, _ channels: [Int: Set<Int>], depth: Int = 0) -> [Bool]? {
        guard depth < 16, let extent = extent(of: id) else { return nil }
        guard let (kind, parts) = composition(of: id) else {
            guard let gone = channels[root(of: id)] else { return [Bool](repeating: false, count: extent) }
            return (0..<extent).map { gone.contains($0) }
        }
        let flags = parts.compactMap { removed($0, channels, depth: depth + 1) }
        guard flags.count == parts.count else { return nil }
        let result =
            switch kind {
            case .concatenation: flags.flatMap { $0 }
            case .product: flags.reduce([false]) { outer, inner in outer.flatMap { gone in inner.map { gone || $0 } } }
            }
        return result.count == extent ? result : nil
    }
}
