import Testing
import WinnowTensor

import WinnowKernels

/// alpha · left · right + bias as plain loops in float64.
func referenceMatMul(
    _ geometry: MatMulGeometry, _ left: [Double], _ right: [Double], alpha: Double = 1, bias: [Double]? = nil
) -> [Double] {
    let target = geometry.targetShape
    let (m, n, k) = (geometry.rows, geometry.columns, geometry.depth)
    let batch = Shape(Array(target.dropLast(2)))
    func offset(_ index: Int, _ shape: Shape) -> Int {
        var rest = index
        var at = [Int](repeating: 0, count: batch.rank)
        for axis in batch.indices.reversed() { at[axis] = rest % batch[axis]; rest /= batch[axis] }
        let own = shape.rank - 2
        return (0..<own).reduce(0) { sum, axis in
            let extent = shape[axis]
            return sum * extent + (extent == 1 ? 0 : at[batch.rank - own + axis])
        } * shape.suffix(2).reduce(1, *)
    }
    var result: [Double] = []
    for b in 0..<batch.elementCount {
        let (p, q) = (offset(b, geometry.leftShape), offset(b, geometry.rightShape))
        for i in 0..<m {
            for j in 0..<n {
                var sum = 0.0
                for t in 0..<k {
                    sum += left[p + (geometry.transposesLeft ? t * m + i : i * k + t)]
                        * right[q + (geometry.transposesRight ? j * k + t : t * n + j)]
                }
                result.append(alpha * sum + (bias?[j] ?? 0))
            }
        }
    }
    return result
}

extension MatMulGeometry {
    static func random(_ data: inout TestTensors) -> MatMulGeometry {
        let (m, n, k) = (data.int(1...40), data.int(1...40), data.int(1...40))
        let (transposesLeft, transposesRight) = (data.bool(), data.bool())
        let batches: [([Int], [Int])] = [
            ([], []), ([3], []), ([2, 3], []), ([3], [3]), ([2, 3], [2, 3]), ([2, 1], [1, 3]), ([1], [4]), ([], [2, 2]),
            ([2, 3], [3]),
        ]
        let (a, b) = batches[data.int(0...(batches.count - 1))]
        return MatMulGeometry(
            left: Shape(a + (transposesLeft ? [k, m] : [m, k])), right: Shape(b + (transposesRight ? [n, k] : [k, n])),
            transposesLeft: transposesLeft, transposesRight: transposesRight)
    }
}

extension OneDNNTests {
    @Suite struct MatMulKernelTests {
        @Test(arguments: 0..<80) func matchesLoop(seed: Int) throws {
            var data = TestTensors(seed: 3000 + seed)
            let geometry = MatMulGeometry.random(&data)
            let (left, right) = (data.normal(geometry.leftShape), data.normal(geometry.rightShape))
            let isConstant = data.bool()
            let bias = data.bool() ? data.normal([geometry.columns]) : nil
            let alpha: Float = data.bool() ? 1 : -0.75
            let kernel = try MatMulKernel(
                geometry, constantRight: isConstant ? right.pointer : nil, hasBias: bias != nil, alpha: alpha)
            let target = Block(geometry.targetShape)
            let scratch = Block(kernel.scratchByteCount)
            #expect(!kernel.implementation.hasPrefix("ref"), "\(kernel.implementation) \(geometry)")
            for _ in 0..<2 {
                try kernel.run(
                    left: left.pointer, right: isConstant ? nil : right.pointer, bias: bias?.pointer,
                    target: target.base, scratch: scratch.base)
            }
            expectClose(
                target.tensor(geometry.targetShape),
                referenceMatMul(geometry, left.doubles(), right.doubles(), alpha: Double(alpha), bias: bias?.doubles()),
                "\(geometry)")
        }

        /// Operands that bfloat16 holds exactly give exact products, however they lie.
        @Test(arguments: [true, false], [true, false]) func bfloat16MathOfExactOperands(transposesLeft: Bool, transposesRight: Bool) throws {
            var data = TestTensors(seed: 9)
            let geometry = MatMulGeometry(
                left: transposesLeft ? [3, 48, 40] : [3, 40, 48], right: transposesRight ? [3, 56, 48] : [3, 48, 56],
                transposesLeft: transposesLeft, transposesRight: transposesRight)
            let left = data.normal(geometry.leftShape).exact(in: .bfloat16)
            let right = data.normal(geometry.rightShape).exact(in: .bfloat16)
            let kernel = try MatMulKernel(geometry, math: .bfloat16)
            #expect(!kernel.implementation.hasPrefix("ref"), "\(kernel.implementation)")
            let target = Block(geometry.targetShape)
            try kernel.run(
                left: left.pointer, right: right.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            expectClose(target.tensor(geometry.targetShape), referenceMatMul(geometry, left.doubles(), right.doubles()))
        }

        @Test func bfloat16MathIsCloseButNotExact() throws {
            var data = TestTensors(seed: 8)
            let geometry = MatMulGeometry(left: [64, 256], right: [256, 64])
            let (left, right) = (data.normal([64, 256]), data.normal([256, 64]))
            let kernel = try MatMulKernel(geometry, constantRight: right.pointer, math: .bfloat16)
            let target = Block([64, 64])
            try kernel.run(left: left.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            expectClose(
                target.tensor([64, 64]), referenceMatMul(geometry, left.doubles(), right.doubles()), tolerance: 0.25)
        }

        @Test func emptyBatchIsNoError() throws {
            let geometry = MatMulGeometry(left: [0, 4], right: [4, 3])
            let right = Tensor(zeros: [4, 3])
            let kernel = try MatMulKernel(geometry, constantRight: right.pointer)
            let target = Block([16])
            let before = target.tensor([16]).floats()
            try kernel.run(left: right.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            #expect(target.tensor([16]).floats() == before)
        }

        @Test func wrongShapesAreNamed() {
            #expect {
                try MatMulKernel(MatMulGeometry(left: [2, 3], right: [4, 5]))
            } throws: { ($0 as? WinnowError)?.kind == .shape }
        }
    }
}
