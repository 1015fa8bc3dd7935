package import WinnowTensor

/// condition ? a : b with broadcasting (ONNX's Where), for any element type of whole bytes.
package struct SelectKernel: Sendable {
    package var shape: Shape { plan.shape }
    private let plan: BroadcastPlan
    private let byteCount: Int

    package init(
        condition: Shape, _ a: Shape, _ b: Shape, _ elementType: ElementType, layout: Layout = .rowMajor
    ) throws {
        guard elementType.bitWidth >= 8 else {
            throw WinnowError(.unsupported, "where", "is not defined for \(elementType)")
        }
        plan = try BroadcastPlan([condition, a, b], layout: layout)
        byteCount = elementType.bitWidth / 8
    }

    package func run(
        condition: UnsafeRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, to target: UnsafeMutableRawPointer
    ) {
        switch byteCount {
        case 1: run(UInt8.self, condition, a, b, target)
        case 2: run(UInt16.self, condition, a, b, target)
        case 4: run(UInt32.self, condition, a, b, target)
        default: run(UInt64.self, condition, a, b, target)
        }
    }

    private func run<Word: FixedWidthInteger & BitwiseCopyable>(
        _ word: Word.Type, _ condition: UnsafeRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
        _ target: UnsafeMutableRawPointer
    ) {
        let steps = (plan.varies[0] ? 1 : 0, plan.varies[1] ? 1 : 0, plan.varies[2] ? 1 : 0)
        plan.forEachRow { offsets, count in
            let c = condition.assumingMemoryBound(to: UInt8.self) + offsets[1]
            let x = a.assumingMemoryBound(to: Word.self) + offsets[2]
            let y = b.assumingMemoryBound(to: Word.self) + offsets[3]
            let z = target.assumingMemoryBound(to: Word.self) + offsets[0]
            if steps == (1, 1, 1) {
                for i in 0..<count { z[i] = c[i] != 0 ? x[i] : y[i] }
            } else {
                for i in 0..<count { z[i] = c[i * steps.0] != 0 ? x[i * steps.1] : y[i * steps.2] }
            }
        }
    }
}
