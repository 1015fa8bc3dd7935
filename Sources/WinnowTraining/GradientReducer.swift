package import WinnowGraph

/// One parameter's gradient in memory, row-major.
package struct GradientBuffer {
    package let name: ValueName
    package let values: UnsafeMutableBufferPointer<Float>

    package init(name: ValueName, values: UnsafeMutableBufferPointer<Float>) {
        self.name = name
        self.values = values
    }
}

/// Stands between gradients and update, so that several processes can train one model: replaces each gradient by the mean
/// over all of them.
package protocol GradientReducer {
    mutating func reduce(_ gradients: [GradientBuffer]) throws
}

/// One process alone: gradients stay as they are.
package struct NoReduction: GradientReducer {
    package init() {}
    package mutating func reduce(_ gradients: [GradientBuffer]) throws {}
}
