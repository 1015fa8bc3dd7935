package import WinnowGraph
package import WinnowTensor

/// Memory for one operand with guards at both ends, which show whether a kernel wrote beyond it.
package final class GuardedMemory {
    private static let guardByteCount = 64
    private let storage: TensorStorage
    private let byteCount: Int
    private let fill: UInt8

    /// `fill` is what the memory holds before.
    package init(byteCount: Int, fill: UInt8) {
        self.byteCount = byteCount
        self.fill = fill
        storage = TensorStorage(byteCount: byteCount + 2 * Self.guardByteCount)
        storage.base.initializeMemory(as: UInt8.self, repeating: ~fill, count: storage.byteCount)
        pointer.initializeMemory(as: UInt8.self, repeating: fill, count: byteCount)
    }

    package convenience init(_ tensor: Tensor) {
        self.init(byteCount: tensor.byteCount, fill: 0)
        tensor.withUnsafeBytes { if let base = $0.baseAddress { pointer.copyMemory(from: base, byteCount: $0.count) } }
    }

    package var pointer: UnsafeMutableRawPointer { storage.base + Self.guardByteCount }
    package var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: pointer, count: byteCount)) }

    package var isIntact: Bool {
        let all = UnsafeRawBufferPointer(start: storage.base, count: storage.byteCount)
        return all.prefix(Self.guardByteCount).allSatisfy { $0 == ~fill } && all.suffix(Self.guardByteCount).allSatisfy { $0 == ~fill }
    }
}

extension Kernel {
    /// What a guarded run shows.
    package struct GuardedRun {
        /// The bytes of each result.
        package var results: [[UInt8]]
        /// Whether the kernel wrote nothing but its results and its scratch memory.
        package var staysInside: Bool
    }

    /// Runs the kernel on memory of its own, every byte of results and scratch being `fill` before.
    package func guardedRun(_ inputs: [Tensor?], results: [OperandPlan], fill: UInt8) throws -> GuardedRun {
        let sources = inputs.map { $0.map { GuardedMemory($0) } }
        let targets = results.map { GuardedMemory(byteCount: $0.byteCount, fill: fill) }
        let scratch = GuardedMemory(byteCount: scratchByteCount, fill: fill)
        var pointers = sources.map { $0?.pointer } + targets.map { $0.pointer }
        pointers.append(scratch.pointer)
        try withExtendedLifetime((sources, targets, scratch)) {
            try pointers.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try run(Operands(base, inputCount: inputs.count, outputCount: results.count))
            }
        }
        let keepsInputs = zip(inputs, sources).allSatisfy { tensor, memory in
            guard let tensor, let memory else { return true }
            return memory.isIntact && tensor.withUnsafeBytes { Array($0) == memory.bytes }
        }
        return GuardedRun(
            results: targets.map(\.bytes), staysInside: keepsInputs && targets.allSatisfy(\.isIntact) && scratch.isIntact)
    }
}
