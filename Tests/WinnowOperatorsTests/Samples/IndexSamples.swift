import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let table = Tensor.sample([3, 4])

    static let indexing: [OperatorSample] = gathering + scattering + filling + ranking

    private static let gathering: [OperatorSample] = [
        OperatorSample(
            GatherElements(axis: 1), [table, Tensor([Int64(3), 0, -1, 1, 1, 2], shape: [3, 2])], constants: [1]
        ) { inputs in
            let x = inputs[0].reader()
            let columns = [3, 0, 3, 1, 1, 2]
            return [.computed([3, 2]) { x([$0[0], columns[$0[0] * 2 + $0[1]]]) }]
        },
        OperatorSample(
            GatherElements(axis: 1), [.sample([2, 3, 4]), Tensor((0..<16).map { Int64([2, 0][$0 / 4 % 2]) }, shape: [2, 2, 4])], constants: [1]),
        OperatorSample(GatherElements(axis: 1), [.sample([2, 3, 4]), Tensor((0..<16).map { Int64($0 * 5 % 3) }, shape: [2, 2, 4])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 2, 4]) { x([$0[0], ($0[0] * 8 + $0[1] * 4 + $0[2]) * 5 % 3, $0[2]]) }]
        },
        // Fewer indices than the data has places along another axis.
        OperatorSample(GatherElements(), [table, Tensor([Int64(2), 0, 1, 1, 2, 0], shape: [2, 3])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3]) { x([[2, 0, 1, 1, 2, 0][$0[0] * 3 + $0[1]], $0[1]]) }]
        },
        OperatorSample(GatherND(batchRank: 1), [.sample([2, 3, 4]), Tensor([Int64(2), 0, 1, 1, 0, 2], shape: [2, 3, 1])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 4]) { x([$0[0], [2, 0, 1, 1, 0, 2][$0[0] * 3 + $0[1]], $0[2]]) }]
        },
        OperatorSample(GatherND(), [table, Tensor([Int64(2), 0, 2], shape: [3, 1])], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([3, 4]) { x([[2, 0, 2][$0[0]], $0[1]]) }]
        },
        OperatorSample(GatherND(), [table, Tensor([Int64(2), 1, 0, -1], shape: [2, 2])], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2]) { $0[0] == 0 ? x([2, 1]) : x([0, 3]) }]
        },
    ]

    private static func scattered(_ join: @escaping @Sendable (Double, Double) -> Double) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            var values = inputs[0].doubles()
            for (position, column) in inputs[1].integers().enumerated() {
                let place = position / 2 * 4 + column
                values[place] = join(values[place], inputs[2].doubles()[position])
            }
            return [Tensor(values, shape: [3, 4], as: .float32)]
        }
    }

    private static let places = Tensor([Int64(3), 0, 2, 1, 1, 2], shape: [3, 2])
    private static let updates = Tensor.sample([3, 2], seed: 6)

    private static let scattering: [OperatorSample] = [
        OperatorSample(ScatterElements(axis: 1), [table, places, updates], constants: [1], reference: scattered { $1 }),
        OperatorSample(
            ScatterElements(axis: -1, reduction: .add), [table, places, updates], constants: [1], reference: scattered(+)),
        OperatorSample(
            ScatterElements(axis: 1, reduction: .max), [table, places, updates], constants: [1], reference: scattered(max)),
        OperatorSample(
            ScatterElements(axis: 1, reduction: .mul), [table, places, updates], constants: [1], reference: scattered(*)),
        // Zeros among the factors, one place written twice.
        OperatorSample(
            ScatterElements(reduction: .mul), [Tensor([Float(2), 3, 0, 1]), indices(0, 0, 1, 2, 3), Tensor([Float(0), 4, 0, 5, 2])], constants: [1]
        ) { _ in [Tensor([Float(0), 0, 0, 2])] },
        OperatorSample(ScatterND(reduction: .min), [table, indices(2, 0).reshaped([2, 1]), Tensor([Float(-3), 3, 0, -0.5, 0.5, -3, 3, 1], shape: [2, 4])], constants: [1]),
        OperatorSample(ScatterND(reduction: .mul), [table, indices(2, 2).reshaped([2, 1]), .sample([2, 4], seed: 6)], constants: [1]),
        OperatorSample(ScatterND(), [table, indices(2, 0).reshaped([2, 1]), .sample([2, 4], seed: 6)], constants: [1]) { inputs in
            let (x, u) = (inputs[0].reader(), inputs[2].reader())
            return [.computed([3, 4]) { $0[0] == 1 ? x($0) : u([$0[0] == 2 ? 0 : 1, $0[1]]) }]
        },
        OperatorSample(
            ScatterND(reduction: .add), [table, indices(2, 2).reshaped([2, 1]), .sample([2, 4], seed: 6)], constants: [1]
        ) { inputs in
            let (x, u) = (inputs[0].reader(), inputs[2].reader())
            return [.computed([3, 4]) { x($0) + ($0[0] == 2 ? u([0, $0[1]]) + u([1, $0[1]]) : 0) }]
        },
    ]

    private static let filling: [OperatorSample] = [
        OperatorSample(Tile(), [table, indices(2, 3)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([6, 12]) { x([$0[0] % 3, $0[1] % 4]) }]
        },
        OperatorSample(Tile(), [.sample([2, 1, 3]), indices(2, 4, 1)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([4, 4, 3]) { x([$0[0] % 2, 0, $0[2]]) }]
        },
        OperatorSample(Pad(), [table, indices(1, -1, 0, 2), Tensor(scalar: Float(7))], constants: [1, 2]) { inputs in
            let x = inputs[0].reader()
            return [.computed([4, 5]) { $0[0] == 0 || $0[1] > 2 ? 7 : x([$0[0] - 1, $0[1] + 1]) }]
        },
        OperatorSample(Pad(pads: [0, 1, 0, 0], value: -1), [table], version: 10) { inputs in
            let x = inputs[0].reader()
            return [.computed([3, 5]) { $0[1] == 0 ? -1 : x([$0[0], $0[1] - 1]) }]
        },
        OperatorSample(Pad(mode: .reflect), [table, indices(2, 1), nil, indices(1)], constants: [1, 3]) { inputs in
            let x = inputs[0].reader()
            return [.computed([3, 7]) { x([$0[0], [2, 1, 0, 1, 2, 3, 2][$0[1]]]) }]
        },
        OperatorSample(Pad(mode: .edge), [table, indices(1, 0, 0, 2)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([4, 6]) { x([max(0, $0[0] - 1), min(3, $0[1])]) }]
        },
        OperatorSample(Pad(mode: .wrap), [.sample([2, 3, 2]), indices(0, 1, -1, 1, 2, 1)], constants: [1]),
        OperatorSample(Pad(), [table, indices(1, 1), Tensor(scalar: Float(7)), indices(1)], constants: [1, 3]),
        OperatorSample(
            OneHot(), [indices(2, -1, 5), Tensor(scalar: Int64(3)), Tensor([Float(-1), 4])], constants: [1]
        ) { _ in
            [.computed([3, 3]) { $0[0] < 2 && $0[1] == 2 ? 4 : -1 }]
        },
        OperatorSample(OneHot(axis: 0), [indices(1, 0), Tensor(scalar: Int64(2)), indices(0, 1)], constants: [1]) { _ in
            [.computed([2, 2], as: .int64) { $0[0] != $0[1] ? 1 : 0 }]
        },
        OperatorSample(NumberRange(), [Tensor(scalar: Int64(5)), Tensor(scalar: Int64(0)), Tensor(scalar: Int64(-2))], constants: [0, 1, 2]) { _ in
            [indices(5, 3, 1)]
        },
        OperatorSample(NonZero(), [Tensor([Float(0), 3, 0, 4, 5, 0], shape: [2, 3])], constants: [0], differentiated: []) { _ in
            [Tensor([Int64(0), 1, 1, 1, 0, 1], shape: [2, 3])]
        },
    ]

    private static let ranking: [OperatorSample] = [
        OperatorSample(ArgMax(axis: 1), [table], differentiated: []) { inputs in
            let x = inputs[0].reader()
            return [.computed([3, 1], as: .int64) { row in
                Double((0..<4).max { x([row[0], $0]) < x([row[0], $1]) } ?? 0)
            }]
        },
        OperatorSample(ArgMin(axis: -2, keepsAxis: false), [table], differentiated: []) { inputs in
            let x = inputs[0].reader()
            return [.computed([4], as: .int64) { column in
                Double((0..<3).min { x([$0, column[0]]) < x([$1, column[0]]) } ?? 0)
            }]
        },
        OperatorSample(ArgMax(axis: 0, selectsLast: true), [indices(3, 7, 7, 1)]) { _ in [indices(2)] },
        OperatorSample(CumSum(), [Tensor.counting([2, 3]).converted(to: .float16), Tensor(scalar: Int64(1))], constants: [1], differentiated: []) { _ in
            [Tensor([0, 7, 21, 21, 49, 84], shape: [2, 3], as: .float16)]
        },
        OperatorSample(
            ScatterND(reduction: .add), [Tensor([0, 1, 0, 1], shape: [4], as: .bool), indices(0, 1).reshaped([2, 1]), Tensor([1, 0], shape: [2], as: .bool)],
            constants: [1], differentiated: []
        ) { _ in [Tensor([1, 1, 0, 1], shape: [4], as: .bool)] },
        OperatorSample(
            ScatterElements(axis: 0, reduction: .mul),
            [Tensor([0, 1, 0, 1], shape: [4], as: .bool), indices(0, 1), Tensor([1, 0], shape: [2], as: .bool)], constants: [1], differentiated: []
        ) { _ in [Tensor([0, 0, 0, 1], shape: [4], as: .bool)] },
        OperatorSample(CumSum(), [table, Tensor(scalar: Int64(1))], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([3, 4]) { place in (0...place[1]).reduce(0) { $0 + x([place[0], $1]) } }]
        },
        OperatorSample(CumSum(), [Tensor([1, 2, UInt64.max]), Tensor(scalar: Int64(0))], constants: [1], differentiated: []) { _ in
            [Tensor([1, 3, 2] as [UInt64])]
        },
        OperatorSample(CumSum(), [Tensor([3, 5, UInt32.max]), Tensor(scalar: Int64(0))], constants: [1], differentiated: []) { _ in
            [Tensor([3, 8, 7] as [UInt32])]
        },
        OperatorSample(CumSum(isExclusive: true, isReverse: true), [table, Tensor(scalar: Int64(0))], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([3, 4]) { place in ((place[0] + 1)..<3).reduce(0) { $0 + x([$1, place[1]]) } }]
        },
        OperatorSample(TopK(), [table, indices(2)], constants: [1], outputs: 2) { inputs in
            let rows = (0..<3).map { row in
                inputs[0].rows(row..<(row + 1)).doubles().enumerated().sorted { $0.element > $1.element }.prefix(2)
            }
            return [
                Tensor(rows.flatMap { $0.map(\.element) }, shape: [3, 2], as: .float32),
                Tensor(rows.flatMap { $0.map { Int64($0.offset) } }, shape: [3, 2]),
            ]
        },
        OperatorSample(TopK(axis: 0, takesLargest: false), [table, indices(1)], constants: [1], outputs: 2),
    ]
}
