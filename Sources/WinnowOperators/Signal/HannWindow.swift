package import WinnowGraph

/// ½ − ½·cos(2πn/N)
package struct HannWindow: SignalWindow {
    package static let type = OperatorType("HannWindow")
    package static let maximumInputCount = 1
    package static var coefficients: [Double] { [1, 1, 0] }
    package static var divisor: Double { 2 }

    package var shape: SignalWindowShape

    package init(_ shape: SignalWindowShape = SignalWindowShape()) { self.shape = shape }
}
