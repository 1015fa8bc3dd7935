import WinnowKernels
import WinnowTensor

/// The numbers that codes stand for where those are not evenly spaced: small floats, and the quantiles of a normal distribution.
package enum NumberFormat: String, Hashable, Sendable, CaseIterable {
    /// 4-bit float: ±{0, 0.5, 1, 1.5, 2, 3, 4, 6} (OCP Microscaling Formats 1.0, section 5.3.3).
    case e2m1
    /// 6-bit floats of the same specification, section 5.3.2.
    case e2m3, e3m2
    /// 8-bit floats (OCP 8-bit Floating Point 1.0).
    case e4m3, e5m2
    /// 4 bits, the same share of normally distributed numbers each (Dettmers et al. 2023, appendix E).
    case nf4

    private static let normalLevels: [Float] = [
        -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
    ]

    private var float: MiniFloat? {
        switch self {
        case .e2m1: .e2m1
        case .e2m3: .e2m3
        case .e3m2: .e3m2
        case .e4m3: .e4m3fn
        case .e5m2: .e5m2
        case .nf4: nil
        }
    }

    /// The number of every code; 0 for codes that are infinite or no number.
    package var levels: [Float] { float?.values.map { $0.isFinite ? $0 : 0 } ?? Self.normalLevels }

    /// The largest number.
    package var limit: Float { levels.max() ?? 1 }

    /// The bits of a code.
    package var bits: Int { Int.bitWidth - 1 - levels.count.leadingZeroBitCount }

    /// The bits after the point in a float's code.
    package var mantissaBits: Int {
        switch self {
        case .e2m1: 1
        case .e3m2, .e5m2: 2
        case .e2m3, .e4m3: 3
        case .nf4: 0
        }
    }

    /// The codes of the nearest numbers, ties to the even code in floats; what lies beyond the largest becomes that.
    package var nearest: @Sendable (Float) -> UInt8 {
        if let float { return { float.code(nearest: $0) } }
        let palette = Palette(levels: Self.normalLevels)
        return { UInt8(palette.index(nearest: $0)) }
    }
}
