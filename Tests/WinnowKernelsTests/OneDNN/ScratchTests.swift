import Dispatch
import Testing
import WinnowTensor

import WinnowKernels

extension OneDNNTests {
    @Suite struct ScratchTests {
        /// Kernels over one cached primitive run at once, each with scratch memory of its own.
        @Test func kernelsRunOnSeveralThreads() throws {
            var data = TestTensors(seed: 41)
            let geometry = ConvolutionGeometry(
                sourceShape: [4, 24, 20, 20], filterShape: [40, 24, 3, 3], window: WindowGeometry([3, 3], padsBegin: [1, 1]))
            let (source, filter) = (data.normal(geometry.sourceShape).pointer, data.normal(geometry.filterShape).pointer)
            struct Job: @unchecked Sendable {
                let kernel: ConvolutionKernel
                let source: UnsafeRawPointer
                let filter: UnsafeRawPointer
                let target: Block
                let scratch: Block
                func run() throws { try kernel.run(source: source, filter: filter, target: target.base, scratch: scratch.base) }
            }
            let jobs = try (0..<6).map { _ in
                let kernel = try ConvolutionKernel(geometry, OperandLayouts(source: .rowMajor, target: .rowMajor), hasBias: false)
                return Job(
                    kernel: kernel, source: source, filter: filter, target: Block(geometry.targetShape),
                    scratch: Block(kernel.scratchByteCount))
            }
            try jobs[0].run()
            let expected = jobs[0].target.tensor(geometry.targetShape).elements(Float.self)
            DispatchQueue.concurrentPerform(iterations: jobs.count) { index in
                for _ in 0..<10 { try? jobs[index].run() }
            }
            for job in jobs { #expect(job.target.tensor(geometry.targetShape).elements(Float.self) == expected) }
        }

        @Test(arguments: [1, 2, 3]) func resultsDoNotDependOnTheThreadCount(count: Int) throws {
            defer { ThreadCount.set(0) }
            ThreadCount.set(count)
            #expect(ThreadCount.current == count)
            var data = TestTensors(seed: 42)
            let geometry = MatMulGeometry(left: [65, 130], right: [130, 70])
            let (left, right) = (data.normal(geometry.leftShape), data.normal(geometry.rightShape))
            let kernel = try MatMulKernel(geometry, constantRight: right.pointer)
            // A kernel keeps the count it was made with.
            ThreadCount.set(4 - count)
            let target = Block(geometry.targetShape)
            try kernel.run(left: left.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            expectClose(target.tensor(geometry.targetShape), referenceMatMul(geometry, left.doubles(), right.doubles()))
        }
    }
}
