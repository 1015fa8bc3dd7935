package import WinnowGraph

/// The index of the largest element along an axis.
package struct ArgMax: ArgReduction {
    package static let type = OperatorType("ArgMax")
    package static let maximumInputCount = 1
    package static var takesMaximum: Bool { true }

    package var axis: Int
    package var keepsAxis: Bool
    package var selectsLast: Bool

    package init(axis: Int = 0, keepsAxis: Bool = true, selectsLast: Bool = false) {
        self.axis = axis
        self.keepsAxis = keepsAxis
        self.selectsLast = selectsLast
    }
}
