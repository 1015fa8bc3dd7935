/// Finds the word a user probably meant.
package enum Spelling {
    /// More are counted, not listed.
    private static let shownCount = 12

    /// The candidate fewest letters away from `word`, if it is near enough to be worth suggesting.
    package static func nearest(to word: String, in candidates: [String]) -> String? {
        let scored = candidates.map { (distance(Array(word), Array($0)), $0) }
        guard let best = scored.min(by: { $0 < $1 }), best.0 <= max(2, word.count / 3) else { return nil }
        return best.1
    }

    /// "known: a, b, c", led by a suggestion where one is near.
    package static func remedy(for word: String, among candidates: [String]) -> String {
        let known = "known: \(listed(candidates))"
        return nearest(to: word, in: candidates).map { "did you mean \($0)? \(known)" } ?? known
    }

    /// "a, b, c and 4 more".
    package static func listed(_ candidates: [String]) -> String {
        let shown = candidates.prefix(shownCount)
        return "\(shown.joined(separator: ", "))\(shown.count < candidates.count ? " and \(candidates.count - shown.count) more" : "")"
    }

    /// Levenshtein's distance.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let cost = min(diagonal + (x == y ? 0 : 1), row[j] + 1, row[j + 1] + 1)
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[b.count]
    }
}
