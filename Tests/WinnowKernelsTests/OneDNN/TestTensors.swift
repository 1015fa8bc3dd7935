import Testing
import WinnowTensor

import WinnowKernels

/// Seeded test data and layouts.
struct TestTensors {
    var generator: RandomGenerator

    init(seed: Int) { generator = RandomGenerator(seed: UInt64(seed)) }

    mutating func normal(_ shape: Shape) -> Tensor {
        Tensor((0..<shape.elementCount).map { _ in generator.normal() }, shape: shape)
    }

    /// Integers over the whole range of `type`.
    mutating func integers(_ shape: Shape, _ type: ElementType) -> Tensor {
        Tensor((0..<shape.elementCount).map { _ in Double(generator.next() & 255) - (type == .int8 ? 128 : 0) }, shape: shape, as: type)
    }

    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    mutating func bool() -> Bool { int(0...1) == 1 }
    mutating func layout() -> Layout { bool() ? .rowMajor : .channelsLast }
}

extension Tensor {
    /// The same logical tensor with its bytes in the order of `layout`; the shape stays logical.
    func laid(out layout: Layout) -> Tensor { moved(.rowMajor, layout) }
    /// Undoes `laid(out:)`.
    func read(from layout: Layout) -> Tensor { moved(layout, .rowMajor) }

    private func moved(_ from: Layout, _ to: Layout) -> Tensor {
        var result = self
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                from.reorder(to: to, shape: shape, elementByteCount: elementType.bitWidth / 8)
                    .copy(from: source.baseAddress!, to: target.baseAddress!)
            }
        }
        return result
    }

    /// The elements' address; the storage is kept for the life of the test process, so no pointer dangles.
    var pointer: UnsafeRawPointer {
        _ = Unmanaged.passRetained(memory.storage)
        return UnsafeRawPointer(memory.storage.base + memory.byteOffset)
    }
}

/// A block of memory a kernel writes, read back as a tensor; kept for the life of the test process.
final class Block {
    let storage: TensorStorage
    init(_ byteCount: Int) {
        storage = TensorStorage(byteCount: byteCount)
        _ = Unmanaged.passRetained(storage)
        // Junk: kernels must not count on zeros.
        storage.base.initializeMemory(as: UInt8.self, repeating: 0x7B, count: byteCount)
    }
    convenience init(_ shape: Shape, _ type: ElementType = .float32) { self.init(type.byteCount(of: shape.elementCount)) }
    var base: UnsafeMutableRawPointer { storage.base }
    var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
    func tensor(_ shape: Shape, _ type: ElementType = .float32, _ layout: Layout = .rowMajor) -> Tensor {
        Tensor(storage: storage, shape: shape, type).read(from: layout)
    }
}

extension Tensor {
    var floats: UnsafePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }

    /// Rounded so that products in this mathematics are exact.
    func exact(in math: MathMode) -> Tensor { math == .float32 ? self : converted(to: .bfloat16).converted(to: .float32) }
}

/// Expects every element within `tolerance` · (1 + |expected|).
func expectClose(
    _ actual: Tensor, _ expected: [Double], tolerance: Double = 1e-4, _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let values = actual.doubles()
    #expect(values.count == expected.count, sourceLocation: sourceLocation)
    let worst = zip(values, expected).enumerated().max { a, b in error(a.element) < error(b.element) }
    guard let worst else { return }
    let message = "\(comment()) element \(worst.offset): \(worst.element.0) instead of \(worst.element.1)"
    #expect(error(worst.element) <= tolerance, Comment(rawValue: message), sourceLocation: sourceLocation)
}

private func error(_ pair: (Double, Double)) -> Double {
    let error = abs(pair.0 - pair.1) / (1 + abs(pair.1))
    return error.isNaN ? .infinity : error
}
