import WinnowGraph
import WinnowOperators
import WinnowTensor

/// How large the sums of integer layers can become, whatever their data, and their biases that stay float in steps of these sums.
struct IntegerAudit {
    private(set) var findings: [Finding] = []

    init(of graph: Graph) {
        let index = GraphIndex(graph)
        var saturating: [String] = []
        var layers = 0
        for site in graph.weightSites where site.node.op.quantization == .contraction {
            guard let data = index.producer(of: site.node.input(1 - site.inputIndex)), data.op is DequantizeLinear,
                let codes = graph.infos[data.inputs[0]]?.elementType, let range = codes.integerRange,
                case .affine(let parameters)? = EncodedWeight(of: site.operand, in: index)?.meaning,
                let weight = index.producer(of: site.operand).flatMap({ index.constant($0.input(0)) }), weight.elementType == .int8
            else { continue }
            layers += 1
            let sums = ChannelSums(weight, axis: parameters.axis ?? site.operandAxis)
            let largest = max(range.upperBound, -range.lowerBound)
            if codes == .uint8, sums.pair * largest > Int(Int16.max) { saturating.append(site.node.name) }
            if sums.whole * largest > Int(Int32.max) {
                let reason = "its sums reach \(sums.whole * largest) in the worst case, beyond 32 bits"
                findings.append(Finding(site.node.name, .fellBack, reason: reason))
            }
            if let bias = index.constant(site.node.input(2))?.channelBias(of: site, in: index), let step = index.constant(data.input(1)),
                step.elementCount == 1, !Self.fits(bias.floats(), step: step.doubles()[0], parameters.scales)
            {
                let reason = "its bias is beyond 32 bits in steps of its sums: runtimes that add it to these compute something else; "
                    + "a profile with integer biases makes the steps larger"
                findings.append(Finding(site.node.name, .fellBack, reason: reason))
            }
        }
        guard let first = saturating.first else { return }
        findings.append(
            Finding(
                "graph", .kept,
                reason: "on x86 processors without VNNI, sums of two products of \(saturating.count) of \(layers) layers can "
                    + "exceed 16 bits, as in \(first): reduce-range keeps them within"))
    }
}

extension IntegerAudit {
    /// Whether biases in steps of data times weights are within int32.
    private static func fits(_ biases: [Float], step: Double, _ scales: [Float]) -> Bool {
        biases.indices.allSatisfy { channel in
            guard let scale = scales.count == 1 ? scales.first : scales.indices.contains(channel) ? scales[channel] : nil else { return true }
            return Double(biases[channel].magnitude) <= Double(Int32.max) * step * Double(scale)
        }
    }
}

/// The largest sums of magnitudes of one sign over the codes of any channel.
private struct ChannelSums {
    /// Of two codes.
    private(set) var pair = 0
    /// Of all codes.
    private(set) var whole = 0

    init(_ weight: Tensor, axis: Int?) {
        let extent = axis.map { weight.shape[$0] } ?? 1
        let inner = axis.map { weight.shape.dropFirst($0 + 1).reduce(1, *) } ?? weight.elementCount
        // By channel: the two largest codes of either sign, and the sums of either sign.
        var tops = [SIMD4<Int>](repeating: .zero, count: extent)
        var sums = [SIMD2<Int>](repeating: .zero, count: extent)
        weight.withElements(Int8.self) { codes in
            for index in codes.indices {
                let (channel, code) = (index / max(1, inner) % extent, Int(codes[index]))
                let (sign, size) = (code < 0 ? 1 : 0, code.magnitude)
                sums[channel][sign] += Int(size)
                if Int(size) > tops[channel][2 * sign] {
                    tops[channel][2 * sign + 1] = tops[channel][2 * sign]
                    tops[channel][2 * sign] = Int(size)
                } else if Int(size) > tops[channel][2 * sign + 1] {
                    tops[channel][2 * sign + 1] = Int(size)
                }
            }
        }
        pair = tops.map { max($0[0] + $0[1], $0[2] + $0[3]) }.max() ?? 0
        whole = sums.map { max($0[0], $0[1]) }.max() ?? 0
    }
}
