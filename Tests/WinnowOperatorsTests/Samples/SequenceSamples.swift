import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Lists stand in samples as stacked tensors.
extension OperatorSamples {
    private static let members = Tensor.sample([3, 2, 2])
    private static let member = Tensor.sample([2, 2], seed: 2)

    private static func stacked(_ order: Int?...) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let (list, other) = (inputs[0].reader(), inputs.count > 1 ? inputs[1].reader() : { _ in 0 })
            return [.computed([order.count, 2, 2]) { place in
                order[place[0]].map { list([$0, place[1], place[2]]) } ?? other([place[1], place[2]])
            }]
        }
    }

    private static var body: Graph {
        let type = ValueType(.float32, [.unknown, .unknown])
        return try! Graph(
            name: "body", inputs: [GraphInput("a", type), GraphInput("b", type)], outputs: ["sum", "same"],
            nodes: [
                Node(name: "sum", op: Add(), inputs: ["a", "b"], outputs: ["sum"]), Node(name: "same", op: Identity(), inputs: ["b"], outputs: ["same"]),
            ])
    }

    static let sequences: [OperatorSample] = [
        OperatorSample(SequenceConstruct(), [member, .sample([2, 2], seed: 3)], differentiated: []) { inputs in
            [.computed([2, 2, 2]) { place in inputs[place[0]].reader()([place[1], place[2]]) }]
        },
        OperatorSample(SequenceInsert(), [members, member], differentiated: [], reference: stacked(0, 1, 2, nil)).taking(lists: [0]),
        OperatorSample(
            SequenceInsert(), [members, member, Tensor(scalar: Int64(0))], constants: [2], differentiated: [], reference: stacked(nil, 0, 1, 2)
        ).taking(lists: [0]),
        OperatorSample(
            SequenceInsert(), [members, member, Tensor(scalar: Int64(-1))], differentiated: [], reference: stacked(0, 1, nil, 2)
        ).taking(lists: [0]),
        OperatorSample(
            SequenceInsert(), [members, member, Tensor(scalar: Int32(3))], differentiated: [], reference: stacked(0, 1, 2, nil)
        ).taking(lists: [0]),
        OperatorSample(SequenceErase(), [members], differentiated: [], reference: stacked(0, 1)).taking(lists: [0]),
        OperatorSample(
            SequenceErase(), [members, Tensor(scalar: Int64(-3))], differentiated: [], reference: stacked(1, 2)
        ).taking(lists: [0]),
        OperatorSample(SequenceAt(), [members, Tensor(scalar: Int64(-1))], differentiated: []) { [$0[0].rows(2..<3).reshaped([2, 2])] }
            .taking(lists: [0]),
        OperatorSample(SequenceLength(), [members], differentiated: []) { _ in [Tensor(scalar: Int64(3))] }.taking(lists: [0]),
        OperatorSample(SplitToSequence(axis: 1, keepsAxis: false), [.sample([2, 3])], differentiated: []) { [$0[0].transposed([1, 0])] },
        OperatorSample(SplitToSequence(axis: 1, keepsAxis: false), [.sample([2, 3]), Tensor(scalar: Int64(1))], differentiated: []) {
            [$0[0].transposed([1, 0])]
        },
        OperatorSample(SplitToSequence(axis: -1), [.sample([2, 4]), Tensor(scalar: Int64(2))], differentiated: []) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 2, 2]) { x([$0[1], $0[0] * 2 + $0[2]]) }]
        },
        OperatorSample(SplitToSequence(keepsAxis: false), [.sample([300, 2])], differentiated: []) { [$0[0]] },
        OperatorSample(SplitToSequence(), [.sample([4, 2]), indices(2, 2)], constants: [1], differentiated: []) { [$0[0].reshaped([2, 2, 2])] },
        OperatorSample(ConcatFromSequence(axis: 1), [members], differentiated: []) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 6]) { x([$0[1] / 2, $0[0], $0[1] % 2]) }]
        }.taking(lists: [0]),
        OperatorSample(ConcatFromSequence(axis: -1, addsAxis: true), [members], differentiated: []) { [$0[0].transposed([1, 2, 0])] }
            .taking(lists: [0]),
        OperatorSample(SequenceMap(body), [members, member], outputs: 2, differentiated: []) { inputs in
            let (list, other) = (inputs[0].reader(), inputs[1].reader())
            return [
                .computed([3, 2, 2]) { list($0) + other([$0[1], $0[2]]) }, .computed([3, 2, 2]) { other([$0[1], $0[2]]) },
            ]
        }.taking(lists: [0]),
        // Of what holds nothing there is nothing to compare.
        OperatorSample(SequenceEmpty(.int64), [], outputs: 0),
        OperatorSample(OptionalValue(ValueType(listOf: .float32)), [], outputs: 0),
        OperatorSample(OptionalValue(), [member], differentiated: []) { [$0[0]] },
        OperatorSample(OptionalHasElement(), [member], differentiated: []) { _ in [Tensor(scalar: true)] },
        OperatorSample(OptionalHasElement(), [nil]) { _ in [Tensor(scalar: false)] },
        OperatorSample(OptionalGetElement(), [member], differentiated: []) { [$0[0]] },
    ]
}
