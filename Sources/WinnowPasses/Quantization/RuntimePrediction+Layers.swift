import WinnowGraph
import WinnowOperators
import WinnowTensor

extension RuntimePrediction {
    /// Why a layer whose weight and data are codes is computed in float all the same; nil where it is computed in integers.
    func objection(to site: WeightSite) -> String? {
        let type = site.node.op.type
        if profile.floatLayers.contains(type.name) { return "it has no integer kernel for \(type)" }
        if let reason = profile.mergesLayers ? objectionToMerging(site) : objectionToOperands(of: site) { return reason }
        return profile.floatResults.contains(type.name) || index.givesCodes(site.node) ? nil : "its result does not become codes"
    }

    /// As ONNX Runtime 1.31 has it on x86, with extended optimizations and with all: it takes the codes of a layer and what it merged with it
    /// where data of uint8 (int8 becomes that) come first, what is added is int32, and no Relu or Clip behind gives floats to one reader.
    private func objectionToMerging(_ site: WeightSite) -> String? {
        var (last, added, isWeightFirst) = (site.node, site.node.input(2), site.inputIndex == 0)
        if let (sum, other) = index.mergedSum(behind: site.node) {
            (last, added) = (sum, other)
        } else if let transpose = index.mergedTranspose(behind: site.node) {
            last = transpose
            isWeightFirst.toggle()
        }
        let codes = index.producer(of: site.operand)?.input(0)
        if isWeightFirst, index.info(of: codes)?.elementType.isSigned ?? false { return "its data come behind signed codes of its weight" }
        if let added, !isIntegerBias(added, of: site.node) { return "\(added), which it adds, is no bias of int32" }
        // Products of data with more than two axes that were merged have a Reshape behind them.
        if last.name != site.node.name, index.info(of: last.output(0))?.rank != 2 { return nil }
        return floatLimiter(behind: last).map { "\($0.op.type) behind it does not give codes" }
    }

    /// Constant biases of Conv become int32 when the runtime loads them.
    private func isIntegerBias(_ value: ValueName, of node: Node) -> Bool {
        if node.op is any MatrixForm { return index.standsForSums(value) && node.op.hasNoFactors }
        return index.standsForSums(value) || index.constant(value) != nil
    }

    /// What limits a node's result for one reader that does not make such codes of it as leave the limits nothing to do.
    private func floatLimiter(behind node: Node) -> Node? {
        guard let output = node.output(0), index.consumers(of: output).count == 1, let limiter = index.consumers(of: output).first,
            case .between(let limits)? = limiter.op.passing(of: limiter, in: index), let reader = index.soleConsumer(of: limiter.output(0))
        else { return nil }
        return index.isOutput(output) || !index.makesNeedless(limits, reader) ? limiter : nil
    }

    /// As OpenVINO 2026.4 has it on x86 with VNNI and without AMX: a ConvTranspose takes data whose code of 0 is 0, and a weight that comes
    /// first data whose code of 0 is the middle one, with a scale for each channel where that is 0.
    private func objectionToOperands(of site: WeightSite) -> String? {
        guard let data = index.producer(of: site.node.input(1 - site.inputIndex)), let type = index.info(of: data.input(0))?.elementType
        else { return nil }
        let zeroPoint = index.constant(data.input(2))?.integers().first ?? 0
        if let op = site.node.op as? ConvTranspose {
            if op.groups > 1 { return "it has no integer kernel for ConvTranspose with groups" }
            return zeroPoint == 0 ? nil : "the zero point of its data is \(zeroPoint), not 0"
        }
        guard site.inputIndex == 0 else { return nil }
        let scaleCount = index.producer(of: site.operand).flatMap { index.constant($0.input(1)) }?.elementCount ?? 1
        let isTaken = type.isSigned ? zeroPoint == 0 : zeroPoint == 128 && scaleCount == 1
        return isTaken ? nil : "its data come behind its weight"
    }
}
