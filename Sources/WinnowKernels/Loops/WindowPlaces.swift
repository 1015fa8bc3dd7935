internal import CWinnowKernels
internal import WinnowTensor

extension winnow_window {
    /// A window of up to three spatial axes; those that are missing have extent 1. Shapes have a batch and channels before them.
    init(_ window: WindowGeometry, source: Shape, target: Shape) {
        func three(_ values: some Collection<Int>, _ missing: Int = 1) -> (Int64, Int64, Int64) {
            let all = [Int](repeating: missing, count: max(0, 3 - values.count)) + values
            return (Int64(all[0]), Int64(all[1]), Int64(all[2]))
        }
        self.init(
            source: three(source.dropFirst(2)), target: three(target.dropFirst(2)), window: three(window.extents),
            stride: three(window.strides), dilation: three(window.dilations), pad: three(window.padsBegin, 0))
    }
}
