/// How sums of products of float32 are computed where there are several ways.
public enum Arithmetic: String, Sendable, Hashable, Codable, CaseIterable {
    /// In the way that is thought to be fastest on this machine: tiles with fewer multiplications (Winograd), zeros of constants left out.
    /// Errors stay near those of float32 sums.
    case fast
    /// Every product as it is written, whatever is faster or the file allows to be rounded.
    case exact
    /// Factors rounded to bfloat16 where the processor gains from it.
    case bfloat16
}
