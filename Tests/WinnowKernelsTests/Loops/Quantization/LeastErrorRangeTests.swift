import Testing
import WinnowTensor
@testable import WinnowKernels

/// Ranges of several groups of numbers are those of each by itself, bit for bit.
@Suite struct LeastErrorRangeTests {
    /// Normal numbers of several magnitudes; with groups that hold nothing, one number, or what is no number.
    private func numbers(_ groups: Int, _ length: Int) -> [Float] {
        var random = RandomGenerator(seed: UInt64(groups * 1000 + length))
        var values = (0..<groups * length).map { Float(1 + $0 / length % 3) * random.normal() }
        guard groups > 8 else { return values }
        for (place, value) in [(0, Float.nan), (length, .infinity), (3 * length, 1e-38), (4 * length, -1e38)] { values[place] = value }
        for index in (5 * length)..<(6 * length) { values[index] = 0 }
        for index in (6 * length)..<(7 * length) { values[index] *= 0x1p-126 }
        return values
    }

    private func power(_ scale: Float) -> Float {
        guard scale >= .leastNormalMagnitude, scale.isFinite else { return 1 }
        return scale.significand == 1 ? scale : Float(sign: .plus, exponent: scale.exponent + 1, significand: 1)
    }

    @Test(arguments: [(1, 40), (4, 300), (6, 256), (21, 1), (30, 33), (64, 576)], [7, 127])
    func groupsAreSearchedAlike(_ size: (groups: Int, length: Int), _ limit: Float) {
        let runs = (0..<size.groups).map { ($0 * size.length)..<(($0 + 1) * size.length) }
        for (isSymmetric, isPower) in [(true, true), (true, false), (false, true), (false, false)] {
            numbers(size.groups, size.length).withUnsafeBufferPointer { values in
                func rounded(_ scale: Float) -> Float { isPower ? power(scale) : scale }
                let alone = runs.map {
                    LeastErrorRange.search(
                        UnsafeBufferPointer(rebasing: values[$0]), codes: -limit...limit, isSymmetric: isSymmetric, clips: true, rounded)
                }
                for inParallel in [false, true] {
                    let found = LeastErrorRange.searches(
                        values, runs, codes: -limit...limit, isSymmetric: isSymmetric, clips: true, inParallel: inParallel, rounded)
                    #expect(found.map(\.scale.bitPattern) == alone.map(\.scale.bitPattern) && found.map(\.zero) == alone.map(\.zero))
                }
            }
        }
    }

    /// Groups that lie one after the other need no copy; of others it is made.
    @Test func groupsThatLieInARow() {
        let shape: Shape = [3, 4, 2]
        for (layout, isGrouped) in [
            (ScaleLayout(axis: nil, of: shape), true), (ScaleLayout(axis: 0, of: shape), true), (ScaleLayout(axis: 1, of: shape), false),
            (ScaleLayout(axis: 2, of: shape), false), (ScaleLayout(axis: 2, blockSize: 2, of: shape), true),
            (ScaleLayout(axis: 1, blockSize: 2, of: shape), false),
        ] {
            let values = (0..<24).map { Float($0) }
            let (elements, starts) = values.withUnsafeBufferPointer { layout.grouped($0) }
            #expect(layout.isGrouped == isGrouped && (elements == values) == isGrouped)
            let handed = values.withUnsafeBufferPointer { layout.withGroups($0) { (Array($0), $1) } }
            #expect(handed.0 == elements && handed.1 == starts)
        }
    }
}
