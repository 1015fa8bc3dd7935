/// A count that is shared among parts of different sizes.
enum SharedCount {
    /// How many go of every part, `count` in all: where some of it is gone already, all parts are brought to the same share of their
    /// sizes, but those that have lost more keep what is left.
    ///
    /// - Parameters:
    ///   - sizes: with what is gone.
    ///   - gone: of every part, no more than its size.
    static func shares(of count: Int, among sizes: [Int], gone: [Int]) -> [Int] {
        var shares = [Int](repeating: 0, count: sizes.count)
        let count = min(count, zip(sizes, gone).reduce(0) { $0 + $1.0 - $1.1 })
        guard count > 0 else { return shares }
        var open = Array(sizes.indices)
        while true {
            let size = open.reduce(0) { $0 + sizes[$1] }
            let target = count + open.reduce(0) { $0 + gone[$1] }
            let below = open.filter { gone[$0].multipliedFullWidth(by: size) <= sizes[$0].multipliedFullWidth(by: target) }
            guard below.count == open.count else { open = below; continue }
            var (passed, given) = (0, 0)
            for index in open {
                passed += sizes[index]
                // The target is no more than the size: the quotient fits.
                let reached = size.dividingFullWidth(passed.multipliedFullWidth(by: target)).quotient
                shares[index] = reached - given - gone[index]
                given = reached
            }
            return shares
        }
    }
}
