/// Random changes of training samples, drawn anew for every sample and step. They are made in the order of the catalogue.
public struct Augmentation: Codable, Hashable, Sendable {
    public var changes: [AugmentationChange]

    public init(_ changes: [AugmentationChange] = []) { self.changes = changes }

    /// - Parameters:
    ///   - shiftPixels: how far images move at most along both axes.
    ///   - flipsHorizontally: whether half of the images are mirrored left to right.
    public init(shiftPixels: Int, flipsHorizontally: Bool = false) {
        self.init()
        if flipsHorizontally { changes.append(AugmentationChange(FlipAugmentation.name, by: 0.5)) }
        if shiftPixels > 0 { changes.append(AugmentationChange(ShiftAugmentation.name, by: Double(shiftPixels))) }
    }

    /// What is changed at all, by method in the order of the catalogue.
    var active: [(method: any AugmentationMethod.Type, change: AugmentationChange)] {
        AugmentationCatalogue.all.flatMap { method in
            changes.filter { $0.method == method.name && $0.strength > 0 }.map { (method, $0) }
        }
    }

    /// Whether samples are blended with each other, so that targets must be numbers that can be blended too.
    package var mixesSamples: Bool { active.contains { $0.method.blendsSamples } }

    /// Whether what a model is given is changed at all.
    package var isActive: Bool { !active.isEmpty }
}

/// One random change: `{ noise: 0.1, input: wave }`.
public struct AugmentationChange: Codable, Hashable, Sendable {
    /// A name of the catalogue.
    public var method: String
    /// How much it changes, in the method's own unit; 0: nothing.
    public var strength: Double
    /// The only input that it changes; nil: all that it is for.
    public var input: String?
    /// What dropped tokens become.
    public var replacement: Int

    public init(_ method: String, by strength: Double, input: String? = nil, replacement: Int = 0) {
        (self.method, self.strength, self.input, self.replacement) = (method, strength, input, replacement)
    }

    /// What is wrong with it; nil: nothing.
    public var complaint: String? {
        guard let own = AugmentationCatalogue.all.first(where: { $0.name == method }) else {
            return "is \(method), not one of \(AugmentationCatalogue.all.map { $0.name }.joined(separator: ", "))"
        }
        return own.strengths.contains(strength) ? nil : "has \(method) \(strength), outside \(own.strengths.lowerBound)…\(own.strengths.upperBound)"
    }
}
