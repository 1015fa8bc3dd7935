/// 1 − the part of a channel's activations that are 0 over calibration data: what is nearly always 0 behind a Relu can go
/// (average percentage of zeros; Hu et al. 2016, equation 1).
package struct ZeroPercentageImportance: ActivityImportance {
    package static let name = "apoz"

    package var activity = ObservedActivity()

    package init() {}

    package static func numbers(of activity: ChannelActivity) -> [Double] { activity.zeroParts.map { 1 - $0 } }
}
