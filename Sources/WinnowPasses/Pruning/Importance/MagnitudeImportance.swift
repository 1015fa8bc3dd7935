/// |w|
package struct MagnitudeImportance: ElementImportance {
    package static let name = "magnitude"

    package init() {}

    package func scores(of weight: MaskedWeight) -> [Float]? { nil }
}
