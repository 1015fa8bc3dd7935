/// The arithmetic inside float32 contractions; data in memory stay float32 in both.
package enum MathMode: Hashable, Sendable {
    case float32
    /// Products may be rounded to bfloat16 where the CPU is faster for it; sums stay float32.
    case bfloat16
}
