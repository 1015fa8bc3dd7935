import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    /// A body of these nodes with inputs of one type.
    private static func body(
        _ inputs: [(ValueName, ElementType, [Extent])], _ outputs: [ValueName], _ nodes: [(any Operator, [ValueName], ValueName)],
        _ initializers: [(name: ValueName, tensor: Tensor)] = []
    ) -> Graph {
        try! Graph(
            name: "body", inputs: inputs.map { GraphInput($0.0, ValueType($0.1, $0.2)) }, outputs: outputs,
            nodes: nodes.enumerated().map { Node(name: "n\($0)", op: $1.0, inputs: $1.1, outputs: [$1.2]) },
            initializers: initializers)
    }

    private static let one = ("one", Tensor([Float(1), 2, 3]))
    private static let constant = body([], ["y"], [(Neg(), ["one"], "y")], [one])
    private static let other = body([], ["one"], [], [one])

    /// s' = s + x, y = 2 · s'.
    private static let sum = body(
        [("s", .float32, [3]), ("x", .float32, [3])], ["t", "y"], [(Add(), ["s", "x"], "t"), (Add(), ["t", "t"], "y")])

    static let control: [OperatorSample] = [
        OperatorSample(If(then: constant, else: other), [Tensor([true])], differentiated: []) { _ in [Tensor([Float(-1), -2, -3])] },
        OperatorSample(If(then: constant, else: other), [Tensor([false])], differentiated: []) { _ in [Tensor([Float(1), 2, 3])] },
        OperatorSample(
            Loop(
                body(
                    [("i", .int64, []), ("c", .bool, []), ("v", .float32, [2])], ["c", "w", "v"],
                    [(Add(), ["v", "v"], "w")])),
            [Tensor(scalar: Int64(3)), nil, Tensor([Float(1), -2])], outputs: 2, differentiated: []
        ) { inputs in
            let v = inputs[1].doubles()
            return [
                Tensor(v.map { $0 * 8 }, shape: [2], as: .float32),
                Tensor([1.0, 2, 4].flatMap { factor in v.map { $0 * factor } }, shape: [3, 2], as: .float32),
            ]
        },
        OperatorSample(Scan(sum, scannedInputs: 1), [.sample([3]), .sample([4, 3], seed: 2)], outputs: 2, differentiated: []) { inputs in
            let (s, x) = (inputs[0].reader(), inputs[1].reader())
            func total(_ column: Int, _ last: Int) -> Double { (0...last).reduce(s([column])) { $0 + x([$1, column]) } }
            return [.computed([3]) { total($0[0], 3) }, .computed([4, 3]) { 2 * total($0[1], $0[0]) }]
        },
        OperatorSample(
            {
                var scan = Scan(sum, scannedInputs: 1)
                scan.inputPaths[0].axis = 1
                scan.inputPaths[0].isReversed = true
                scan.outputPaths[0].axis = 1
                return scan
            }(), [.sample([3]), .sample([3, 4], seed: 2)], outputs: 2, differentiated: []
        ) { inputs in
            let (s, x) = (inputs[0].reader(), inputs[1].reader())
            func total(_ row: Int, _ steps: Int) -> Double { (0...steps).reduce(s([row])) { $0 + x([row, 3 - $1]) } }
            return [.computed([3]) { total($0[0], 3) }, .computed([3, 4]) { 2 * total($0[0], $0[1]) }]
        },
    ]
}
