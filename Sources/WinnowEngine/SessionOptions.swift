package import WinnowGraph

/// How a session plans and computes.
package struct SessionOptions: Sendable, Hashable {
    package var compute: ComputeOptions
    /// Fuse neighbours and run Q/DQ pairs in integers; off, every node runs as it stands (calibration, tests).
    package var lowers: Bool

    package init(compute: ComputeOptions = ComputeOptions(), lowers: Bool = true) {
        self.compute = compute
        self.lowers = lowers
    }
}
