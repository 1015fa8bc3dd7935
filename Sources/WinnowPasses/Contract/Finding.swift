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
    /// What was measured.
    public var quantity: Quantity
    public var before: Double?
    public var after: Double?
    /// Why it was skipped or fell back, or a remark; may be empty.
    public var reason: String
    /// The round of an iterative method, counted from 1; 0 is the state before the first.
    public var round: Int?
    /// How numbers became codes, where the finding is about that; lines leave it out.
    public var codes: Codes?
    /// How a weight's energy is spread over its components, where the finding is about its rank; lines leave it out.
    public var energy: EnergyCurve?

    public init(
        _ subject: String, _ status: Status = .done, _ quantity: Quantity = .none, before: Double? = nil, after: Double? = nil,
        reason: String = "", round: Int? = nil
    ) {
        self.subject = subject
        self.status = status
        self.quantity = quantity
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
            case (let before?, let after?): "\(quantity.name) \(quantity.text(before)) → \(quantity.text(after))"
            case (nil, let after?): "\(quantity.name) \(quantity.text(after))"
            case (let before?, nil): "\(quantity.name) \(quantity.text(before))"
            case (nil, nil): quantity.name
            }
        let parts = [round.map { "round \($0)" } ?? "", status == .done ? "" : status.rawValue, change, before == nil && after == nil ? "" : quantity.unit]
        let text = parts.filter { !$0.isEmpty }.joined(separator: " ")
        let why = reason.isEmpty ? "" : text.isEmpty ? reason : "(\(reason))"
        return "\(subject): \([text, why].filter { !$0.isEmpty }.joined(separator: " "))"
    }
}

extension Finding {
    private enum CodingKeys: CodingKey { case subject, status, quantity, unit, before, after, reason, round, codes, energy }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try values.decode(String.self, forKey: .subject), try values.decode(Status.self, forKey: .status),
            Quantity(try values.decode(String.self, forKey: .quantity), unit: try values.decode(String.self, forKey: .unit)),
            before: try values.decodeIfPresent(Double.self, forKey: .before), after: try values.decodeIfPresent(Double.self, forKey: .after),
            reason: try values.decode(String.self, forKey: .reason), round: try values.decodeIfPresent(Int.self, forKey: .round))
        codes = try values.decodeIfPresent(Codes.self, forKey: .codes)
        energy = try values.decodeIfPresent(EnergyCurve.self, forKey: .energy)
    }

    /// The name and the unit of the quantity stand side by side with the numbers.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(subject, forKey: .subject)
        try values.encode(status, forKey: .status)
        try values.encode(quantity.name, forKey: .quantity)
        try values.encode(quantity.unit, forKey: .unit)
        try values.encodeIfPresent(before, forKey: .before)
        try values.encodeIfPresent(after, forKey: .after)
        try values.encode(reason, forKey: .reason)
        try values.encodeIfPresent(round, forKey: .round)
        try values.encodeIfPresent(codes, forKey: .codes)
        try values.encodeIfPresent(energy, forKey: .energy)
    }
}
