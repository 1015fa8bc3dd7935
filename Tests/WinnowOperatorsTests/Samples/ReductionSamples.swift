import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    /// (2, 3, 4) reduced over axis 1, kept and left out, and over everything.
    private static func reduced(
        _ make: ([Int]?, Bool) -> any Operator, in range: ClosedRange<Double> = 0.5...2.5,
        _ join: @escaping @Sendable ([Double]) -> Double
    ) -> [OperatorSample] {
        let data = Tensor.sample([2, 3, 4], in: range)
        let middle: @Sendable (Tensor) -> Tensor = { tensor in
            let x = tensor.reader()
            return .computed([2, 1, 4]) { index in join((0..<3).map { x([index[0], $0, index[2]]) }) }
        }
        let axes = make(nil, true)
        let takesInput = axes.attributes["axes"] == nil
        return [
            OperatorSample(make(nil, false), [data], differentiated: [0]) { inputs in
                [Tensor([join(inputs[0].doubles())], shape: [], as: .float32)]
            },
            OperatorSample(make([1], true), [data], version: 11) { [middle($0[0])] },
            OperatorSample(make([-2], false), [data], version: 11) { [middle($0[0]).reshaped([2, 4])] },
        ] + (takesInput ? [OperatorSample(axes, [data, indices(1)], constants: [1]) { [middle($0[0])] }] : [])
    }

    static let reduction: [OperatorSample] =
        reduced({ ReduceSum(axes: $0, keepsAxes: $1) }) { $0.reduce(0, +) }
        + reduced({ ReduceMean(axes: $0, keepsAxes: $1) }) { $0.reduce(0, +) / Double($0.count) }
        + reduced({ ReduceMax(axes: $0, keepsAxes: $1) }) { $0.max() ?? 0 }
        + reduced({ ReduceMin(axes: $0, keepsAxes: $1) }) { $0.min() ?? 0 }
        + reduced({ ReduceProd(axes: $0, keepsAxes: $1) }, in: 0.5...1.5) { $0.reduce(1, *) }
        + reduced({ ReduceL1(axes: $0, keepsAxes: $1) }, in: -2...2) { $0.reduce(0) { $0 + abs($1) } }
        + reduced({ ReduceL2(axes: $0, keepsAxes: $1) }) { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        + reduced({ ReduceSumSquare(axes: $0, keepsAxes: $1) }) { $0.reduce(0) { $0 + $1 * $1 } }
        + reduced({ ReduceLogSum(axes: $0, keepsAxes: $1) }) { log($0.reduce(0, +)) }
        + reduced({ ReduceLogSumExp(axes: $0, keepsAxes: $1) }) { log($0.reduce(0) { $0 + exp($1) }) }
        + [ElementType.int32, .int64, .uint32, .uint64].flatMap { type in
            [
                OperatorSample(ReduceLogSumExp(keepsAxes: false), [.counting([2, 3], as: type)], differentiated: []) { _ in
                    [Tensor([35], shape: [], as: type)]
                },
                OperatorSample(ReduceLogSum(keepsAxes: false), [.counting([2, 3], as: type)], differentiated: []) { _ in
                    [Tensor([4], shape: [], as: type)]
                },
            ]
        }
}
