package import WinnowTensor

/// Each number to the nearest code, halves to even.
package struct NearestRounding: WeightRounding {
    package static let name = "nearest"

    package init() {}

    package func rounded(_ target: WeightTarget, _ parameters: QuantizationParameters) -> Tensor? { nil }
}
