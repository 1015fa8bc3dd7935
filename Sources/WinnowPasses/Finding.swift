import Foundation

/// One fact that a pass or a measurement reports: a quantity before and after, or why nothing was done.
public struct Finding: Codable, Hashable, Sendable {
    public enum Status: String, Codable, Sendable {
        case done
        /// It was not meant to change.
        case kept
        /// It was meant to change and could not.
        case skipped
        /// Something milder than what was asked for was done.
        case fellBack = "fell back"
    }

    /// The tensor, node or round it is about; `graph` for the whole.
    public var subject: String
    public var status: Status
    /// What was measured: `sparsity`, `element bits`, `rank`, `top-1`.
    public var quantity: String
    /// The unit, empty for plain numbers.
    public var unit: String
    public var before: Double?
    public var after: Double?
    /// Why it was skipped or fell back, or a remark; may be empty.
    public var reason: String
    /// The round of an iterative method, counted from 1; 0 is the state before the first.
    public var round: Int?

    public init(
        _ subject: String, _ status: Status = .done, _ quantity: String = "", unit: String = "", before: Double? = nil,
        after: Double? = nil, reason: String = "", round: Int? = nil
    ) {
        self.subject = subject
        self.status = status
        self.quantity = quantity
        self.unit = unit
        self.before = before
        self.after = after
        self.reason = reason
        self.round = round
    }
}

extension Finding: CustomStringConvertible {
    public var description: String {
        let change =
            switch (before, after) {
            case (let before?, let after?): "\(quantity) \(Self.text(before)) → \(Self.text(after))"
            case (nil, let after?): "\(quantity) \(Self.text(after))"
            case (let before?, nil): "\(quantity) \(Self.text(before))"
            case (nil, nil): quantity
            }
        let parts = [round.map { "round \($0)" } ?? "", status == .done ? "" : status.rawValue, change, unit]
        let text = parts.filter { !$0.isEmpty }.joined(separator: " ")
        return "\(subject): \(text)\(reason.isEmpty ? "" : " (\(reason))")"
    }

    /// Whole numbers in full, others in six digits.
    private static func text(_ value: Double) -> String {
        value == value.rounded() ? value.shortText : String(format: "%.6g", value)
    }
}
