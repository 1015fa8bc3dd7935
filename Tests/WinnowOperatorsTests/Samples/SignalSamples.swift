import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    static let signal: [OperatorSample] = windows + transforms + random

    private static func window(_ period: Double, _ count: Int, _ value: @escaping @Sendable (Double) -> Double)
        -> @Sendable ([Tensor]) -> [Tensor]
    {
        { _ in [.computed([count]) { value(2 * Double.pi * Double($0[0]) / period) }] }
    }

    private static let size = Tensor(scalar: Int64(6))

    private static let windows: [OperatorSample] = [
        OperatorSample(HannWindow(), [size], constants: [0], reference: window(6, 6) { pow(sin($0 / 2), 2) }),
        OperatorSample(
            HannWindow(SignalWindowShape(isPeriodic: false)), [size], constants: [0], reference: window(5, 6) { pow(sin($0 / 2), 2) }),
        OperatorSample(HammingWindow(), [size], constants: [0], reference: window(6, 6) { (25 - 21 * cos($0)) / 46 }),
        OperatorSample(
            BlackmanWindow(), [size], constants: [0], reference: window(6, 6) { 0.42 - 0.5 * cos($0) + 0.08 * cos(2 * $0) }),
        // Cut to whole numbers, it is 1 where it is one: 0.42 + 0.5 + 0.08 of doubles would be less.
        OperatorSample(
            BlackmanWindow(SignalWindowShape(target: .int32, isPeriodic: false)), [Tensor(scalar: Int64(5))], constants: [0], differentiated: []
        ) { _ in [Tensor([0, 0, 1, 0, 0] as [Int32])] },
        OperatorSample(
            MelWeightMatrix(),
            [Tensor(scalar: Int64(2)), Tensor(scalar: Int64(8)), Tensor(scalar: Int64(8000)), Tensor(scalar: Float(0)), Tensor(scalar: Float(4000))],
            constants: [0, 1, 2, 3, 4], differentiated: []
        ) { _ in
            // Edges at the mel scale's thirds, 0, 1, 2, 4 of five frequencies.
            let mel = 2595 * log10(1 + 4000.0 / 700)
            let edges = (0..<4).map { Int((9 * 700 * (pow(10, Double($0) * mel / 4 / 2595) - 1) / 8000).rounded(.down)) }
            return [.computed([5, 2]) { place in
                let (low, center, high) = (edges[place[1]], edges[place[1] + 1], edges[place[1] + 2])
                if place[0] == center { return 1 }
                if place[0] > low && place[0] < center { return Double(place[0] - low) / Double(center - low) }
                return place[0] > center && place[0] < high ? Double(high - place[0]) / Double(high - center) : 0
            }]
        },
    ]

    /// Σ x·e^(∓2πikn/N) of rows of (rows, samples, parts).
    private static func transformed(
        _ shape: Shape, length: Int, sign: Double = -1, scale: Double = 1
    ) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let x = inputs[0].reader()
            let (samples, parts) = (min(inputs[0].shape[1], length), inputs[0].shape[2])
            return [.computed(shape) { place in
                (0..<samples).reduce(0) { sum, n in
                    let angle = sign * 2 * Double.pi * Double(n * place[1]) / Double(length)
                    let (re, im) = (x([place[0], n, 0]), parts == 2 ? x([place[0], n, 1]) : 0)
                    let value = place[2] == 0 ? re * cos(angle) - im * sin(angle) : re * sin(angle) + im * cos(angle)
                    return sum + value * scale
                }
            }]
        }
    }

    private static let transforms: [OperatorSample] = [
        OperatorSample(DFT(axis: 1), [.sample([2, 5, 1])], version: 17, reference: transformed([2, 5, 2], length: 5)),
        OperatorSample(
            DFT(axis: 1, isOneSided: true), [.sample([2, 5, 1]), Tensor(scalar: Int64(8))], constants: [1], version: 17,
            reference: transformed([2, 5, 2], length: 8)),
        OperatorSample(
            DFT(isInverse: true), [.sample([2, 4, 2]), nil, Tensor(scalar: Int64(1))], constants: [2],
            reference: transformed([2, 4, 2], length: 4, sign: 1, scale: 0.25)),
        OperatorSample(DFT(axis: 0), [.sample([4, 3, 2])], version: 17),
        OperatorSample(DFT(axis: 1, isInverse: true, isOneSided: true), [.sample([2, 3, 2])], version: 17) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 4, 1]) { place in
                let angle = Double.pi / 2 * Double(place[1])
                let middle = x([place[0], 1, 0]) * cos(angle) - x([place[0], 1, 1]) * sin(angle)
                return (x([place[0], 0, 0]) + 2 * middle + x([place[0], 2, 0]) * cos(2 * angle)) / 4
            }]
        },
        OperatorSample(
            STFT(), [.sample([2, 9, 1]), Tensor(scalar: Int64(2)), .sample([4], in: 0...1, seed: 3)], constants: [1]
        ) { inputs in
            let (x, window) = (inputs[0].reader(), inputs[2].doubles())
            return [.computed([2, 3, 3, 2]) { place in
                (0..<4).reduce(0) { sum, n in
                    let angle = -2 * Double.pi * Double(n * place[2]) / 4
                    return sum + window[n] * x([place[0], 2 * place[1] + n, 0]) * (place[3] == 0 ? cos(angle) : sin(angle))
                }
            }]
        },
        OperatorSample(
            STFT(isOneSided: false), [.sample([1, 6, 2]), Tensor(scalar: Int64(3)), nil, Tensor(scalar: Int64(3))], constants: [1, 3]),
        OperatorSample(STFT(), [.sample([2, 6]), Tensor(scalar: Int64(2)), .sample([4])], constants: [1]) { inputs in
            let (x, window) = (inputs[0].reader(), inputs[2].doubles())
            return [.computed([2, 2, 3, 2]) { place in
                (0..<4).reduce(0) { sum, n in
                    let angle = -2 * Double.pi * Double(n * place[2]) / 4
                    return sum + window[n] * x([place[0], 2 * place[1] + n]) * (place[3] == 0 ? cos(angle) : sin(angle))
                }
            }]
        },
    ]

    private static let random: [OperatorSample] = [
        OperatorSample(RandomNormal(shape: [2, 3]), []),
        OperatorSample(RandomUniform(shape: [2, 3]), []),
        OperatorSample(RandomNormalLike(), [.sample([2, 3])], differentiated: []),
        OperatorSample(RandomUniformLike(), [.sample([2, 3])], differentiated: []),
        OperatorSample(Bernoulli(seed: 3), [.sample([2, 3], in: 0...1)], differentiated: []),
        OperatorSample(Bernoulli(target: .int32), [Tensor([Float(0), 1, 1, 0])], differentiated: []) { _ in
            [Tensor([Int32(0), 1, 1, 0])]
        },
    ]

    private static let image = Tensor.sample([1, 2, 3, 4])

    static let sampling: [OperatorSample] = [
        // A grid that runs over the centers gives the image back.
        OperatorSample(
            GridSample(alignsCorners: true),
            [image, .computed([1, 3, 4, 2]) { $0[3] == 0 ? Double($0[2]) / 1.5 - 1 : Double($0[1]) - 1 }], differentiated: [0]
        ) { inputs in [inputs[0]] },
        OperatorSample(GridSample(mode: .nearest, padding: .border), [image, .sample([1, 2, 2, 2])]),
        OperatorSample(GridSample(mode: .nearest), [image, .sample([1, 2, 2, 2])]),
        OperatorSample(GridSample(padding: .zeros), [image, .sample([1, 3, 4, 2])]),
        OperatorSample(GridSample(padding: .border), [image, .sample([1, 3, 4, 2])]),
        OperatorSample(GridSample(padding: .reflection, alignsCorners: true), [image, .sample([1, 3, 4, 2], in: -3...3)]),
        OperatorSample(GridSample(mode: .cubic), [image, .sample([1, 3, 4, 2])]),
        OperatorSample(GridSample(mode: .cubic, padding: .border), [image, .sample([1, 3, 4, 2])]),
        OperatorSample(GridSample(mode: .cubic, padding: .reflection), [image, .sample([1, 2, 2, 2])]),
        OperatorSample(GridSample(), [.sample([2, 1, 2, 3, 2]), .sample([2, 2, 1, 2, 3], seed: 4)]),
        OperatorSample(
            GridSample(mode: .linear, hasOldNames: true), [.sample([1, 1, 2, 2]), Tensor([Float(0), 0], shape: [1, 1, 1, 2])],
            version: 16
        ) { inputs in [Tensor([inputs[0].doubles().reduce(0, +) / 4], shape: [1, 1, 1, 1], as: .float32)] },
        OperatorSample(AffineGrid(), [Tensor([Float(1), 0, 0, 0, 1, 0], shape: [1, 2, 3]), indices(1, 1, 2, 2)], constants: [1]) { _ in
            [.computed([1, 2, 2, 2]) { $0[$0[3] == 0 ? 2 : 1] == 0 ? -0.5 : 0.5 }]
        },
        OperatorSample(CenterCropPad(), [.sample([3, 4]), indices(5, 2)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([5, 2]) { (1...3).contains($0[0]) ? x([$0[0] - 1, $0[1] + 1]) : 0 }]
        },
        OperatorSample(Col2Im(), [.sample([1, 4, 4]), indices(3, 3), indices(2, 2)], constants: [1, 2]) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 1, 3, 3]) { place in
                (0..<16).reduce(0) { sum, index in
                    let (tap, block) = (index / 4, index % 4)
                    let hits = tap / 2 + block / 2 == place[2] && tap % 2 + block % 2 == place[3]
                    return hits ? sum + x([0, tap, block]) : sum
                }
            }]
        },
        OperatorSample(Det(), [Tensor([Float(2), 1, 4, 3, 0, 1, 1, 0], shape: [2, 2, 2])]) { _ in
            [Tensor([Float(2), -1])]
        },
        // The first row twice: singular, but not flat.
        OperatorSample(Det(), [Tensor([Float(1), 2, 3, 1, 2, 3, 0.5, -1, 2], shape: [3, 3])]) { _ in [Tensor(scalar: Float(0))] },
        OperatorSample(Det(), [.sample([2, 1, 1])]) { [$0[0].reshaped([2])] },
        OperatorSample(Det(), [.sample([4, 4])]),
        OperatorSample(RMSNormalization(epsilon: 0.5), [.sample([2, 3]), .sample([3], seed: 2)], version: 23) { inputs in
            let (x, scale) = (inputs[0].reader(), inputs[1].doubles())
            return [.computed([2, 3]) { place in
                let mean = (0..<3).reduce(0) { $0 + pow(x([place[0], $1]), 2) } / 3
                return scale[place[1]] * x(place) / (mean + 0.5).squareRoot()
            }]
        },
        OperatorSample(
            Resize(Resampling(mode: .linear, coordinates: .region)),
            [.sample([4]), Tensor([Float(0), 1]), nil, indices(4)], constants: [1, 3]
        ) { inputs in [inputs[0]] },
        OperatorSample(
            GatherND(batchRank: 1), [.sample([2, 3]), Tensor([Int64(2), 0], shape: [2, 1])], constants: [1]
        ) { inputs in
            let x = inputs[0].reader()
            return [.computed([2]) { x([$0[0], $0[0] == 0 ? 2 : 0]) }]
        },
        OperatorSample(CumProd(isExclusive: true), [.sample([2, 3]), Tensor(scalar: Int64(1))], constants: [1], version: 26) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3]) { place in (0..<place[1]).reduce(1) { $0 * x([place[0], $1]) } }]
        },
        OperatorSample(CumProd(), [Tensor([Float(2), 0, 3, 0, 0.5, -1, 2, 2], shape: [2, 4]), Tensor(scalar: Int64(-1))], constants: [1], version: 26) { _ in
            [Tensor([Float(2), 0, 0, 0, 0.5, -0.5, -1, -2], shape: [2, 4])]
        },
        OperatorSample(CumProd(isReverse: true), [.sample([3, 2]), Tensor(scalar: Int64(0))], constants: [1], version: 26),
        OperatorSample(CumProd(isExclusive: true, isReverse: true), [.sample([2, 3, 2]), Tensor(scalar: Int64(1))], constants: [1], version: 26),
        OperatorSample(CumProd(isReverse: true), [indices(2, 3, 4), Tensor(scalar: Int64(0))], constants: [1], version: 26) { _ in
            [indices(24, 12, 4)]
        },
        OperatorSample(SwiGLU(alpha: 1.5), [.sample([2, 3]), .sample([2, 3], seed: 2)], version: 28) { inputs in
            let values = zip(inputs[0].doubles(), inputs[1].doubles()).map { $0 / (1 + exp(-1.5 * $0)) * $1 }
            return [Tensor(values, shape: [2, 3], as: .float32)]
        },
        OperatorSample(
            TensorScatter(isCircular: true), [.sample([2, 3, 2]), .sample([2, 2, 2], seed: 2), indices(0, 2)], constants: [2], version: 24
        ) { inputs in
            let (x, u) = (inputs[0].reader(), inputs[1].reader())
            let written = [[0, 1, -1], [1, -1, 0]]
            return [.computed([2, 3, 2]) { place in
                let step = written[place[0]][place[1]]
                return step < 0 ? x(place) : u([place[0], step, place[2]])
            }]
        },
        // Offsets of nothing leave a plain convolution; whole numbers read neighbours.
        OperatorSample(
            DeformConv(groups: 2), [.sample([1, 4, 4, 4]), .sample([2, 2, 2, 2], seed: 2), Tensor(zeros: [1, 8, 3, 3]), .sample([2], seed: 3)],
            differentiated: [0, 1, 3]
        ) { inputs in
            let (x, w, bias) = (inputs[0].reader(), inputs[1].reader(), inputs[3].doubles())
            return [.computed([1, 2, 3, 3]) { place in
                (0..<8).reduce(bias[place[1]]) { sum, index in
                    let (c, i, j) = (index / 4, index / 2 % 2, index % 2)
                    return sum + w([place[1], c, i, j]) * x([0, place[1] * 2 + c, place[2] + i, place[3] + j])
                }
            }]
        },
        OperatorSample(
            DeformConv(window: Window(pads: [1, 1, 1, 1]), offsetGroups: 2),
            [.sample([1, 2, 3, 3]), .sample([1, 2, 1, 1], seed: 2), .sample([1, 4, 5, 5], seed: 4), nil, .sample([1, 2, 5, 5], in: 0...1, seed: 5)]),
        OperatorSample(
            DeformedColumns(window: Window(extents: [1, 1])),
            [.sample([1, 1, 3, 3]), .computed([1, 2, 3, 3]) { $0[1] == 0 ? 0.5 : 1 }], differentiated: [0]
        ) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 1, 9]) { place in
                let (y, column) = (place[2] / 3, place[2] % 3 + 1)
                func pixel(_ row: Int) -> Double { row < 3 && column < 3 ? x([0, 0, row, column]) : 0 }
                return (pixel(y) + pixel(y + 1)) / 2
            }]
        },
        OperatorSample(
            TopK(axis: 0), [Tensor([3, 250, 7], shape: [3], as: .uint8), indices(2)], constants: [1], outputs: 2
        ) { _ in [Tensor([250, 7], shape: [2], as: .uint8), indices(1, 2)] },
    ]
}
