import WinnowGraph
import WinnowOperators

extension Graph {
    /// Whether the first layers that see an input take one of its axes for time: 1-D convolutions and pooling, recurrent layers.
    func readsAsSequence(_ input: ValueName) -> Bool {
        let readers = nodes.reduce(into: [ValueName: [Node]]()) { readers, node in
            for name in Set(node.inputs) { readers[name, default: []].append(node) }
        }
        var (open, seen) = ([input], Set([input]))
        while let value = open.popLast() {
            for node in readers[value] ?? [] where node.input(0) == value || node.op.passesOn {
                if node.op is any Recurrent { return true }
                if node.op is any SlidingContraction || node.op is any Pooling {
                    if infos[value]?.rank == 3 { return true }
                } else if node.op.passesOn {
                    open += node.outputs.filter { seen.insert($0).inserted }
                }
            }
        }
        return false
    }
}

extension Operator {
    /// Whether it moves, scales or combines elements, as what stands before a first layer does.
    fileprivate var passesOn: Bool {
        [.keepsScale, .sharesScale].contains(quantization) || self is any ElementwiseUnary || self is any ElementwiseBinary || self is BatchNormalization
    }
}
