package import WinnowGraph
import WinnowTensor

/// Multiplies a BatchNormalization into the weights of the Conv or Gemm before it.
///
/// W′ = W·γ/√(σ²+ε) along the output channels, b′ = (b−μ)·γ/√(σ²+ε) + β.
/// ```
/// %2 = Conv(%1, @w, @b)
/// %3 = BatchNormalization(%2, @γ, @β, @μ, @σ²)   →   %3 = Conv(%1, @w′, @b′)
/// ```
package struct FoldBatchNorm: Pass {
    package static let name = "fold-batch-norm"
    package static let summary = "multiplies BatchNormalization into the Conv or Gemm before it"
    package static let guide = """
        W' = W·γ/√(σ²+ε) along the output channels, b' = (b−μ)·γ/√(σ²+ε) + β. The outputs stay the same up to rounding. \
        Fold before quantizing; keep BatchNormalization while training.
        """

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        var result = graph
        var ledger = WeightLedger(graph)
        for node in graph.nodes where node.op.type.description == "BatchNormalization" {
            switch try Self.fold(node, in: GraphIndex(result)) {
            case .success(let edit):
                result = try result.applying(edit)
                ledger.note(Finding(node.name, quantity: "nodes", before: 1, after: 0))
            case .failure(let reason): ledger.skip(node.name, reason.text)
            }
        }
        for name in graph.weightTensors {
            if result.initializers[name] == nil { ledger.note(.bytes(of: name, from: graph, to: result)) } else if
                let old = graph.initializers[name], let new = result.initializers[name], old != new
            {
                ledger.note(Finding(
                    name, quantity: "largest magnitude", before: Double(old.largestMagnitude),
                    after: Double(new.largestMagnitude)))
            }
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "no BatchNormalization follows it" })
    }

    private struct Reason: Error { var text: String }

    private static func fold(_ node: Node, in index: GraphIndex) throws -> Result<GraphEdit, Reason> {
        func refuse(_ text: String) -> Result<GraphEdit, Reason> { .failure(Reason(text: text)) }
        guard let input = node.input(0), let producer = index.producer(of: input),
            index.soleConsumer(of: input)?.name == node.name, let output = node.output(0)
        else { return refuse("its input is not made for it alone") }
        guard ["Conv", "ConvTranspose", "Gemm"].contains(producer.op.type.description) else {
            return refuse("it follows \(producer.op.type), not a Conv or Gemm")
        }
        guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else { return refuse("its statistics are read") }
        guard let site = index.graph.weightSites.first(where: { $0.node.name == producer.name && $0.inputIndex == 1 }),
            let weight = index.constant(site.tensor), weight.elementType == .float32,
            index.soleConsumer(of: site.tensor) != nil
        else { return refuse("the weight before it is not a float32 constant of its own") }
        let map = producer.op.axes(for: producer.inputs.map { $0.isEmpty ? nil : index.graph.infos[$0] })
        guard let axis = site.outputAxis, map.outputs[0].count > 1, map.inputs[1][axis] == map.outputs[0][1] else {
            return refuse("the weight's axes do not tell which of them makes the channels")
        }
        guard let affine = try ChannelAffine(of: node, in: index), affine.scale.count == weight.shape[axis] else {
            return refuse("its parameters are no constants")
        }
        let bias = try bias(of: producer, in: index, channels: affine.scale.count)
        guard let bias else { return refuse("the bias before it is no constant of one number a channel") }
        let beta = Double(try producer.op.attributes.float("beta", default: 1))
        guard beta != 0 else { return refuse("the Gemm before it has beta 0") }
        let newBias = bias.indices.map { Float(bias[$0] * affine.scale[$0] + affine.shift[$0] / beta) }
        var folded = producer
        let biasName = index.graph.freshValueName("\(producer.name).bias")
        folded.inputs = Array((producer.inputs + ["", ""]).prefix(2)) + [biasName]
        folded.outputs = producer.outputs.map { $0 == input ? output : $0 }
        var edit = GraphEdit(replacing: [producer.name, node.name], with: [folded])
        edit.initializers = [(site.tensor, weight.scaled(by: affine.scale, axis: axis)), (biasName, Tensor(newBias))]
        return .success(edit)
    }

    private static func bias(of node: Node, in index: GraphIndex, channels: Int) throws -> [Double]? {
        guard let name = node.input(2) else { return [Double](repeating: 0, count: channels) }
        guard let tensor = index.constant(name), tensor.elementType == .float32 else { return nil }
        let values = tensor.doubles()
        if values.count == 1 { return [Double](repeating: values[0], count: channels) }
        return values.count == channels && tensor.shape.last == channels ? values : nil
    }
}

/// A normalization with fixed statistics as y = scale·x + shift, one pair a channel.
struct ChannelAffine {
    var scale: [Double]
    var shift: [Double]

    init?(of node: Node, in index: GraphIndex) throws {
        let constants = (1...4).compactMap { index.constant(node.input($0))?.doubles() }
        guard constants.count == 4 else { return nil }
        let epsilon = Double(try node.op.attributes.float("epsilon", default: 1e-5))
        let scale = zip(constants[0], constants[3]).map { $0 / ($1 + epsilon).squareRoot() }
        shift = constants[1].indices.map { constants[1][$0] - constants[2][$0] * scale[$0] }
        self.scale = scale
    }
}

extension Tensor {
    /// The float32 tensor with every slice along `axis` multiplied by its factor.
    func scaled(by factors: [Double], axis: Int) -> Tensor {
        var result = self
        let inner = shape[(axis + 1)...].reduce(1, *)
        result.withMutableElements(Float.self) { values in
            for i in values.indices { values[i] = Float(Double(values[i]) * factors[(i / inner) % factors.count]) }
        }
        return result
    }

    /// The largest absolute value of a float32 tensor.
    var largestMagnitude: Float { elements(Float.self)?.reduce(0) { max($0, $1.magnitude) } ?? 0 }
}
