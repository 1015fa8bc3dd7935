internal import CWinnowKernels
import WinnowTensor

/// A product that leaves out the zeros of its constant filter (WinnowSparseProduct.c), packed once. Not for two threads at a time.
package final class SparseProductKernel: @unchecked Sendable {
    private enum Computation {
        case floats(EpilogueLoops)
        case codes(padding: UInt8, flipped: UInt8, target: AffineEncoding, bounds: ClosedRange<Float>)
    }

    private let product: SparseProduct
    private let computation: Computation
    private let vectors: Int
    private let threads: Int
    private let entries: [winnow_nonzero]
    private let starts: [UInt32]
    /// Scales and biases of outputs, for codes.
    private let scales: [Float]
    private let biases: [Float]
    private let tileByteCount: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { threads * tileByteCount }

    /// - Parameter weights: float32 in the filter's shape; read now.
    package init(_ product: SparseProduct, weights: UnsafeRawPointer, epilogue: Epilogue = .none) throws {
        let (vectors, cost) = product.best(product.nonzeroCount(of: weights), isCodes: false)
        let weights = weights.assumingMemoryBound(to: Float.self)
        let words = product.taps * product.depth, blocks = winnow_sparse_blocks(words, Int32(vectors))
        let length = (words + blocks - 1) / blocks
        var (entries, starts) = ([winnow_nonzero](), [UInt32](repeating: 0, count: blocks * product.outputs + 1))
        for block in 0..<blocks {
            product.forEachWeight(in: (block * length)..<((block + 1) * length)) { output, place, index in
                guard weights[index] != 0 else { return }
                entries.append(winnow_nonzero(place: UInt32(place * 64 * vectors), value: .init(number: weights[index])))
                starts[block * product.outputs + output + 1] = UInt32(entries.count)
            }
        }
        Self.fillUp(&starts)
        computation = .floats(try EpilogueLoops(epilogue, count: product.resultCount))
        (self.product, self.vectors, self.entries, self.starts, scales, biases) = (product, vectors, entries, starts, [], [])
        threads = Self.threads(cost)
        tileByteCount = Self.tileByteCount(vectors, words: words, kept: blocks > 1 ? (product.outputs + 15) / 16 * 16 : 0)
    }

    /// nil where codes are not sparse enough to be worth it, or their encodings are none it knows: dynamic, residual, other functions than
    /// bounds.
    ///
    /// - Parameter limit: how much of the dense product's time it may take.
    package init?(_ product: SparseProduct, _ contraction: IntegerContraction, limit: Double = 0.9) {
        guard winnow_has_digit_products() != 0, product.depth % 4 == 0, case .constant(let source) = contraction.source,
            case .codes(let target) = contraction.target, let bounds = contraction.epilogue.onlyBounds,
            let range = target.elementType.integerRange
        else { return nil }
        let filter = contraction.filter
        func weight(_ output: Int, _ index: Int) -> Int32 {
            let zero = filter.zeroPoints.count == 1 ? filter.zeroPoints[0] : filter.zeroPoints[output]
            let code = filter.codes.load(fromByteOffset: index, as: UInt8.self)
            return (filter.elementType == .int8 ? Int32(Int8(bitPattern: code)) : Int32(code)) - zero
        }
        var blocks: [(place: Int, codes: (Int8, Int8, Int8, Int8))] = []
        var (starts, sums, fits) = ([UInt32](repeating: 0, count: product.outputs + 1), [Int32](repeating: 0, count: product.outputs), true)
        let (most, step) = (product.weightCount / 8, product.steps.channel)
        product.forEachWeight(step: 4) { output, place, index in
            guard fits else { return }
            let (a, b) = (weight(output, index), weight(output, index + step))
            let (c, d) = (weight(output, index + 2 * step), weight(output, index + 3 * step))
            guard a | b | c | d != 0 else { return }
            guard let a = Int8(exactly: a), let b = Int8(exactly: b), let c = Int8(exactly: c), let d = Int8(exactly: d), blocks.count < most
            else { fits = false; return }
            sums[output] += Int32(a) + Int32(b) + Int32(c) + Int32(d)
            blocks.append((place / 4, (a, b, c, d)))
            starts[output + 1] = UInt32(blocks.count)
        }
        guard fits else { return nil }
        Self.fillUp(&starts)
        let (vectors, cost) = product.best(blocks.count, isCodes: true)
        guard cost < limit * product.denseCost(isCodes: true) else { return nil }
        let flipped: UInt8 = source.elementType == .int8 ? 128 : 0
        let zero = source.zeroPoint + Int32(flipped)
        let scales = (0..<product.outputs).map {
            source.scale * (filter.scales.count == 1 ? filter.scales[0] : filter.scales[$0]) / target.scale
        }
        biases = (0..<product.outputs).map {
            (contraction.bias?[$0] ?? 0) / target.scale - scales[$0] * Float(zero) * Float(sums[$0])
        }
        let least = Float(range.lowerBound - Int(target.zeroPoint)), greatest = Float(range.upperBound - Int(target.zeroPoint))
        let low = min(max(least, bounds.lowerBound / target.scale), greatest)
        computation = .codes(
            padding: UInt8(truncatingIfNeeded: source.zeroPoint), flipped: flipped, target: target,
            bounds: low...max(low, min(greatest, bounds.upperBound / target.scale)))
        entries = blocks.map { winnow_nonzero(place: UInt32($0.place * 64 * vectors), value: .init(codes: $0.codes)) }
        (self.product, self.vectors, self.starts, self.scales) = (product, vectors, starts, scales)
        threads = Self.threads(cost)
        tileByteCount = Self.tileByteCount(vectors, words: product.taps * product.depth / 4, kept: 0)
    }

    /// Outputs without weights begin where the one before ends.
    private static func fillUp(_ starts: inout [UInt32]) {
        for index in starts.indices.dropFirst() { starts[index] = max(starts[index], starts[index - 1]) }
    }

    private static func threads(_ cost: Double) -> Int { ThreadCount.worth(Work(multiplications: Int(min(cost * 50, 1e15)))) }

    private static func tileByteCount(_ vectors: Int, words: Int, kept: Int) -> Int {
        (words + 16 + kept) * 64 * vectors
    }

    /// What is not zero of all weights, or blocks of four codes.
    package var density: Double {
        let isCodes = if case .codes = computation { true } else { false }
        return Double(entries.count) / Double(max(1, product.weightCount / (isCodes ? 4 : 1)))
    }

    package func run(
        source: UnsafeRawPointer, bias: UnsafeRawPointer? = nil, residual: UnsafeRawPointer? = nil, target: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) {
        guard let scratch else { return }
        entries.withUnsafeBufferPointer { entries in
            starts.withUnsafeBufferPointer { starts in
                guard let starts = starts.baseAddress else { return }
                run(call(entries.baseAddress, starts), source, bias, target, scratch)
            }
        }
        if case .floats(let loops) = computation { loops.run(target, residual: residual) }
    }

    private func call(
        _ entries: UnsafePointer<winnow_nonzero>?, _ starts: UnsafePointer<UInt32>
    ) -> winnow_sparse_product {
        let isCodes = if case .codes = computation { true } else { false }
        return winnow_sparse_product(
            entries: entries, starts: starts, outputs: product.outputs, channels: isCodes ? product.depth / 4 : product.depth,
            source_height: product.source.height, source_width: product.source.width, target_height: product.target.height,
            target_width: product.target.width, images: product.images, filter_height: product.filter.height,
            filter_width: product.filter.width, row_stride: product.strides.row, column_stride: product.strides.column,
            row_dilation: product.dilations.row, column_dilation: product.dilations.column, top: product.pads.top,
            left: product.pads.left, vectors: Int32(vectors))
    }

    private func run(
        _ call: winnow_sparse_product, _ source: UnsafeRawPointer, _ bias: UnsafeRawPointer?, _ target: UnsafeMutableRawPointer,
        _ scratch: UnsafeMutableRawPointer
    ) {
        forParts { part, tiles, groups in
            let tile = scratch + part * tileByteCount
            withUnsafePointer(to: call) { call in
                switch computation {
                case .floats(let loops):
                    winnow_multiply_sparse(
                        call, source.assumingMemoryBound(to: Float.self), bias?.assumingMemoryBound(to: Float.self),
                        loops.bounds.lowerBound, loops.bounds.upperBound, target.assumingMemoryBound(to: Float.self),
                        tile.assumingMemoryBound(to: Float.self), tiles.lowerBound, tiles.upperBound, groups.lowerBound,
                        groups.upperBound)
                case .codes(let padding, let flipped, let encoding, let bounds):
                    scales.withUnsafeBufferPointer { scales in
                        biases.withUnsafeBufferPointer { biases in
                            var requantization = winnow_requantization(
                                scales: scales.baseAddress, biases: biases.baseAddress, low: bounds.lowerBound, high: bounds.upperBound,
                                zero: encoding.zeroPoint, flipped: flipped)
                            winnow_multiply_sparse_codes(
                                call, source.assumingMemoryBound(to: UInt8.self), padding, &requantization,
                                target.assumingMemoryBound(to: UInt8.self), tile.assumingMemoryBound(to: UInt32.self),
                                tiles.lowerBound, tiles.upperBound, groups.lowerBound, groups.upperBound)
                        }
                    }
                }
            }
        }
    }

    /// Calls `body` with tiles and groups of outputs for each thread: some of the tiles, or all of them where there are few.
    private func forParts(_ body: (Int, Range<Int>, Range<Int>) -> Void) {
        let (tiles, groups) = (product.tiles(vectors), (product.outputs + 15) / 16)
        let byTiles = tiles >= 4 * threads || tiles > groups
        let count = byTiles ? tiles : groups
        let parts = min(threads, count)
        Parallel.forParts(parts) { part in
            let range = (count * part / parts)..<(count * (part + 1) / parts)
            if byTiles { body(part, range, 0..<groups) } else { body(part, 0..<tiles, range) }
        }
    }
}

extension Epilogue {
    /// The bounds between which results lie, if that is all there is to do.
    fileprivate var onlyBounds: ClosedRange<Float>? {
        steps.isEmpty ? -Float.infinity...Float.infinity : steps.count == 1 ? steps[0].bounds : nil
    }
}
