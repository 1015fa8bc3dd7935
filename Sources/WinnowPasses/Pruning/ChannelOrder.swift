/// The order in which channels of all groups go; a budget says where it is cut.
struct ChannelOrder {
    private let steps: [(key: Double, group: Int)]
    private let groupCount: Int
    /// All channels, those that never go too.
    let channelCount: Int

    /// - Parameter keys: for each group what it costs that its lowest channel goes, its second lowest, and so on, never falling;
    ///   infinite where a channel never goes. Of equal keys those of the first group go first.
    init(_ keys: [[Double]]) {
        groupCount = keys.count
        channelCount = keys.reduce(0) { $0 + $1.count }
        steps = keys.enumerated().flatMap { group, keys in keys.filter(\.isFinite).map { ($0, group) } }
            .sorted { ($0.key, $0.group) < ($1.key, $1.group) }
    }

    /// How many channels may go.
    var count: Int { steps.count }

    /// How many of each group are among the first `length`.
    func counts(first length: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: groupCount)
        for step in steps.prefix(length) { counts[step.group] += 1 }
        return counts
    }

    /// How many have keys up to this.
    func length(upTo key: Double) -> Int { steps.partitioningIndex { $0.key > key } }

    /// The first `length`, and those after them with the last one's key.
    func lengthWithTies(_ length: Int) -> Int { length > 0 ? self.length(upTo: steps[length - 1].key) : 0 }

    /// The least length at which something holds that holds of every greater one; `count` if it holds of none.
    func shortest(where holds: (Int) throws -> Bool) rethrows -> Int { try (0..<count).partitioningIndex(where: holds) }
}

extension RandomAccessCollection {
    /// The first place whose element fulfils what every later one fulfils too; the end if there is none.
    fileprivate func partitioningIndex(where fulfils: (Element) throws -> Bool) rethrows -> Index {
        var (low, length) = (startIndex, count)
        while length > 0 {
            let half = length / 2
            let middle = index(low, offsetBy: half)
            if try fulfils(self[middle]) {
                length = half
            } else {
                low = index(after: middle)
                length -= half + 1
            }
        }
        return low
    }
}
