package import WinnowGraph

/// 0.42 − ½·cos(2πn/N) + 0.08·cos(4πn/N)
package struct BlackmanWindow: SignalWindow {
    package static let type = OperatorType("BlackmanWindow")
    package static let maximumInputCount = 1
    package static var coefficients: [Double] { [42, 50, 8] }
    package static var divisor: Double { 100 }

    package var shape: SignalWindowShape

    package init(_ shape: SignalWindowShape = SignalWindowShape()) { self.shape = shape }
}
