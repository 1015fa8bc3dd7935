import WinnowPasses

extension Model {
    /// The residual blocks that `block-removal` may take out.
    public var residualBlockCount: Int { BlockRemoval.blockCount(of: graph) }
}
