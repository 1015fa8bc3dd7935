import WinnowTensor

extension Shape {
    /// More elements than any memory holds, few enough that sizes in bits never overflow.
    static let maximumElementCount = 1 << 48

    /// The shape with these extents; throws if one is negative or their product is beyond any memory.
    init(checking extents: some Collection<some BinaryInteger>, of subject: String, _ kind: WinnowError.Kind = .file) throws {
        var product = 1
        for extent in extents {
            guard extent >= 0 else { throw WinnowError(kind, subject, "has the negative extent \(extent)") }
            let (next, overflows) = product.multipliedReportingOverflow(by: Swift.max(1, Int(clamping: extent)))
            guard !overflows, next <= Self.maximumElementCount else {
                throw WinnowError(
                    kind, subject, "has extents whose product no memory holds", remedy: "the file is probably damaged")
            }
            product = next
        }
        self.init(extents.map { Int($0) })
    }
}
