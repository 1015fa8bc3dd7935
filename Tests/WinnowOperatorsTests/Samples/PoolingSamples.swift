import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    /// A 2-D pooling by plain loops; a tap is either in the source, in the declared pads or beyond.
    private static func pooled(
        _ target: Shape, size: [Int], stride: Int, pads: [Int] = [0, 0, 0, 0], dilation: Int = 1,
        _ join: @escaping @Sendable (_ values: [Double], _ padCount: Int) -> Double
    ) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let (x, shape) = (inputs[0].reader(), inputs[0].shape)
            return [.computed(target) { index in
                var values: [Double] = []
                var padCount = 0
                for i in 0..<size[0] {
                    for j in 0..<size[1] {
                        let row = index[2] * stride + i * dilation - pads[0]
                        let column = index[3] * stride + j * dilation - pads[1]
                        if row >= 0, row < shape[2], column >= 0, column < shape[3] {
                            values.append(x([index[0], index[1], row, column]))
                        } else if row < shape[2] + pads[2], column < shape[3] + pads[3] {
                            padCount += 1
                        }
                    }
                }
                return join(values, padCount)
            }]
        }
    }

    private static let maximum: @Sendable ([Double], Int) -> Double = { values, _ in values.max() ?? 0 }
    private static let mean: @Sendable ([Double], Int) -> Double = { values, _ in values.reduce(0, +) / Double(values.count) }
    private static let paddedMean: @Sendable ([Double], Int) -> Double = { values, pads in
        values.reduce(0, +) / Double(values.count + pads)
    }

    private static let image = Tensor.sample([2, 3, 5, 6], in: -6...6)

    static let pooling: [OperatorSample] = windows + typedMaxima

    private static let typedMaxima: [OperatorSample] = [ElementType.float16, .float64, .int8, .uint8].map { type in
        OperatorSample(
            MaxPool(window: Window(size: 2)), [Tensor.counting([2, 3, 4, 6], modulus: 97).converted(to: type)], outputs: 2, differentiated: []
        ) { inputs in
            let maxima = pooled([2, 3, 2, 3], size: [2, 2], stride: 2, maximum)(inputs)[0]
            let (values, y) = (inputs[0].doubles(), maxima.reader())
            let places = Tensor.computed([2, 3, 2, 3], as: .int64) { index in
                let plane = (index[0] * 3 + index[1]) * 24
                let window = [0, 1, 6, 7].map { plane + 12 * index[2] + 2 * index[3] + $0 }
                return Double(window.first { values[$0] == y(index) } ?? -1)
            }
            return [maxima.converted(to: type), places]
        }
    }

    private static let windows: [OperatorSample] = [
        OperatorSample(
            MaxPool(window: Window(size: 2)), [image], reference: pooled([2, 3, 2, 3], size: [2, 2], stride: 2, maximum)),
        OperatorSample(
            MaxPool(window: Window(extents: [2, 1])), [image], reference: pooled([2, 3, 4, 6], size: [2, 1], stride: 1, maximum)),
        OperatorSample(
            MaxPool(window: Window(size: 3, stride: 2, padding: 1), roundsUp: true), [image],
            reference: pooled([2, 3, 3, 4], size: [3, 3], stride: 2, pads: [1, 1, 1, 1], maximum)),
        OperatorSample(
            MaxPool(window: Window(extents: [2, 2], dilations: [2, 2])), [image],
            reference: pooled([2, 3, 3, 4], size: [2, 2], stride: 1, dilation: 2, maximum)),
        OperatorSample(
            MaxPool(window: Window(size: 3, stride: 2, padding: 1), columnsFirst: true), [image], outputs: 2
        ) { inputs in
            let maxima = pooled([2, 3, 3, 3], size: [3, 3], stride: 2, pads: [1, 1, 1, 1], maximum)(inputs)[0]
            let (values, y) = (inputs[0].doubles(), maxima.reader())
            let indices = Tensor.computed([2, 3, 3, 3], as: .int64) { index in
                let plane = index[0] * 3 + index[1]
                let found = values[(plane * 30)..<(plane * 30 + 30)].firstIndex(of: y(index)).map { $0 - plane * 30 } ?? -1
                return Double(plane * 30 + found % 6 * 5 + found / 6)
            }
            return [maxima, indices]
        },
        OperatorSample(
            AveragePool(window: Window(size: 2)), [image], reference: pooled([2, 3, 2, 3], size: [2, 2], stride: 2, mean)),
        OperatorSample(
            AveragePool(window: Window(size: 3, stride: 2, padding: 1), countsPads: true), [image],
            reference: pooled([2, 3, 3, 3], size: [3, 3], stride: 2, pads: [1, 1, 1, 1], paddedMean)),
        OperatorSample(
            AveragePool(window: Window(extents: [2, 1])), [image], reference: pooled([2, 3, 4, 6], size: [2, 1], stride: 1, mean)),
        OperatorSample(
            AveragePool(window: Window(size: 3, stride: 2), roundsUp: true), [image],
            reference: pooled([2, 3, 2, 3], size: [3, 3], stride: 2, mean)),
        OperatorSample(
            AveragePool(window: Window(extents: [3, 2], strides: [2, 2], autoPad: .sameLower)), [image],
            reference: pooled([2, 3, 3, 3], size: [3, 2], stride: 2, pads: [1, 0, 1, 0], mean)),
        OperatorSample(GlobalAveragePool(), [image], reference: pooled([2, 3, 1, 1], size: [5, 6], stride: 1, mean)),
        OperatorSample(GlobalMaxPool(), [image], reference: pooled([2, 3, 1, 1], size: [5, 6], stride: 1, maximum)),
        OperatorSample(
            MaxPoolGradient(pooling: MaxPool(window: Window(size: 2))), [image, .sample([2, 3, 2, 3], seed: 2)],
            differentiated: []),
        OperatorSample(
            AveragePoolGradient(pooling: AveragePool(window: Window(size: 2))),
            [.sample([2, 3, 2, 3], seed: 2), indices(2, 3, 5, 6)], constants: [1], differentiated: []),
    ]
}
