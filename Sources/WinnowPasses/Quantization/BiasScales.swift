import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph with the scales of weights raised where a bias would not fit int32, or where all of a channel's weights round
    /// to zero and its scale says nothing of its size.
    ///
    /// A bias is stored in steps of s_x · s_w, which the runtimes ask for, so a tiny s_w makes codes that overflow. Codes stay
    /// below 2³⁰: half of int32 is left for the sums. Weights lose nothing that shows beside such a bias.
    ///
    /// - Parameter toPowers: whether scales are powers of two.
    func raisingScalesForBiases(toPowers: Bool = false) throws -> Graph {
        let index = GraphIndex(self)
        var raised: [ValueName: [Float]] = [:]
        for site in weightSites where site.node.op.quantization == .contraction {
            guard let bias = site.node.input(2).flatMap({ biasNumbers($0)?.channelBias(of: site, in: index) }),
                let dequantize = index.producer(of: site.operand), dequantize.op is DequantizeLinear,
                let quantize = index.producer(of: dequantize.input(0)), let op = quantize.op as? QuantizeLinear,
                op.scaleAxis.blockSize == 0, let scaleName = quantize.input(1), let scales = index.constant(scaleName),
                let data = index.producer(of: site.node.input(1 - site.inputIndex)), data.op is DequantizeLinear,
                let step = index.constant(data.input(1)), step.elementCount == 1, let source = quantize.input(0),
                let rank = infos[source]?.rank, let path = index.weightPath(to: source, rank: rank),
                let weight = try initializers[source] ?? computing(source, by: path.nodes), weight.elementType == .float32,
                let axis = try? Optional(op.scaleAxis.fittedAxis(shape: weight.shape, scale: scales.shape))
            else { continue }
            raised[scaleName] = BiasScales(weight: weight, axis: axis, bias: bias.floats(), dataScale: step.floats()[0])
                .raised(raised[scaleName] ?? scales.floats(), toPowers: toPowers)
        }
        let changed = raised.filter { initializers[$0.key]?.floats() != $0.value }.sorted { $0.key < $1.key }
        guard !changed.isEmpty else { return self }
        return try applying(GraphEdit(setting: changed.map { ($0.key, Tensor($0.value, shape: initializers[$0.key]?.shape ?? [])) }))
    }

    /// A bias as far as it is known: its numbers, or those it has where the caller gives none.
    private func biasNumbers(_ value: ValueName) -> Tensor? {
        initializers[value] ?? inputs.first { $0.name == value }?.defaultValue
    }
}

/// What the biases of a layer ask of its weight's scales.
private struct BiasScales {
    let weight: Tensor
    let axis: Int?
    let bias: [Float]
    let dataScale: Float

    /// Codes of biases stay below this.
    private static let limit = 0x1p30
    /// The code a bias gets where no weight says how large steps are.
    private static let alone = 0x1p24
    private static let smallestStep = 0x1p-120

    func raised(_ scales: [Float], toPowers: Bool) -> [Float] {
        let maxima = weight.largestMagnitudes(along: axis)
        return scales.indices.map { channel in
            let largest = scales.count == 1 ? bias.map(\.magnitude).max() ?? 0 : channel < bias.count ? bias[channel].magnitude : 0
            let isDead = channel < maxima.count && maxima[channel] < scales[channel] / 2
            guard largest > 0 else { return scales[channel] }
            let needed = Double(largest) / (Double(dataScale) * (isDead ? Self.alone : Self.limit))
            let floor = max(needed, Self.smallestStep / Double(dataScale))
            let least = toPowers ? Float(floor).nextUp.nextPowerOfTwo : Float(floor).nextUp
            return isDead ? least : max(scales[channel], least)
        }
    }
}

extension Tensor {
    /// A bias as one float32 number for each output channel of a layer; nil if it is something else.
    func channelBias(of site: WeightSite, in index: GraphIndex) -> Tensor? {
        guard elementType == .float32 else { return nil }
        guard site.node.op is Gemm else { return rank == 1 ? self : nil }
        guard let axis = site.operandAxis, let channels = index.info(of: site.operand)?.extents?[axis].value else { return nil }
        if elementCount == 1 { return Tensor([Float](repeating: floats()[0], count: channels)) }
        return elementCount == channels && shape.last == channels ? reshaped([channels]) : nil
    }

    /// The largest magnitude of each slice along an axis, or of all elements.
    func largestMagnitudes(along axis: Int?) -> [Float] {
        guard let axis else { return [largestMagnitude] }
        let inner = shape.dropFirst(axis + 1).reduce(1, *)
        var maxima = [Float](repeating: 0, count: shape[axis])
        withElements(Float.self) { values in
            for index in values.indices {
                let channel = index / inner % shape[axis]
                maxima[channel] = max(maxima[channel], values[index].magnitude)
            }
        }
        return maxima
    }
}
