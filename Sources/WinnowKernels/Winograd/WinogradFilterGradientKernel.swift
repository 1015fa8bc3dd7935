internal import COneDNN
internal import CWinnowKernels
internal import WinnowTensor

/// The gradient of a convolution's filter and bias by Winograd's minimal filtering: each step of `WinogradConvolutionKernel` transposed.
/// Not for two threads at a time.
///
/// Planes of the data, (tiles, channels), times those of the results' gradient, (tiles, filters), add up over all blocks of tiles to planes
/// of the filters, (channels, filters), of which taps are made.
package final class WinogradFilterGradientKernel: @unchecked Sendable {
    private let convolution: WinogradConvolution
    private let call: winnow_winograd
    private let products: [PlaneSums]
    private let failures: PartFailures
    private let threads: Int
    private let hasBias: Bool
    private let places: (data: Int, gradients: Int, sums: Int, steps: Int, biases: Int)
    private let stepByteCount: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameter hasBias: whether the bias gradient is wanted too.
    package init(_ convolution: WinogradConvolution, hasBias: Bool) throws {
        self.convolution = convolution
        self.hasBias = hasBias
        call = convolution.call()
        threads = ThreadCount.worth(.products(convolution.productCount))
        let planes = convolution.planeCount
        let parts = (1...min(threads, planes)).last { planes % $0 == 0 } ?? 1
        products = try (0..<parts).map { _ in try PlaneSums(convolution, planes / parts) }
        failures = PartFailures(parts)
        var scratch = ScratchLayout()
        stepByteCount = products.map(\.scratchByteCount).max() ?? 0
        places = (
            scratch.reserve(planes * convolution.step(convolution.channels), of: .float32),
            scratch.reserve(planes * convolution.step(convolution.filters), of: .float32),
            scratch.reserve(convolution.filterCount, of: .float32), scratch.reserve(parts * stepByteCount),
            scratch.reserve(hasBias ? threads * convolution.filters : 0, of: .float64)
        )
        scratchByteCount = scratch.byteCount
    }

    /// Writes (does not add to) the gradients. `biasGradient` is ignored unless declared.
    package func run(
        source: UnsafeRawPointer, targetGradient: UnsafeRawPointer, filterGradient: UnsafeMutableRawPointer,
        biasGradient: UnsafeMutableRawPointer?, scratch: UnsafeMutableRawPointer?
    ) throws {
        guard let scratch else { return }
        func floats(_ place: Int) -> UnsafeMutablePointer<Float> { (scratch + place).assumingMemoryBound(to: Float.self) }
        let (data, gradients, sums) = (floats(places.data), floats(places.gradients), floats(places.sums))
        let (from, gradient) = (source.assumingMemoryBound(to: Float.self), targetGradient.assumingMemoryBound(to: Float.self))
        let planes = convolution.planeCount / products.count
        for block in 0..<convolution.blockCount {
            let size = convolution.blockSize
            let start = min(block * size, convolution.tileCount - size)
            // The last block begins earlier: tiles that were counted count nothing.
            let counted = block * size - start
            forTiles(size) { first, last in
                withUnsafePointer(to: call) { call in
                    winnow_winograd_data(call, from, data, Int64(start), Int64(start + first), Int64(start + last))
                    winnow_winograd_gradients(call, gradient, gradients, Int64(start), Int64(start + max(first, counted)), Int64(start + last))
                }
            }
            clear(gradients, counted)
            try failures.forParts { part in
                try products[part].run(
                    data + part * planes * convolution.step(convolution.channels), gradients + part * planes * convolution.step(convolution.filters),
                    sums + part * planes * convolution.channels * convolution.filters, isFirst: block == 0,
                    scratch + places.steps + part * stepByteCount)
            }
        }
        convolution.makeTaps(of: sums, in: filterGradient.assumingMemoryBound(to: Float.self))
        if hasBias, let biasGradient {
            convolution.addUp(
                gradient, in: biasGradient.assumingMemoryBound(to: Float.self), parts: threads,
                (scratch + places.biases).assumingMemoryBound(to: Double.self), floats(places.gradients))
        }
    }

    private func forTiles(_ size: Int, _ body: (_ first: Int, _ last: Int) -> Void) {
        let parts = min(threads, size)
        Parallel.forParts(parts) { part in body(size * part / parts, size * (part + 1) / parts) }
    }

    /// Zeros in place of the first tiles of every plane.
    private func clear(_ planes: UnsafeMutablePointer<Float>, _ tiles: Int) {
        guard tiles > 0 else { return }
        for plane in 0..<convolution.planeCount {
            (planes + plane * convolution.step(convolution.filters)).update(repeating: 0, count: tiles * convolution.filters)
        }
    }
}

/// For some planes the sums over tiles of data, (tiles, channels), times gradients, (tiles, filters), on one thread.
private final class PlaneSums: @unchecked Sendable {
    /// Writes the sums, and adds to them.
    private let (first, next): (PreparedPrimitive, PreparedPrimitive)
    var scratchByteCount: Int { max(first.scratchByteCount, next.scratchByteCount) }

    init(_ convolution: WinogradConvolution, _ planes: Int) throws {
        let (channels, filters, tiles) = (convolution.channels, convolution.filters, convolution.blockSize)
        let left = try MemoryDescriptor([planes, channels, tiles], .float32, strides: [convolution.step(channels), 1, channels])
        let right = try MemoryDescriptor([planes, tiles, filters], .float32, strides: [convolution.step(filters), filters, 1])
        let target = try MemoryDescriptor(dense: [planes, channels, filters])
        func primitive(adds: Bool) throws -> PreparedPrimitive {
            let attributes = try PrimitiveAttributes()
            if adds { try attributes.appendSum() }
            try attributes.seal()
            let descriptor = try PrimitiveDescriptor("sums of \(planes) planes of \(channels)×\(tiles)×\(filters)", .unshared) {
                dnnl_matmul_primitive_desc_create(&$0, $1, left.handle, right.handle, nil, target.handle, attributes.handle)
            }
            return try PreparedPrimitive(
                descriptor,
                [
                    .init(DNNL_ARG_SRC, left, .slot(Slot.source)), .init(DNNL_ARG_WEIGHTS, right, .slot(Slot.filter)),
                    .init(DNNL_ARG_DST, target, .slot(Slot.target)),
                ])
        }
        (first, next) = (try primitive(adds: false), try primitive(adds: true))
    }

    func run(
        _ data: UnsafePointer<Float>, _ gradients: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, isFirst: Bool,
        _ scratch: UnsafeMutableRawPointer
    ) throws {
        let primitive = isFirst ? first : next
        primitive.bind(Slot.source, data)
        primitive.bind(Slot.filter, gradients)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
    }
}
