/// |w|
package struct MagnitudeImportance: ElementImportance {
    package static let name = "magnitude"
    package static let meaning = ScoreMeaning.magnitudes

    package init() {}

    package func scores(of weight: MaskedWeight) -> [Float]? { nil }
}
