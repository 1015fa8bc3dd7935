package import WinnowGraph

/// How a session plans and computes.
package struct SessionOptions: Sendable, Hashable {
    package var arithmetic: Arithmetic
    /// Fuse neighbours and run Q/DQ pairs in integers; off, every node runs as it stands (calibration, tests).
    package var lowers: Bool

    package init(arithmetic: Arithmetic = .fast, lowers: Bool = true) {
        self.arithmetic = arithmetic
        self.lowers = lowers
    }
}
