package import WinnowGraph
import WinnowTensor

/// How often each n-gram of a pool occurs in rows of integer tokens, counted, as 0 or 1, or weighted.
package struct TfIdfVectorizer: Operator {
    package static let type = OperatorType("TfIdfVectorizer")
    package static let maximumInputCount = 1

    package enum Mode: String, Sendable {
        case counts = "TF"
        case presence = "IDF"
        case weightedCounts = "TFIDF"
    }

    package var mode: Mode
    package var gramLengths: ClosedRange<Int>
    /// Up to so many tokens are left out between neighbours of an n-gram.
    package var largestSkip: Int
    /// All unigrams, then all bigrams and so on; `poolStarts` has where each length begins.
    package var pool: [Int]
    package var poolStarts: [Int]
    /// The place in the output of each n-gram.
    package var places: [Int]
    package var weights: [Float]?

    package init(attributes: Attributes, version: Int) throws {
        guard let mode = Mode(rawValue: try attributes.string("mode", default: "")) else {
            throw WinnowError(.model, "mode", "is none of TF, IDF and TFIDF")
        }
        guard let pool = try attributes.ints("pool_int64s", areSizes: false) else {
            throw WinnowError(.unsupported, "pool_strings", "text is not supported, only integer tokens")
        }
        self.mode = mode
        self.pool = pool
        let (shortest, longest) = (try attributes.int("min_gram_length", default: 1), try attributes.int("max_gram_length", default: 1))
        largestSkip = try attributes.int("max_skip_count", default: 0)
        let poolStarts = try attributes.ints("ngram_counts") ?? []
        let places = try attributes.ints("ngram_indexes") ?? []
        let weights = try attributes.floats("weights")
        guard shortest >= 1, shortest <= longest, largestSkip >= 0, longest <= poolStarts.count,
            zip(poolStarts, poolStarts.dropFirst() + [pool.count]).allSatisfy({ 0 <= $0 && $0 <= $1 }),
            places.allSatisfy({ (0..<(1 << 24)).contains($0) }), weights == nil || weights?.count == places.count
        else { throw WinnowError(.model, "ngram_counts", "does not fit the other attributes") }
        gramLengths = shortest...longest
        (self.poolStarts, self.places, self.weights) = (poolStarts, places, weights)
    }

    package var attributes: Attributes {
        var attributes: Attributes = [
            "mode": .string(mode.rawValue), "min_gram_length": .int(gramLengths.lowerBound),
            "max_gram_length": .int(gramLengths.upperBound), "max_skip_count": .int(largestSkip), "pool_int64s": .ints(pool),
            "ngram_counts": .ints(poolStarts), "ngram_indexes": .ints(places),
        ]
        if let weights { attributes["weights"] = .floats(weights) }
        return attributes
    }

    package var minimumVersion: Int { 9 }
    private var width: Int { (places.max() ?? -1) + 1 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(.float32, nil)] }
        guard (1...2).contains(extents.count) else { throw WinnowError(.shape, "input", "has \(extents.count) axes, not 1 or 2") }
        return [ValueInfo(.float32, extents.dropLast() + [.fixed(width)])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let (length, width) = (data.shape.last ?? 0, width)
        let rows = data.shape.rank == 2 ? data.shape[0] : 1
        let trie = try GramTrie(self)
        switch data.elementType {
        case .int32:
            return Kernel { operands in
                for row in 0..<rows {
                    count(operands.input(0, as: Int32.self) + row * length, length, trie, operands.output(0, as: Float.self) + row * width)
                }
            }
        case .int64:
            return Kernel { operands in
                for row in 0..<rows {
                    count(operands.input(0, as: Int64.self) + row * length, length, trie, operands.output(0, as: Float.self) + row * width)
                }
            }
        default: throw WinnowError(.unsupported, request.nodeName, "tokens are \(data.elementType), not int32 or int64")
        }
    }

    /// One row: every n-gram of every skip is looked up; single tokens have no skips.
    private func count<Token: BinaryInteger>(
        _ tokens: UnsafePointer<Token>, _ length: Int, _ trie: GramTrie, _ output: UnsafeMutablePointer<Float>
    ) {
        output.update(repeating: 0, count: width)
        // Tokens further apart than the row is long have no partner.
        for step in 1...max(1, min(largestSkip + 1, length)) {
            let shortest = max(gramLengths.lowerBound, step == 1 ? 1 : 2)
            for start in 0..<length {
                var node = 0
                for size in 1...gramLengths.upperBound {
                    let place = start + (size - 1) * step
                    guard place < length, let next = trie.child(of: node, Int(tokens[place])) else { break }
                    node = next
                    if size >= shortest, let gram = trie.gram(at: node) { output[places[gram]] += 1 }
                }
            }
        }
        guard mode != .counts else { return }
        for (gram, place) in places.enumerated() {
            let weight = weights?[gram] ?? 1
            output[place] = mode == .presence ? (output[place] > 0 ? weight : 0) : output[place] * weight
        }
    }
}

/// The n-grams of a pool by their tokens.
private struct GramTrie: Sendable {
    private struct Edge: Hashable {
        var node: Int
        var token: Int
    }

    private var edges: [Edge: Int] = [:]
    private var grams: [Int?] = [nil]

    init(_ op: TfIdfVectorizer) throws {
        var gram = 0
        for (index, start) in op.poolStarts.enumerated() {
            let end = index + 1 < op.poolStarts.count ? op.poolStarts[index + 1] : op.pool.count
            let size = index + 1
            for first in stride(from: start, to: end - size + 1, by: size) {
                insert(op.pool[first..<(first + size)], gram)
                gram += 1
            }
        }
        guard gram == op.places.count else {
            throw WinnowError(.model, "ngram_indexes", "has \(op.places.count) numbers for \(gram) n-grams")
        }
    }

    private mutating func insert(_ tokens: ArraySlice<Int>, _ gram: Int) {
        var node = 0
        for token in tokens {
            let edge = Edge(node: node, token: token)
            if let next = edges[edge] { node = next; continue }
            edges[edge] = grams.count
            node = grams.count
            grams.append(nil)
        }
        grams[node] = gram
    }

    func child(of node: Int, _ token: Int) -> Int? { edges[Edge(node: node, token: token)] }
    func gram(at node: Int) -> Int? { grams[node] }
}
