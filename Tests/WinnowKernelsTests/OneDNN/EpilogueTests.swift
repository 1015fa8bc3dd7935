import Foundation
import Testing
import WinnowTensor

import WinnowKernels

extension Epilogue {
    /// What the epilogue means, element by element in float64.
    func reference(_ values: [Double], residual: [Double] = []) -> [Double] {
        values.enumerated().map { index, value in
            steps.reduce(value) { x, step in
                switch step {
                case .relu: max(0, x)
                case .leakyRelu(let alpha): x < 0 ? Double(alpha) * x : x
                case .clip(let low, let high): min(max(x, Double(low)), Double(high))
                case .sigmoid: 1 / (1 + exp(-x))
                case .tanh: Foundation.tanh(x)
                case .hardSwish: x * min(max(x / 6 + 0.5, 0), 1)
                case .hardSigmoid(let alpha, let beta): min(max(Double(alpha) * x + Double(beta), 0), 1)
                case .swish(let alpha): x / (1 + exp(-Double(alpha) * x))
                case .geluErf: x * 0.5 * (1 + erf(x / 2.0.squareRoot()))
                case .geluTanh:
                    0.5 * x * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
                case .elu(let alpha): x < 0 ? Double(alpha) * (exp(x) - 1) : x
                case .linear(let alpha, let beta): Double(alpha) * x + Double(beta)
                case .addResidual(_, let scale, let zeroPoint):
                    x + Double(scale) * (residual[index] - Double(zeroPoint))
                }
            }
        }
    }

    static let samples: [Epilogue] = [
        [.relu], [.leakyRelu(alpha: 0.1)], [.clip(low: 0, high: 6)], [.sigmoid], [.tanh], [.hardSwish],
        [.hardSigmoid(alpha: 0.2, beta: 0.5)], [.swish(alpha: 1)], [.geluErf], [.geluTanh], [.elu(alpha: 0.7)],
        [.linear(alpha: 2, beta: -1)], [.addResidual()], [.addResidual(), .relu], [.relu, .addResidual(), .clip(low: -1, high: 1)],
        [.addResidual(.int8, scale: 0.05, zeroPoint: 3), .relu], [.addResidual(.uint8, scale: 0.03, zeroPoint: 128)],
    ]
}

extension OneDNNTests {
    @Suite struct EpilogueTests {
        @Test(arguments: Epilogue.samples, [Layout.rowMajor, .channelsLast])
        func convolutionAppliesIt(epilogue: Epilogue, layout: Layout) throws {
            var data = TestTensors(seed: 5)
            let geometry = ConvolutionGeometry(
                sourceShape: [2, 7, 9, 8], filterShape: [18, 7, 3, 3], window: WindowGeometry([3, 3], padsBegin: [1, 1]))
            let (source, filter) = (data.normal(geometry.sourceShape), data.normal(geometry.filterShape))
            let bias = data.normal([18])
            let residual = epilogue.residualType.map { type in
                type == .float32 ? data.normal(geometry.targetShape) : data.integers(geometry.targetShape, type)
            }
            let kernel = try ConvolutionKernel(
                geometry, OperandLayouts(source: layout, target: layout), constantFilter: filter.pointer, hasBias: true,
                epilogue: epilogue)
            let target = Block(geometry.targetShape)
            try kernel.run(
                source: source.laid(out: layout).pointer, bias: bias.pointer,
                residual: residual?.laid(out: layout).pointer, target: target.base,
                scratch: Block(kernel.scratchByteCount).base)
            let plain = ReferenceConvolution(geometry).forward(source.doubles(), filter.doubles(), bias: bias.doubles())
            expectClose(
                target.tensor(geometry.targetShape, .float32, layout),
                epilogue.reference(plain, residual: residual?.doubles() ?? []), tolerance: 3e-4)
        }

        @Test(arguments: Epilogue.samples) func matMulAppliesIt(epilogue: Epilogue) throws {
            var data = TestTensors(seed: 6)
            let geometry = MatMulGeometry(left: [5, 12], right: [12, 33])
            let (left, right, bias) = (data.normal([5, 12]), data.normal([12, 33]), data.normal([33]))
            let residual = epilogue.residualType.map { type in
                type == .float32 ? data.normal([5, 33]) : data.integers([5, 33], type)
            }
            let kernel = try MatMulKernel(
                geometry, constantRight: right.pointer, hasBias: true, alpha: 0.5, epilogue: epilogue)
            let target = Block(geometry.targetShape)
            try kernel.run(
                left: left.pointer, bias: bias.pointer, residual: residual?.pointer, target: target.base,
                scratch: Block(kernel.scratchByteCount).base)
            let plain = referenceMatMul(geometry, left.doubles(), right.doubles(), alpha: 0.5, bias: bias.doubles())
            expectClose(
                target.tensor([5, 33]), epilogue.reference(plain, residual: residual?.doubles() ?? []), tolerance: 3e-4)
        }

        @Test func twoResidualsAreRefused() {
            #expect(throws: WinnowError.self) {
                try MatMulKernel(
                    MatMulGeometry(left: [2, 2], right: [2, 2]), epilogue: [.addResidual(), .addResidual()])
            }
        }
    }
}
