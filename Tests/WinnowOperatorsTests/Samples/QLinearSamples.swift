import Foundation
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let codes = Tensor.counting([2, 3, 4, 4], as: .uint8)
    private static let (scale, zero) = (Tensor(scalar: Float(0.05)), Tensor(scalar: UInt8(100)))
    private static let (wide, middle) = (Tensor(scalar: Float(0.08)), Tensor(scalar: UInt8(120)))

    private static func signed(_ shape: Shape) -> Tensor {
        Tensor(Tensor.counting(shape).doubles().map { $0 - 120 }, shape: shape, as: .int8)
    }

    private static func real(_ inputs: [Tensor], _ index: Int) -> ([Int]) -> Double {
        let x = inputs[index].reader()
        let (scale, zero) = (inputs[index + 1].doubles()[0], inputs[index + 2].doubles()[0])
        return { (x($0) - zero) * scale }
    }

    private static func code(_ value: Double, _ inputs: [Tensor], _ index: Int) -> Double {
        let code = (value / inputs[index].doubles()[0]).rounded(.toNearestOrEven) + inputs[index + 1].doubles()[0]
        return min(255, max(0, code))
    }

    static let qlinear: [OperatorSample] = arithmetic + contractions + dynamic + weights + [signedRows, offsetRows, byteRows, packedRows, columns]

    private static let arithmetic: [OperatorSample] = [
        OperatorSample(QLinearAdd(), [codes, scale, zero, .counting([2, 3, 4, 4], as: .uint8, from: 9), wide, middle, wide, zero], constants: [1, 2, 4, 5, 6, 7], differentiated: [], tolerance: 0.006) { inputs in
            let (a, b) = (real(inputs, 0), real(inputs, 3))
            return [.computed([2, 3, 4, 4], as: .uint8) { code(a($0) + b($0), inputs, 6) }]
        },
        OperatorSample(QLinearMul(), [codes, scale, zero, .counting([3, 1, 1], as: .uint8), wide, middle, wide, zero], constants: [1, 2, 4, 5, 6, 7], differentiated: [], tolerance: 0.006) { inputs in
            let (a, b) = (real(inputs, 0), real(inputs, 3))
            return [.computed([2, 3, 4, 4], as: .uint8) { code(a($0) * b([$0[1], 0, 0]), inputs, 6) }]
        },
        OperatorSample(QLinearConcat(axis: 1), [wide, zero, codes, scale, zero, codes, wide, middle], constants: [0, 1, 3, 4, 6, 7], differentiated: [], tolerance: 0.006) { inputs in
            let (a, b) = (real(inputs, 2), real(inputs, 5))
            return [.computed([2, 6, 4, 4], as: .uint8) { place in
                code(place[1] < 3 ? a(place) : b([place[0], place[1] - 3, place[2], place[3]]), inputs, 0)
            }]
        },
        OperatorSample(QLinearSigmoid(), [codes, scale, zero, Tensor(scalar: Float(1 / 255.0)), Tensor(scalar: UInt8(0))], constants: [1, 2, 3, 4], differentiated: [], tolerance: 0.006),
        OperatorSample(QLinearSoftmax(), [codes, scale, zero, Tensor(scalar: Float(1 / 256.0)), Tensor(scalar: UInt8(0))], constants: [1, 2, 3, 4], differentiated: [], tolerance: 0.006) { inputs in
            let x = real(inputs, 0)
            return [.computed([2, 3, 4, 4], as: .uint8) { place in
                let row = (0..<4).map { exp(x(Array(place.dropLast()) + [$0])) }
                return code(row[place[3]] / row.reduce(0, +), inputs, 3)
            }]
        },
        OperatorSample(QLinearLeakyRelu(alpha: 0.3), [codes, scale, zero, wide, middle], constants: [1, 2, 3, 4], differentiated: [], tolerance: 0.006) { inputs in
            let x = real(inputs, 0)
            return [.computed([2, 3, 4, 4], as: .uint8) { code(x($0) < 0 ? Double(Float(0.3)) * x($0) : x($0), inputs, 3) }]
        },
        OperatorSample(QLinearGlobalAveragePool(), [codes, scale, zero, wide, middle], constants: [1, 2, 3, 4], differentiated: [], tolerance: 0.006) { inputs in
            let x = real(inputs, 0)
            return [.computed([2, 3, 1, 1], as: .uint8) { place in
                let sum = (0..<16).reduce(0) { $0 + x([place[0], place[1], $1 / 4, $1 % 4]) }
                return code(sum / 16, inputs, 3)
            }]
        },
        OperatorSample(QLinearAveragePool(AveragePool(window: Window(size: 2)), isChannelsLast: true), [.counting([2, 4, 4, 3], as: .uint8), scale, zero, wide, middle], constants: [1, 2, 3, 4], differentiated: [], tolerance: 0.006) { inputs in
            let x = real(inputs, 0)
            return [.computed([2, 2, 2, 3], as: .uint8) { place in
                let sum = (0..<4).reduce(0) { $0 + x([place[0], 2 * place[1] + $1 / 2, 2 * place[2] + $1 % 2, place[3]]) }
                return code(sum / 4, inputs, 3)
            }]
        },
        OperatorSample(
            QuantizedAdd(
                left: AffineEncoding(.uint8, scale: 0.05, zeroPoint: 100), right: AffineEncoding(.int8, scale: 0.1, zeroPoint: 3),
                target: AffineEncoding(.uint8, scale: 0.06, zeroPoint: 20), clipsAtZero: true),
            [codes, signed([2, 3, 4, 4])], differentiated: [], tolerance: 0.006
        ) { inputs in
            let (a, b) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 4, 4], as: .uint8) { place in
                let sum = max(0, (a(place) - 100) * 0.05 + (b(place) - 3) * 0.1)
                return min(255, (sum / 0.06).rounded(.toNearestOrEven) + 20)
            }]
        },
        OperatorSample(
            QuantizedGate(
                source: AffineEncoding(.uint8, scale: 0.05, zeroPoint: 100), activation: .hardSwish,
                target: AffineEncoding(.int8, scale: 0.06, zeroPoint: -20)),
            [codes, .sample([2, 3, 1, 1])], differentiated: [], tolerance: 0.006
        ) { inputs in
            let (x, gate) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 4, 4], as: .int8) { place in
                let value = (x(place) - 100) * 0.05
                let product = value * max(0, min(1, value / 6 + 0.5)) * gate([place[0], place[1], 0, 0])
                return max(-128, min(127, (product / 0.06).rounded(.toNearestOrEven) - 20))
            }]
        },
        OperatorSample(
            QuantizedAverage(source: AffineEncoding(.int8, scale: 0.05, zeroPoint: 10), activation: .swish(alpha: 1)),
            [signed([2, 3, 4, 4])], differentiated: [], tolerance: 1e-5
        ) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 1, 1]) { place in
                (0..<16).reduce(0) { sum, index in
                    let value = (x([place[0], place[1], index / 4, index % 4]) - 10) * 0.05
                    return sum + value / (1 + exp(-value))
                } / 16
            }]
        },
        OperatorSample(
            QuantizedAverage(
                source: AffineEncoding(.uint8, scale: 0.05, zeroPoint: 100), target: AffineEncoding(.int8, scale: 0.06, zeroPoint: -20)),
            [codes], differentiated: [], tolerance: 0.006
        ) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 1, 1], as: .int8) { place in
                let mean = (0..<16).reduce(0) { $0 + x([place[0], place[1], $1 / 4, $1 % 4]) - 100 } / 16 * 0.05
                return max(-128, min(127, (mean / 0.06).rounded(.toNearestOrEven) - 20))
            }]
        },
    ]

    private static let contractions: [OperatorSample] = [
        OperatorSample(
            QLinearConv(Conv(stride: 1, padding: 1)),
            [codes, scale, zero, signed([2, 3, 3, 3]), Tensor([Float(0.01), 0.02]), Tensor([Int8(0), 0]), Tensor(scalar: Float(0.7)), middle, Tensor([Int32(300), -200])],
            constants: [1, 2, 3, 4, 5, 6, 7, 8], differentiated: [], tolerance: 0.006
        ) { inputs in
            let (x, w) = (real(inputs, 0), inputs[3].reader())
            return [.computed([2, 2, 4, 4], as: .uint8) { place in
                var sum = 0.05 * [300.0, -200][place[1]]
                for c in 0..<3 {
                    for tap in 0..<9 {
                        let (row, column) = (place[2] + tap / 3 - 1, place[3] + tap % 3 - 1)
                        guard (0..<4).contains(row), (0..<4).contains(column) else { continue }
                        sum += x([place[0], c, row, column]) * w([place[1], c, tap / 3, tap % 3])
                    }
                }
                return code(sum * inputs[4].doubles()[place[1]], inputs, 6)
            }]
        },
        OperatorSample(
            QLinearMatMul(), [.counting([5, 8], as: .uint8), scale, zero, signed([8, 3]), scale, Tensor(scalar: Int8(0)), Tensor(scalar: Float(2)), middle],
            constants: [1, 2, 3, 4, 5, 6, 7], differentiated: [], tolerance: 0.006
        ) { inputs in
            let (a, b) = (real(inputs, 0), real(inputs, 3))
            return [.computed([5, 3], as: .uint8) { place in
                code((0..<8).reduce(0) { $0 + a([place[0], $1]) * b([$1, place[1]]) }, inputs, 6)
            }]
        },
        OperatorSample(
            QGemm(Gemm(transposesRight: true)), [.counting([5, 8], as: .uint8), scale, zero, signed([3, 8]), scale, Tensor(scalar: Int8(0)), Tensor([Int32(100), -50, 0])],
            constants: [1, 2, 3, 4, 5, 6], differentiated: [], tolerance: 1e-4
        ) { inputs in
            let (a, b) = (real(inputs, 0), real(inputs, 3))
            return [.computed([5, 3]) { place in
                (0..<8).reduce([0.25, -0.125, 0][place[1]]) { $0 + a([place[0], $1]) * b([place[1], $1]) }
            }]
        },
    ]

    private static let dynamic: [OperatorSample] = [
        OperatorSample(DynamicQuantizeLinear(), [Tensor([Float(-1), 0.5, 2, 4.1])], outputs: 3, differentiated: []) { _ in
            let scale = 5.1 / 255
            return [
                Tensor([-1, 0.5, 2, 4.1].map { ($0 / scale).rounded() + 50 }, shape: [4], as: .uint8),
                Tensor([scale], shape: [], as: .float32), Tensor(scalar: UInt8(50)),
            ]
        },
        OperatorSample(MatMulInteger(), [.counting([2, 5, 8], as: .uint8), signed([8, 3]), zero, Tensor([Int8(1), 2, 3])], constants: [1, 3], differentiated: []) { inputs in
            let (a, b) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 5, 3], as: .int32) { place in
                (0..<8).reduce(0) { $0 + (a([place[0], place[1], $1]) - 100) * (b([$1, place[2]]) - Double(place[2] + 1)) }
            }]
        },
        // Without constants: what they give is compared with what the samples above and below give.
        OperatorSample(MatMulInteger(), [.counting([2, 5, 8], as: .uint8), signed([8, 3]), zero, Tensor([Int8(1), 2, 3])], differentiated: []),
        OperatorSample(ConvInteger(Conv(stride: 1, padding: 1)), [codes, signed([2, 3, 3, 3]), zero], differentiated: []),
        OperatorSample(ConvInteger(Conv(stride: 1, padding: 1)), [codes, signed([2, 3, 3, 3]), zero], constants: [1, 2], differentiated: []) { inputs in
            let (x, w) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 2, 4, 4], as: .int32) { place in
                var sum = 0.0
                for c in 0..<3 {
                    for tap in 0..<9 {
                        let (row, column) = (place[2] + tap / 3 - 1, place[3] + tap % 3 - 1)
                        guard (0..<4).contains(row), (0..<4).contains(column) else { continue }
                        sum += (x([place[0], c, row, column]) - 100) * w([place[1], c, tap / 3, tap % 3])
                    }
                }
                return sum
            }]
        },
        OperatorSample(DynamicQuantizeMatMul(), [.sample([4, 8]), signed([8, 3]), scale, nil, Tensor([Float(1), 2, 3])], constants: [1, 2, 4], differentiated: [], tolerance: 0.01) { inputs in
            let (a, b) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([4, 3]) { place in
                (0..<8).reduce(Double(place[1] + 1)) { $0 + a([place[0], $1]) * b([$1, place[1]]) * 0.05 }
            }]
        },
        OperatorSample(MatMulIntegerToFloat(), [.counting([4, 8], as: .uint8), signed([8, 3]), scale, wide, zero, nil, Tensor([Float(1), 2, 3])], constants: [1, 2, 3, 4, 6], differentiated: [], tolerance: 1e-4) { inputs in
            let (a, b) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([4, 3]) { place in
                (0..<8).reduce(Double(place[1] + 1)) { $0 + (a([place[0], $1]) - 100) * 0.05 * b([$1, place[1]]) * 0.08 }
            }]
        },
    ]

    private static let chosen = Tensor([Int64(3), -1, 0, 3], shape: [2, 2])

    private static func rows(bits: Int, _ type: ElementType) -> Tensor {
        Tensor(codes: (0..<120).map { UInt8($0 * 7 % (1 << bits)) }, shape: [6, 20], type)
    }

    /// Rows of 20 codes in blocks of 16.
    private static func lookedUp(_ inputs: [Tensor], _ codes: [Double], zero: (Int) -> Double) -> [Tensor] {
        let (scales, places) = (inputs[2].doubles(), inputs[1].integers())
        return [.computed([2, 2, 20]) { place in
            let row = (places[place[0] * 2 + place[1]] + 6) % 6
            let block = row * 2 + place[2] / 16
            return (codes[row * 20 + place[2]] - zero(block)) * scales[block]
        }]
    }

    private static func blocks(_ inputs: [Tensor], bits: Int, blockSize: Int, zero: Double) -> [Tensor] {
        let (a, bytes, scales) = (inputs[0].reader(), inputs[1].integers(), inputs[2].doubles())
        let blockCount = inputs[1].shape[1]
        return [.computed([2, 3]) { place in
            (0..<20).reduce(0) { sum, k in
                let block = place[1] * blockCount + k / blockSize
                let position = block * blockSize + k % blockSize
                let code = bytes[position * bits / 8] >> (position * bits % 8) & ((1 << bits) - 1)
                return sum + a([place[0], k]) * (Double(code) - zero) * scales[block]
            }
        }]
    }

    private static let signedRows = OperatorSample(
        GatherBlockQuantized(blockSize: 16), [rows(bits: 4, .int4), chosen, .sample([6, 2], in: 0.1...1)], constants: [0, 2], differentiated: []
    ) { inputs in lookedUp(inputs, inputs[0].doubles()) { _ in 0 } }

    private static let offsetRows = OperatorSample(
        GatherBlockQuantized(quantizeAxis: -1, blockSize: 16),
        [rows(bits: 4, .uint4), chosen, .sample([6, 2], in: 0.1...1), Tensor(codes: Array(3..<15), shape: [6, 2], .uint4)],
        constants: [0, 2, 3], differentiated: []
    ) { inputs in lookedUp(inputs, inputs[0].doubles()) { Double($0 + 3) } }

    private static let byteRows = OperatorSample(
        GatherBlockQuantized(bitWidth: 8, blockSize: 16), [rows(bits: 8, .uint8), chosen, .sample([6, 2], in: 0.1...1)],
        constants: [0, 2], differentiated: [], tolerance: 1e-4
    ) { inputs in lookedUp(inputs, inputs[0].doubles()) { _ in 128 } }

    // Two codes a byte, of which a row of zero points takes one.
    private static let packedRows = OperatorSample(
        GatherBlockQuantized(bitWidth: 4, blockSize: 16),
        [.counting([6, 10], as: .uint8), chosen, .sample([6, 2], in: 0.1...1), Tensor((0..<6).map { UInt8($0 * 34 + 16) }, shape: [6, 1])],
        constants: [0, 2, 3], differentiated: []
    ) { inputs in
        lookedUp(inputs, inputs[0].integers().flatMap { [Double($0 & 15), Double($0 >> 4)] }) { Double($0) }
    }

    private static let columns = OperatorSample(
        GatherBlockQuantized(gatherAxis: 1, quantizeAxis: 0, blockSize: 16),
        [rows(bits: 4, .int4).transposed([1, 0]), chosen, .sample([2, 6], in: 0.1...1)], constants: [0, 2], differentiated: []
    ) { inputs in
        let (codes, scales, places) = (inputs[0].doubles(), inputs[2].doubles(), inputs[1].integers())
        return [.computed([20, 2, 2]) { place in
            let column = (places[place[1] * 2 + place[2]] + 6) % 6
            return codes[place[0] * 6 + column] * scales[place[0] / 16 * 6 + column]
        }]
    }

    private static let weights: [OperatorSample] = [
        OperatorSample(
            MatMulNBits(depth: 20, columns: 3, blockSize: 16),
            [.sample([2, 20]), .counting([3, 2, 8], as: .uint8), .sample([6], in: 0.1...1)], constants: [1, 2]
        ) { blocks($0, bits: 4, blockSize: 16, zero: 8) },
        OperatorSample(
            MatMulNBits(depth: 20, columns: 3, bitWidth: 8, blockSize: 16),
            [.sample([2, 20]), .counting([3, 2, 16], as: .uint8), .sample([6], in: 0.1...1), Tensor([UInt8](repeating: 9, count: 6))],
            constants: [1, 2, 3], tolerance: 1e-4
        ) { blocks($0, bits: 8, blockSize: 16, zero: 9) },
        OperatorSample(DepthToSpace(blockSize: 2), [.sample([1, 8, 2, 3])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 2, 4, 6]) { x([0, ($0[2] % 2 * 2 + $0[3] % 2) * 2 + $0[1], $0[2] / 2, $0[3] / 2]) }]
        },
        OperatorSample(DepthToSpace(blockSize: 2, channelFirst: true), [.sample([1, 8, 2, 3])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 2, 4, 6]) { x([0, $0[1] * 4 + $0[2] % 2 * 2 + $0[3] % 2, $0[2] / 2, $0[3] / 2]) }]
        },
        OperatorSample(SpaceToDepth(blockSize: 2), [.sample([1, 2, 4, 6])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 8, 2, 3]) { place in
                let block = place[1] / 2
                return x([0, place[1] % 2, place[2] * 2 + block / 2, place[3] * 2 + block % 2])
            }]
        },
    ]
}
