import Foundation

/// Numbers as people read them.
package enum Format {
    package static func count(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits = String(digits.dropLast(3))
        }
        return (value < 0 ? "−" : "") + ([digits] + groups).joined(separator: ",")
    }

    package static func bytes(_ value: Int) -> String {
        value < 10_000 ? "\(count(value)) B" : value < 10_000_000
            ? "\(number(Double(value) / 1_000, 1)) kB" : "\(number(Double(value) / 1_000_000, 2)) MB"
    }

    package static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
    package static func percent(_ value: Double, _ digits: Int = 2) -> String { number(100 * value, digits) + " %" }

    /// `0.42 ms`, with as many digits as are worth reading.
    package static func milliseconds(_ value: Double) -> String { number(value, value < 0.1 ? 4 : value < 10 ? 3 : 1) + " ms" }

    /// A number of any size in four digits or so.
    package static func short(_ value: Double) -> String { String(format: "%.4g", value) }
}
