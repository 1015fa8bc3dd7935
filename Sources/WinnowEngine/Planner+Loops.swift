import WinnowGraph
import WinnowTensor

extension Planner {
    /// Longer loops gain nothing more, and each step is compared with all others of its loop.
    private static let loopLimit = 32

    /// The steps, neighbours together that are elementwise over as many elements and do not disturb each other when a loop
    /// takes all of them through one block after the other.
    func loops(over steps: [Plan.Step], _ addresses: [UnsafeMutableRawPointer?]) -> [Range<Int>] {
        var loops: [Range<Int>] = []
        for step in steps.indices {
            if let last = loops.last, last.count < Self.loopLimit, last.allSatisfy({ mayShareLoop($0, step, steps, addresses) }) {
                loops[loops.count - 1] = last.lowerBound..<step + 1
            } else {
                loops.append(step..<step + 1)
            }
        }
        return loops
    }

    private func mayShareLoop(_ first: Int, _ second: Int, _ steps: [Plan.Step], _ addresses: [UnsafeMutableRawPointer?]) -> Bool {
        guard let count = steps[first].kernel.elements?.count, steps[second].kernel.elements?.count == count, count > 0 else { return false }
        /// Memory that both touch is the same elements at the same places.
        func agree(_ slot: Int?, _ other: Int?) -> Bool {
            guard let slot, let other, let a = addresses[slot], let b = addresses[other] else { return true }
            let (size, otherSize) = (slots[slot].byteCount, slots[other].byteCount)
            return a + size <= b || b + otherSize <= a || a == b && size == otherSize && slots[slot].shape.elementCount == count
        }
        let (earlier, later) = (calls[first], calls[second])
        return later.outputs.allSatisfy { written in (earlier.inputs + earlier.outputs).allSatisfy { agree(written, $0) } }
            && earlier.outputs.allSatisfy { written in later.inputs.allSatisfy { agree(written, $0) } }
    }
}
