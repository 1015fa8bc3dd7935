package import WinnowGraph

/// 25/46 − 21/46·cos(2πn/N)
package struct HammingWindow: SignalWindow {
    package static let type = OperatorType("HammingWindow")
    package static let maximumInputCount = 1
    package static var coefficients: [Double] { [25, 21, 0] }
    package static var divisor: Double { 46 }

    package var shape: SignalWindowShape

    package init(_ shape: SignalWindowShape = SignalWindowShape()) { self.shape = shape }
}
