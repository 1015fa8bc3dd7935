import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A contraction and the nodes after it that multiply its channels by constants and add constants to them.
struct AffineRun {
    let node: Node
    let followers: [Node]
    private let contraction: any ChannelContraction
    private let affine: AxisAffine

    /// Why it cannot be folded.
    struct Refusal: Error {
        let subject: String
        let reason: String
    }

    /// nil where no such nodes follow.
    init?(after node: Node, in index: GraphIndex) {
        guard let contraction = node.op as? any ChannelContraction, var value = node.output(0), node.input(3) == nil,
            let axis = contraction.channelAxes(of: node, in: index)?.output, index.info(of: value)?.elementType == .float32
        else { return nil }
        var (followers, whole): ([Node], AxisAffine?) = ([], nil)
        while let follower = index.soleConsumer(of: value), let output = follower.output(0),
            let affine = (follower.op as? any ChannelAffine)?.affine(of: follower, on: value, axis: axis, in: index)
        {
            followers.append(follower)
            whole = whole?.followed(by: affine) ?? affine
            value = output
        }
        guard let whole else { return nil }
        (self.node, self.followers, self.contraction, affine) = (node, followers, contraction, whole)
    }

    /// The edit that puts the followers into weight and bias; nil where nothing would be gained.
    func folding(in index: GraphIndex, names: inout FreshNames) -> Result<GraphEdit?, Refusal> {
        let takesBias = type(of: contraction).maximumInputCount > 2
        let needsTerm = !takesBias && affine.shift.contains { $0 != 0 }
        // A product with a term after it is as short as can be.
        let isTerm = followers.count == 1 && (followers[0].op is Add || followers[0].op is Sub)
        guard !needsTerm || !isTerm else { return .success(nil) }
        guard let weight = node.input(1), let folded = contraction.folding(affine, into: node, in: index) else {
            return .failure(Refusal(subject: followers[0].name, reason: "weight or bias of \(node.name) is no constant of channels"))
        }
        let isFinite = [folded.filter, folded.bias].allSatisfy { $0?.finiteness == nil }
        guard isFinite || index.constant(weight)?.finiteness != nil else {
            return .failure(Refusal(subject: followers[0].name, reason: "what it multiplies or adds is not finite, or makes weights that are not"))
        }
        let isShared = index.soleConsumer(of: weight) == nil
        if let filter = folded.filter, isShared, filter.byteCount > freedByteCount(in: index) {
            return .failure(Refusal(subject: weight, reason: "it is shared by several nodes; folding would store it twice"))
        }
        var edit = GraphEdit(replacing: [node.name] + followers.map(\.name), with: [])
        var inputs = [node.inputs[0], weight]
        if let filter = folded.filter {
            if isShared { inputs[1] = names.value("\(weight).folded") }
            edit.initializers.append((inputs[1], filter))
        }
        let bias = takesBias || needsTerm ? biasName(in: index, names: &names) : ""
        if !bias.isEmpty { edit.initializers.append((bias, folded.bias)) }
        let output = followers[followers.count - 1].outputs[0]
        let value = needsTerm ? node.outputs[0] : output
        edit.addedNodes = [
            Node(
                name: node.name, op: contraction.withPlainBias, inputs: inputs + (takesBias ? [bias] : []), outputs: [value],
                notes: node.notes)
        ]
        if needsTerm {
            let name = followers.last { $0.op is Add }?.name ?? names.node("\(node.name).bias")
            edit.addedNodes.append(Node(name: name, op: Add(), inputs: [value, bias], outputs: [output]))
        }
        return .success(edit)
    }

    /// The bias keeps the name of the one that was there, of the node itself or added after it, if nothing else reads that.
    private func biasName(in index: GraphIndex, names: inout FreshNames) -> ValueName {
        let added = followers.last { $0.op is Add }?.inputs.first { index.constant($0) != nil }
        for name in [node.input(2), added].compactMap({ $0 }) where index.soleConsumer(of: name) != nil { return name }
        return names.value("\(node.name).bias")
    }

    /// The bytes of constants that only the followers read.
    private func freedByteCount(in index: GraphIndex) -> Int {
        Set(followers.flatMap(\.inputs)).reduce(0) { sum, name in
            sum + (index.soleConsumer(of: name) == nil ? 0 : index.constant(name)?.byteCount ?? 0)
        }
    }
}
