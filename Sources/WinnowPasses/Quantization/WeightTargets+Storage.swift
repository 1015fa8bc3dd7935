import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

extension WeightTarget {
    /// Why unsigned bytes have one scale: ONNX Runtime 1.31 makes an integer product of codes on both sides, which it then refuses but for
    /// one matrix on the right.
    fileprivate func objectionToUnsignedChannels(
        in index: GraphIndex, _ origins: [ValueName: ValueName], _ coded: Set<ValueName>
    ) -> String? {
        let isRefused = sites.contains { site in
            guard site.node.op is any MatrixForm, site.inputIndex == 0 || stored.rank > 2, let other = site.node.input(1 - site.inputIndex)
            else { return false }
            return index.producer(of: other)?.op is DequantizeLinear || origins[other].map(coded.contains) ?? false
        }
        return isRefused ? "one scale for the weight: ONNX Runtime refuses unsigned codes on both sides of a product otherwise" : nil
    }
}

extension WeightTargets {
    /// Every target as codes of the scheme that it gets.
    ///
    /// - Parameters:
    ///   - matrices: what holds matrices whose codes come in blocks.
    ///   - tables: what holds tables whose rows are looked up.
    ///   - twoBits: what holds codes of 2 bits elsewhere.
    ///   - given: parameters that targets have in place of those of their scheme.
    ///   - encoding: the codes of a target whose scheme's are no integers, and why they are not as asked for; nil: as the scheme has them.
    ///   - choose: a target's scheme and why it is that one, or nil and why the target stays as it is.
    mutating func store(
        rounding: RoundingChoice = RoundingChoice(), _ context: PassContext = PassContext(),
        matrices: MatrixStorage = .dequantizeLinear, tables: TableStorage = .dequantizeLinear, twoBits: TwoBitStorage = .int4,
        given: [ValueName: QuantizationParameters] = [:],
        encoding: ((WeightTarget) -> (encoded: EncodedWeight, reason: String?))? = nil,
        _ choose: (WeightTarget) -> (scheme: QuantizationScheme?, reason: String?)
    ) throws -> Graph {
        var storage = WeightStorage(graph, matrices: matrices, tables: tables, twoBits: twoBits)
        var (integers, schemes): ([WeightTarget], [ValueName: (scheme: QuantizationScheme, choice: String?)]) = ([], [:])
        for target in targets {
            let (scheme, choice) = choose(target)
            guard let scheme else { keep(target, choice ?? "a rule keeps it"); continue }
            if scheme.isInteger || given[target.tensor] != nil {
                integers.append(target)
                schemes[target.tensor] = (scheme, choice)
            } else {
                let values = target.values
                let (encoded, reason) = encoding?(target)
                    ?? scheme.encoded(values, channelAxis: target.channelAxis, inputAxis: target.inputAxis)
                storeTable(target, values, encoded, reason, choice, &storage)
                if rounding.isAsked { note(RoundingChoice.nearest(target, "its codes are no integers")) }
            }
        }
        let (known, index) = (schemes, GraphIndex(graph))
        let coded = Set(schemes.keys)
        let origins = schemes.values.contains { $0.scheme.elementType == .uint8 } ? graph.constantOrigins : [:]
        try rounding.round(integers, in: graph, seesData: !isBody, context) { target, weight in
            if let own = given[target.tensor] { return (own, nil) }
            let scheme = known[target.tensor]?.scheme
            let objection = scheme?.elementType == .uint8 ? target.objectionToUnsignedChannels(in: index, origins, coded) : nil
            return scheme?.parameters(for: weight, channelAxis: target.channelAxis, inputAxis: target.inputAxis, objection: objection)
                ?? (QuantizationScheme(bits: 8, .tensor).parameters(for: weight, channelAxis: nil))
        } done: { task, rounded in
            storeIntegers(task, rounded, known[task.target.tensor]?.choice, rounding, &storage)
        }
        return try storage.apply()
    }

    /// Every target as codes of one scheme.
    mutating func store(_ scheme: QuantizationScheme) throws -> Graph { try store { _ in (scheme, nil) } }

    private mutating func storeIntegers(
        _ task: RoundingTask, _ rounded: RoundedWeight?, _ choice: String?, _ rounding: RoundingChoice, _ storage: inout WeightStorage
    ) {
        let (target, values) = (task.target, task.target.values)
        let (encoded, remark) = storage.typed(EncodedWeight(rounded?.values ?? values, rounded?.parameters ?? task.parameters), of: target)
        guard isWorthwhile(target, encoded) else { return }
        storage.store(encoded, inPlaceOf: target, &names)
        if let finding = rounding.nearest(task, rounded) { note(finding) }
        if let reason = task.reason { note(Finding(target.tensor, .fellBack, .elementSize, reason: reason)) }
        var parameters = task.parameters
        parameters.elementType = encoded.codes.elementType
        var finding = Finding.quantized(target.tensor, values, parameters, as: rounded?.values, from: target.stored.elementType)
        for remark in [remark, choice].compactMap({ $0 }) { finding.reason = "\(remark), \(finding.reason)" }
        note(finding)
    }

    private mutating func storeTable(
        _ target: WeightTarget, _ values: Tensor, _ encoded: EncodedWeight, _ reason: String?, _ choice: String?,
        _ storage: inout WeightStorage
    ) {
        let encoded = storage.typed(encoded, of: target).encoded
        guard isWorthwhile(target, encoded) else { return }
        storage.store(encoded, inPlaceOf: target, &names)
        noteTable(target, values, encoded, reason.map { "\($0); " } ?? choice.map { "\($0), " } ?? "", isMilder: reason != nil)
    }

    private mutating func noteTable(_ target: WeightTarget, _ values: Tensor, _ encoded: EncodedWeight, _ remark: String, isMilder: Bool) {
        let size: String? = switch encoded.meaning {
        case .table(let table, nil): "\(table.count) numbers"
        case .words(let words): "\(words.table.shape[0]) \(words.width == 1 ? "numbers" : "vectors of \(words.width)") in all"
        default: nil
        }
        let error = values.relativeError { encoded.numbers(in: $0) }
        var finding = Finding(
            target.tensor, isMilder ? .fellBack : .done, .byteCount, before: Double(target.stored.byteCount),
            after: Double(encoded.byteCount), reason: "\(remark)\(size.map { "\($0), " } ?? "")relative error \(error)")
        finding.codes = Finding.Codes("\(encoded.codes.elementType) codes of a table\(size.map { ": \($0)" } ?? "")").with(relativeError: error)
        note(finding)
    }

    /// Whether codes take fewer bytes than the weight does; where not, the weight is noted as kept.
    private mutating func isWorthwhile(_ target: WeightTarget, _ encoded: EncodedWeight) -> Bool {
        let (before, after) = (target.stored.byteCount, encoded.byteCount)
        guard after >= before else { return true }
        let parts = switch encoded.meaning {
        case .affine: "codes and scales"
        case .table(_, nil), .words: "codes and palette"
        case .table: "codes, table and scales"
        }
        keep(target, "stays \(target.stored.elementType): \(parts) would take \(after) bytes instead of \(before)")
        return false
    }
}
