/// The mean of |a| over calibration data, a what the next layer sees of a channel (Molchanov et al. 2017, section 2.2).
package struct ActivationImportance: ActivityImportance {
    package static let name = "activation"

    package var activity = ObservedActivity()

    package init() {}

    package static func numbers(of activity: ChannelActivity) -> [Double] { activity.meanMagnitudes }
}
