import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let data = Tensor.sample([2, 3, 2, 2], in: -4...4)
    private static var moving: MovingRange {
        var op = MovingRange(RangeEncoding(-127...127, isSymmetric: true), .int8)
        op.moves = true
        return op
    }
    private static let scales = Tensor([0.25, 0.5, 0.125] as [Float])

    /// Codes of (x, scale, zero point) before saturation; the scale is one number or one for each index of axis 1.
    private static func codes(_ inputs: [Tensor]) -> ([Int]) -> Double {
        let (x, scales) = (inputs[0].reader(), inputs[1].doubles())
        let zeroPoints = inputs.count > 2 ? inputs[2].doubles() : [0]
        return { index in
            let channel = scales.count > 1 ? index[1] : 0
            return (x(index) / scales[channel]).rounded(.toNearestOrEven) + zeroPoints[zeroPoints.count > 1 ? channel : 0]
        }
    }

    private static func quantized(_ range: ClosedRange<Double>, _ type: ElementType) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let code = codes(inputs)
            return [.computed(inputs[0].shape, as: type) { min(range.upperBound, max(range.lowerBound, code($0))) }]
        }
    }

    private static let dequantized: @Sendable ([Tensor]) -> [Tensor] = { inputs in
        let (x, scales) = (inputs[0].reader(), inputs[1].doubles())
        let zeroPoints = inputs.count > 2 ? inputs[2].doubles() : [0]
        return [.computed(inputs[0].shape) { index in
            let channel = scales.count > 1 ? index[1] : 0
            return (x(index) - zeroPoints[zeroPoints.count > 1 ? channel : 0]) * scales[channel]
        }]
    }

    static let quantization: [OperatorSample] = [
        OperatorSample(
            QuantizeLinear(), [data, Tensor(scalar: Float(0.0625)), Tensor(scalar: UInt8(40))], differentiated: [],
            reference: quantized(0...255, .uint8)),
        OperatorSample(
            QuantizeLinear(axis: 1), [data, scales, Tensor([0, 0, 0] as [Int8])], differentiated: [],
            reference: quantized(-128...127, .int8)),
        OperatorSample(
            QuantizeLinear(codeType: .int8), [data, Tensor(scalar: Float(0.25))], differentiated: [],
            reference: quantized(-128...127, .int8)),
        OperatorSample(
            DequantizeLinear(), [.counting([2, 3, 2, 2], as: .uint8), Tensor(scalar: Float(0.25)), Tensor(scalar: UInt8(100))],
            reference: dequantized),
        OperatorSample(
            DequantizeLinear(axis: 1), [.counting([2, 3, 2, 2], as: .int8, modulus: 127), scales], reference: dequantized),
        OperatorSample(
            ContributedDequantizeLinear(), [.counting([2, 3], as: .uint16), Tensor(scalar: Float(0.25)), Tensor(scalar: UInt16(100))],
            version: 1, reference: dequantized),
        OperatorSample(
            ContributedQuantizeLinear(), [data, Tensor(scalar: Float(0.5)), Tensor(scalar: Int16(-3))], version: 1, differentiated: [],
            reference: quantized(-32768...32767, .int16)),
        OperatorSample(
            FakeQuantize(range: -8...7), [data, Tensor(scalar: Float(0.5)), Tensor(scalar: Int8(0))], differentiated: []
        ) { inputs in
            let code = codes(inputs)
            return [.computed(inputs[0].shape) { min(7, max(-8, code($0))) * 0.5 }]
        },
        // Codes of 3 bits, as an input says.
        OperatorSample(
            FakeQuantize(range: -8...7), [data, Tensor(scalar: Float(0.5)), Tensor(scalar: Int32(0)), nil, nil, Tensor(scalar: Float(3))],
            differentiated: []
        ) { inputs in
            let code = codes(inputs)
            return [.computed(inputs[0].shape) { min(3, max(-4, code($0))) * 0.5 }]
        },
        OperatorSample(LearnedOffset(.int8), [Tensor(scalar: Float(0.5)), Tensor(scalar: Float(3.3))], differentiated: []) { _ in
            [Tensor(scalar: Int8(-7))]
        },
        OperatorSample(LearnedOffset(.uint4), [Tensor(scalar: Float(0.5)), Tensor(scalar: Float(-30))], differentiated: []) { _ in
            [Tensor([15], shape: [], as: .uint4)]
        },
        // Down, up, up beyond the last code, and 0 that stays so.
        OperatorSample(
            LearnedRounding(-8...7, .int4, axis: 0),
            [Tensor([0.6, -0.6, 9, 0, 2.2, -2.2] as [Float], shape: [2, 3]), Tensor([1, 0.5] as [Float]),
             Tensor([-1, 1, 1, 1, -1, 2] as [Float], shape: [2, 3])], differentiated: []
        ) { _ in
            [Tensor([0, 0, 7, 0, 2, -2] as [Float], shape: [2, 3])]
        },
        OperatorSample(PowerOfTwoScale(), [Tensor([0.3, 0.5, 0.51, 3] as [Float])], differentiated: []) { _ in
            [Tensor([0.5, 0.5, 1, 4] as [Float])]
        },
        OperatorSample(
            MovingRange(RangeEncoding(0...255, leastScale: 0.001, isPowerOfTwo: true), .uint8),
            [data, Tensor(scalar: Float(-1)), Tensor(scalar: Float(4.1))], outputs: 4, differentiated: []
        ) { _ in
            [Tensor(scalar: Float(0.03125)), Tensor(scalar: UInt8(32)), Tensor(scalar: Float(-1)), Tensor(scalar: Float(4.1))]
        },
        OperatorSample(
            MovingRange(RangeEncoding(0...255, leastScale: 0.001), .uint8), [data, Tensor(scalar: Float(-1)), Tensor(scalar: Float(4.1))],
            outputs: 4, differentiated: []
        ) { _ in
            [
                Tensor(scalar: Float(0.02)), Tensor(scalar: UInt8(50)), Tensor(scalar: Float(-1)), Tensor(scalar: Float(4.1)),
            ]
        },
        OperatorSample(
            moving, [data, Tensor(scalar: Float(-1)), Tensor(scalar: Float(4))], outputs: 4, differentiated: []
        ) { inputs in
            let numbers = inputs[0].floats()
            let low = -1 + 0.01 * ((numbers.min() ?? 0) + 1)
            let high = 4 + 0.01 * ((numbers.max() ?? 0) - 4)
            return [Tensor(scalar: max(-low, high) / 127), Tensor(scalar: Int8(0)), Tensor(scalar: low), Tensor(scalar: high)]
        },
        OperatorSample(
            FakeQuantizeGradient(FakeQuantize(range: -8...7)),
            [.sample([2, 3, 2, 2], seed: 3), data, Tensor(scalar: Float(0.25)), Tensor(scalar: Int8(0))], outputs: 2,
            differentiated: []
        ) { inputs in
            // Straight-through where the rounded code is inside −8…7; the scale as in Esser et al. 2020, eq. 3.
            let (g, x) = (inputs[0].doubles(), inputs[1].doubles().map { $0 / 0.25 })
            let isInside = x.map { (-8...7).contains($0.rounded(.toNearestOrEven)) }
            let dx = zip(g, isInside).map { $1 ? $0 : 0 }
            let slopes = zip(x, isInside).map { $1 ? $0.rounded(.toNearestOrEven) - $0 : $0 < 0 ? -8 : 7 }
            let ds = zip(g, slopes).reduce(0) { $0 + $1.0 * $1.1 }
            return [Tensor(dx, shape: inputs[1].shape, as: .float32), Tensor([ds], shape: [], as: .float32)]
        },
    ]
}
