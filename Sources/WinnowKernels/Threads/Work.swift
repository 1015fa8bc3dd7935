/// How much a kernel has to do, counted in float32 multiplications (about 0.02 ns each on one core).
struct Work: Hashable, Sendable {
    var multiplications: Int

    /// Products of float32 that are summed.
    static func products(_ count: Int) -> Work { Work(multiplications: count) }

    /// Products of 8-bit codes that are summed.
    static func codeProducts(_ count: Int) -> Work { Work(multiplications: count / 4) }

    /// Products that no neighbouring channel shares: of depthwise convolutions, float32 or codes.
    static func singleProducts(_ count: Int) -> Work { Work(multiplications: 3 * count) }

    /// What always stays on the thread that runs it.
    package static let unshared = Work(multiplications: 0)

    /// Elements that are read, changed a little and written.
    ///
    /// They take as long as 16 products, but sharing them moves what another core has just written.
    static func elements(_ count: Int) -> Work { Work(multiplications: 4 * count) }
}
