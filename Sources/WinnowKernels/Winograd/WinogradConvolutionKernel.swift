internal import COneDNN
internal import CWinnowKernels
internal import WinnowTensor

/// A convolution by Winograd's minimal filtering, its filter prepared once where it is constant. Not for two threads at a time.
///
/// A block of tiles after the other: threads share the tiles to make the planes of their data, the planes to multiply, the tiles again to
/// make results.
package final class WinogradConvolutionKernel: @unchecked Sendable {
    private let convolution: WinogradConvolution
    private let call: winnow_winograd
    private let epilogue: EpilogueLoops
    private let products: [PlaneProducts]
    private let failures: PartFailures
    private let threads: Int
    private let places: (data: Int, products: Int, steps: Int, filters: Int)
    private let isConstant: Bool
    private let stepByteCount: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameter filter: float32 (filters, channels, 3, 3), read now; nil: `run` gets it.
    package init(_ convolution: WinogradConvolution, filter: UnsafeRawPointer?, epilogue: Epilogue = .none) throws {
        self.convolution = convolution
        call = convolution.call()
        self.epilogue = try EpilogueLoops(epilogue, count: convolution.resultCount, addsResidual: true)
        threads = ThreadCount.worth(.products(convolution.productCount))
        isConstant = filter != nil
        let planes = convolution.planeCount
        let parts = (1...min(threads, planes)).last { planes % $0 == 0 } ?? 1
        let partByteCount = convolution.filterCount / parts * MemoryLayout<Float>.stride
        let factors = filter.map { filter in
            let factors = TensorStorage(byteCount: parts * partByteCount)
            convolution.makePlanes(of: filter, in: factors.base)
            return factors
        }
        products = try (0..<parts).map { part in
            try PlaneProducts(convolution, planes / parts, factors: factors.map { UnsafeRawPointer($0.base + part * partByteCount) })
        }
        failures = PartFailures(parts)
        var scratch = ScratchLayout()
        stepByteCount = products.map(\.scratchByteCount).max() ?? 0
        places = (
            scratch.reserve(planes * convolution.step(convolution.channels), of: .float32),
            scratch.reserve(planes * convolution.step(convolution.filters), of: .float32), scratch.reserve(parts * stepByteCount),
            scratch.reserve(isConstant ? 0 : convolution.filterCount, of: .float32)
        )
        scratchByteCount = scratch.byteCount
    }

    /// `bias` and `residual` may be nil, and the filter where it is constant; the residual must not lie where the target does.
    package func run(
        source: UnsafeRawPointer, filter: UnsafeRawPointer? = nil, bias: UnsafeRawPointer?, residual: UnsafeRawPointer?,
        target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        guard let scratch else { return }
        if !isConstant, let filter { convolution.makePlanes(of: filter, in: scratch + places.filters) }
        let factors = (scratch + places.filters).assumingMemoryBound(to: Float.self)
        let data = (scratch + places.data).assumingMemoryBound(to: Float.self)
        let sums = (scratch + places.products).assumingMemoryBound(to: Float.self)
        let (from, to) = (source.assumingMemoryBound(to: Float.self), target.assumingMemoryBound(to: Float.self))
        let end = winnow_winograd_end(
            bias: bias?.assumingMemoryBound(to: Float.self),
            residual: epilogue.addsResidual ? residual?.assumingMemoryBound(to: Float.self) : nil, low: epilogue.bounds.lowerBound,
            high: epilogue.bounds.upperBound)
        let planes = convolution.planeCount / products.count
        for block in 0..<convolution.blockCount {
            // The last block begins earlier: its first results are written twice.
            let size = convolution.blockSize
            let start = min(block * size, convolution.tileCount - size)
            forTiles(from: start) { first, last in
                withUnsafePointer(to: call) { winnow_winograd_data($0, from, data, Int64(start), first, last) }
            }
            try failures.forParts { part in
                try products[part].run(
                    data + part * planes * convolution.step(convolution.channels), factors + part * planes * convolution.channels * convolution.filters,
                    sums + part * planes * convolution.step(convolution.filters), scratch + places.steps + part * stepByteCount)
            }
            forTiles(from: start) { first, last in
                withUnsafePointer(to: call) { call in
                    withUnsafePointer(to: end) { winnow_winograd_results(call, sums, $0, to, Int64(start), first, last) }
                }
            }
        }
        epilogue.run(target, residual: residual)
    }

    private func forTiles(from start: Int, _ body: (_ first: Int64, _ last: Int64) -> Void) {
        let size = convolution.blockSize
        Parallel.forParts(min(threads, size)) { part in
            let parts = min(threads, size)
            body(Int64(start + size * part / parts), Int64(start + size * (part + 1) / parts))
        }
    }
}

/// The products of some planes of data, (tiles, channels), with those of the filters, (channels, filters), on one thread.
private final class PlaneProducts: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let isConstant: Bool
    var scratchByteCount: Int { primitive.scratchByteCount }

    /// - Parameter factors: the filters' planes, packed and owned here; nil: `run` gets them.
    init(_ convolution: WinogradConvolution, _ planes: Int, factors: UnsafeRawPointer?) throws {
        let (channels, filters, tiles) = (convolution.channels, convolution.filters, convolution.blockSize)
        let left = try MemoryDescriptor([planes, tiles, channels], .float32, strides: [convolution.step(channels), channels, 1])
        let dense = try MemoryDescriptor(dense: [planes, channels, filters])
        let right = factors == nil ? dense : try MemoryDescriptor(any: [planes, channels, filters])
        let target = try MemoryDescriptor([planes, tiles, filters], .float32, strides: [convolution.step(filters), filters, 1])
        let attributes = try PrimitiveAttributes()
        let descriptor = try PrimitiveDescriptor("products of \(planes) planes of \(tiles)×\(channels)×\(filters)", .unshared) {
            dnnl_matmul_primitive_desc_create(&$0, $1, left.handle, right.handle, nil, target.handle, attributes.handle)
        }
        let packed = try descriptor.memory(dnnl_query_weights_md)
        let storage = try factors.map { try Repacking.packed($0, from: dense, to: packed) }
        primitive = try PreparedPrimitive(
            descriptor,
            [
                .init(DNNL_ARG_SRC, left, .slot(Slot.source)),
                .init(DNNL_ARG_WEIGHTS, packed, storage.map { .constant($0) } ?? .slot(Slot.filter)),
                .init(DNNL_ARG_DST, target, .slot(Slot.target)),
            ])
        isConstant = factors != nil
    }

    /// - Parameter factors: read where they are not owned.
    func run(
        _ data: UnsafePointer<Float>, _ factors: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>,
        _ scratch: UnsafeMutableRawPointer
    ) throws {
        if !isConstant { primitive.bind(Slot.filter, factors) }
        primitive.bind(Slot.source, data)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
    }
}
