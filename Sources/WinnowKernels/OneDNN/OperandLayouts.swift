package import WinnowTensor

/// How the source and the target of a convolution or pooling lie in memory; their gradients lie alike.
package struct OperandLayouts: Hashable, Sendable {
    package var source: Layout
    package var target: Layout

    package init(source: Layout, target: Layout) {
        self.source = source
        self.target = target
    }

    package var areChannelsLast: Bool { source == .channelsLast && target == .channelsLast }
}
