/// The cosine of the angle between the output and the original's.
package struct Cosine: Distance {
    package static let name = "cosine"
    package static let isPart: Bool? = true
    package var sums = PairSums(forgivesNaN: false)

    package init() {}
    package var value: Double { sums.cosine }
}
