package import WinnowGraph

/// The index of the smallest element along an axis.
package struct ArgMin: ArgReduction {
    package static let type = OperatorType("ArgMin")
    package static let maximumInputCount = 1
    package static var takesMaximum: Bool { false }

    package var axis: Int
    package var keepsAxis: Bool
    package var selectsLast: Bool

    package init(axis: Int = 0, keepsAxis: Bool = true, selectsLast: Bool = false) {
        self.axis = axis
        self.keepsAxis = keepsAxis
        self.selectsLast = selectsLast
    }
}
