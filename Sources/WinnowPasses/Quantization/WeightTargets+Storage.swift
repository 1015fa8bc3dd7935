import WinnowGraph
import WinnowKernels
import WinnowTensor

extension WeightTargets {
    /// Every target as codes of the scheme that it gets.
    ///
    /// - Parameters:
    ///   - palette: the numbers that a target's palette has; nil: found by k-means.
    ///   - choose: a target's scheme and why it is that one, or nil and why the target stays as it is.
    mutating func store(
        rounding: RoundingChoice = RoundingChoice(), _ context: PassContext = PassContext(), palette: (WeightTarget) -> Palette? = { _ in nil },
        _ choose: (WeightTarget) -> (scheme: QuantizationScheme?, reason: String?)
    ) throws -> Graph {
        var storage = WeightStorage(graph)
        var tasks: [RoundingTask] = []
        var remarks: [ValueName: (choice: String?, reason: String?)] = [:]
        for target in targets {
            let (scheme, choice) = choose(target)
            guard let scheme else { keep(target, choice ?? "a rule keeps it"); continue }
            guard scheme.isInteger else {
                storeTable(target, scheme, palette(target), choice, &storage)
                if rounding.needs != .nothing { noteNearest(target, "its codes are no integers") }
                continue
            }
            func parameters(_ weight: Tensor) -> (parameters: QuantizationParameters, reason: String?) {
                scheme.parameters(for: weight, channelAxis: target.channelAxis, inputAxis: target.inputAxis)
            }
            let (own, reason) = parameters(target.values)
            guard isWorthwhile(target, own.byteCount(for: target.stored.shape), "codes and scales") else { continue }
            remarks[target.tensor] = (choice, reason)
            tasks.append(RoundingTask(target, own) { parameters($0).parameters })
        }
        try rounding.round(tasks, in: graph, seesData: !isBody, context) { task, rounded in
            let target = task.target
            storage.store(
                EncodedWeight(rounded?.values ?? target.values, rounded?.parameters ?? task.parameters), inPlaceOf: target, &names)
            if rounded == nil, rounding.needs != .nothing { noteNearest(target, "the data tells nothing of its inputs") }
            let (choice, reason) = remarks[target.tensor] ?? (nil, nil)
            if let reason { note(Finding(target.tensor, .fellBack, .elementSize, reason: reason)) }
            var finding = Finding.quantized(
                target.tensor, target.values, task.parameters, as: rounded?.values, from: target.stored.elementType)
            if let choice { finding.reason = "\(choice), \(finding.reason)" }
            note(finding)
        }
        return try storage.apply()
    }

    /// Every target as codes of one scheme.
    mutating func store(_ scheme: QuantizationScheme) throws -> Graph { try store { _ in (scheme, nil) } }

    private mutating func noteNearest(_ target: WeightTarget, _ why: String) {
        note(Finding(target.tensor, .fellBack, .elementSize, reason: "rounded to the nearest: \(why)"))
    }

    private mutating func storeTable(
        _ target: WeightTarget, _ scheme: QuantizationScheme, _ palette: Palette?, _ choice: String?, _ storage: inout WeightStorage
    ) {
        let values = target.values
        let (encoded, reason) = scheme.encoded(values, channelAxis: target.channelAxis, inputAxis: target.inputAxis, palette: palette)
        guard case .table(_, let scales) = encoded.meaning,
            isWorthwhile(target, encoded.byteCount, scales == nil ? "codes and palette" : "codes, table and scales")
        else { return }
        storage.store(encoded, inPlaceOf: target, &names)
        noteTable(target, values, encoded, reason.map { "\($0); " } ?? choice.map { "\($0), " } ?? "", isMilder: reason != nil)
    }

    private mutating func noteTable(_ target: WeightTarget, _ values: Tensor, _ encoded: EncodedWeight, _ remark: String, isMilder: Bool) {
        guard case .table(let table, let scales) = encoded.meaning else { return }
        let error = values.relativeError { encoded.numbers(in: $0) }
        let count = scales == nil ? "\(table.count) numbers, " : ""
        note(
            Finding(
                target.tensor, isMilder ? .fellBack : .done, .byteCount, before: Double(target.stored.byteCount),
                after: Double(encoded.byteCount), reason: "\(remark)\(count)relative error \(error)"))
    }

    /// Whether codes take fewer bytes than the weight does; where not, the weight is noted as kept.
    private mutating func isWorthwhile(_ target: WeightTarget, _ after: Int, _ parts: String) -> Bool {
        let before = target.stored.byteCount
        guard after >= before else { return true }
        keep(target, "stays \(target.stored.elementType): \(parts) would take \(after) bytes instead of \(before)")
        return false
    }
}
