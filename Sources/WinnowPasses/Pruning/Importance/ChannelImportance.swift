/// How much whole channels matter: those of the lowest scores go first.
package protocol ChannelImportance: Sendable {
    /// Its name in recipes.
    static var name: String { get }

    init()

    /// Adds what one weight says: for each channel the numbers that make it.
    func add(_ channels: [[Double]], to sums: inout [Double])

    /// The score of a channel from what all weights said.
    func score(_ sum: Double) -> Double
}

extension ChannelImportance {
    package func score(_ sum: Double) -> Double { sum }
}
