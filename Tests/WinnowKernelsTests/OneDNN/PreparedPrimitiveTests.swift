import Testing
import WinnowTensor
@testable import WinnowKernels

extension OneDNNTests {
    /// Kernels are made whatever number of threads the kernel before was made for.
    @Suite struct PreparedPrimitiveTests {
        /// Small products run on one thread, large ones on all. A descriptor that comes out of oneDNN's cache belongs to the primitive that was
        /// made of it: made under another count, it refers to attributes that are gone, which a memory checker sees.
        @Test func countsChangeFromKernelToKernel() throws {
            let before = ThreadCount.current
            defer { ThreadCount.set(before) }
            ThreadCount.set(2)
            var data = TestTensors(seed: 4)
            for round in 0..<40 {
                for extents in [[4, 8, 4], [256, 256, 256], [4, 8, 4]] {
                    let geometry = MatMulGeometry(left: [extents[0] + round % 3, extents[1]], right: [extents[1], extents[2]])
                    let (left, right) = (data.normal(geometry.leftShape), data.normal(geometry.rightShape))
                    let kernel = try MatMulKernel(
                        geometry, constantRight: round % 2 == 0 ? right.pointer : nil, epilogue: [.relu])
                    let target = Block(geometry.targetShape)
                    try kernel.run(
                        left: left.pointer, right: round % 2 == 0 ? nil : right.pointer, target: target.base,
                        scratch: Block(kernel.scratchByteCount).base)
                    guard extents[0] < 16 else { continue }
                    let expected = referenceMatMul(geometry, left.doubles(), right.doubles()).map { max(0, $0) }
                    expectClose(target.tensor(geometry.targetShape), expected, "\(geometry)")
                }
            }
        }
    }
}
