import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let table = Tensor.sample([2, 3, 4])
    private static let other = Tensor.sample([2, 4, 5], seed: 2)

    static let einsums: [OperatorSample] = [
        OperatorSample(Einsum("bij,bjk->bik"), [table, other]) { inputs in
            let (x, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 5]) { place in
                (0..<4).reduce(0) { $0 + x([place[0], place[1], $1]) * y([place[0], $1, place[2]]) }
            }]
        },
        OperatorSample(Einsum("abc->cb"), [table]) { inputs in
            let x = inputs[0].reader()
            return [.computed([4, 3]) { x([0, $0[1], $0[0]]) + x([1, $0[1], $0[0]]) }]
        },
        OperatorSample(Einsum("...ii->...i"), [.sample([2, 3, 3])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3]) { x([$0[0], $0[1], $0[1]]) }]
        },
        OperatorSample(Einsum("i,j"), [.sample([3]), .sample([2], seed: 2)]) { inputs in
            let (x, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([3, 2]) { x([$0[0]]) * y([$0[1]]) }]
        },
        OperatorSample(Einsum("bhid, bhjd -> bhij"), [.sample([1, 2, 3, 4]), .sample([1, 2, 5, 4], seed: 2)]) { inputs in
            let (x, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([1, 2, 3, 5]) { place in
                (0..<4).reduce(0) { $0 + x([0, place[1], place[2], $1]) * y([0, place[1], place[3], $1]) }
            }]
        },
        OperatorSample(Einsum("abc,abd,ac->bd"), [table, .sample([2, 3, 2], seed: 3), .sample([2, 4], seed: 4)]) { inputs in
            let (x, y, z) = (inputs[0].reader(), inputs[1].reader(), inputs[2].reader())
            return [.computed([3, 2]) { place in
                (0..<8).reduce(0) { $0 + x([$1 / 4, place[0], $1 % 4]) * y([$1 / 4, place[0], place[1]]) * z([$1 / 4, $1 % 4]) }
            }]
        },
        OperatorSample(Einsum("...j,jk"), [table, .sample([4, 2], seed: 5)]) { inputs in
            let (x, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 2]) { place in
                (0..<4).reduce(0) { $0 + x([place[0], place[1], $1]) * y([$1, place[2]]) }
            }]
        },
        // Several axes on either side of one matrix.
        OperatorSample(Einsum("bsd,dhk->bshk"), [table, .sample([4, 2, 3], seed: 5)]) { inputs in
            let (x, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 2, 3]) { place in
                (0..<4).reduce(0) { $0 + x([place[0], place[1], $1]) * y([$1, place[2], place[3]]) }
            }]
        },
    ]
}
