import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let image = Tensor.sample([2, 3, 4, 2])

    static let movement: [OperatorSample] = reshaping + cutting + constants

    private static let reshaping: [OperatorSample] = [
        OperatorSample(Flatten(), [image]) { [$0[0].reshaped([2, 24])] },
        OperatorSample(Flatten(axis: -1), [image]) { [$0[0].reshaped([24, 2])] },
        OperatorSample(Reshape(), [image, indices(0, -1, 4)], constants: [1]) { [$0[0].reshaped([2, 6, 4])] },
        OperatorSample(Reshape(), [image, indices(-1)], constants: [1]) { [$0[0].reshaped([48])] },
        OperatorSample(Squeeze(), [.sample([2, 1, 3]), indices(1)], constants: [1]) { [$0[0].reshaped([2, 3])] },
        OperatorSample(Squeeze(axes: [-2]), [.sample([2, 1, 3])], version: 11) { [$0[0].reshaped([2, 3])] },
        OperatorSample(Unsqueeze(), [.sample([2, 3]), indices(0, 3)], constants: [1]) { [$0[0].reshaped([1, 2, 3, 1])] },
        OperatorSample(Unsqueeze(axes: [1]), [.sample([2, 3])], version: 11) { [$0[0].reshaped([2, 1, 3])] },
        OperatorSample(Transpose([0, 2, 3, 1]), [image]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 4, 2, 3]) { x([$0[0], $0[3], $0[1], $0[2]]) }]
        },
        OperatorSample(Transpose(), [.sample([2, 3, 4])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([4, 3, 2]) { x([$0[2], $0[1], $0[0]]) }]
        },
        OperatorSample(Expand(), [.sample([3, 1]), indices(2, 1, 4)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 4]) { x($0) }]
        },
    ]

    private static let cutting: [OperatorSample] = [
        OperatorSample(Concat(axis: 1), [.sample([2, 1, 3]), .sample([2, 2, 3], seed: 2)]) { inputs in
            let (a, b) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 3]) { $0[1] < 1 ? a($0) : b([$0[0], $0[1] - 1, $0[2]]) }]
        },
        OperatorSample(Concat(axis: -1), [Tensor([Int64(1), 2]), Tensor([Int64(3)])]) { _ in [Tensor([Int64(1), 2, 3])] },
        OperatorSample(Split(axis: 1), [.sample([2, 5]), indices(2, 3)], constants: [1], outputs: 2) { inputs in
            [inputs[0].selecting([0, 1], axis: 1), inputs[0].selecting([2, 3, 4], axis: 1)]
        },
        OperatorSample(Split(axis: 0, partCount: 2), [.sample([4, 3])], outputs: 2, gradientOutput: 1) { inputs in
            [inputs[0].rows(0..<2), inputs[0].rows(2..<4)]
        },
        OperatorSample(Split(axis: 0, sizes: [1, 3]), [.sample([4, 3])], outputs: 2, version: 11) { inputs in
            [inputs[0].rows(0..<1), inputs[0].rows(1..<4)]
        },
        OperatorSample(
            Slice(), [.sample([4, 5]), indices(1, -1), indices(4, -6), indices(0, 1), indices(2, -2)], constants: [1, 2, 3, 4]
        ) { inputs in
            [inputs[0].selecting([1, 3], axis: 0).selecting([4, 2, 0], axis: 1)]
        },
        OperatorSample(Slice(), [.sample([4, 6]), indices(1, 2), indices(3, 4), indices(0, 1)], constants: [1, 2, 3]) { inputs in
            [inputs[0].rows(1..<3).selecting([2, 3], axis: 1)]
        },
        OperatorSample(Slice(), [.sample([3, 6]), indices(1), indices(6), indices(1), indices(2)], constants: [1, 2, 3, 4]) { inputs in
            [inputs[0].selecting([1, 3, 5], axis: 1)]
        },
        OperatorSample(Slice(starts: [1], ends: [100], axes: [1]), [.sample([2, 4])], version: 9) { inputs in
            [inputs[0].selecting([1, 2, 3], axis: 1)]
        },
        OperatorSample(
            SliceGradient(), [.sample([2, 2]), indices(2, 5), indices(1), indices(3), indices(1)], constants: [1, 2, 3, 4],
            differentiated: []
        ) { inputs in
            let g = inputs[0].reader()
            return [.computed([2, 5]) { $0[1] == 1 || $0[1] == 2 ? g([$0[0], $0[1] - 1]) : 0 }]
        },
        OperatorSample(Gather(axis: 1), [.sample([2, 4, 3]), Tensor([Int64(3), 0, -1, 3], shape: [2, 2])]) { inputs in
            [inputs[0].selecting([3, 0, 3, 3], axis: 1).reshaped([2, 2, 2, 3])]
        },
        OperatorSample(Gather(axis: 1), [.sample([2, 4, 3]), Tensor([Int64(3), 0, -1, 2, 0])], constants: [1]),
        OperatorSample(Gather(), [.sample([4, 3]), Tensor(scalar: Int64(2))]) { [$0[0].rows(2..<3).reshaped([3])] },
        OperatorSample(
            GatherGradient(axis: 0), [.sample([3, 2]), Tensor([Int64(1), 1, 0]), indices(4, 2)], constants: [2],
            differentiated: []
        ) { inputs in
            let g = inputs[0].reader()
            return [.computed([4, 2]) { [g([2, $0[1]]), g([0, $0[1]]) + g([1, $0[1]]), 0, 0][$0[0]] }]
        },
    ]

    private static let constants: [OperatorSample] = [
        OperatorSample(Constant(.sample([2, 3])), []) { _ in [.sample([2, 3])] },
        OperatorSample(ConstantOfShape(Tensor([Float(1.5)])), [indices(2, 3)], constants: [0]) { _ in
            [Tensor(repeating: Float(1.5), shape: [2, 3])]
        },
        OperatorSample(ShapeOf(), [image], differentiated: []) { _ in [indices(2, 3, 4, 2)] },
        OperatorSample(ShapeOf(start: 1, end: -1), [image], differentiated: []) { _ in [indices(3, 4)] },
        OperatorSample(SizeOf(), [image], differentiated: []) { _ in [Tensor(scalar: Int64(48))] },
    ]
}
