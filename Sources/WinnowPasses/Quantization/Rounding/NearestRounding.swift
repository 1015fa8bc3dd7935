/// Each number to the nearest code, halves to even.
package struct NearestRounding: WeightRounding {
    package static let name = "nearest"

    package init(_ choice: RoundingChoice) {}

    package func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) -> RoundedWeight? { nil }
}
