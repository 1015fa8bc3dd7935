import WinnowGraph
import WinnowTensor

extension WeightTargets {
    /// Every target as codes of the scheme that it gets.
    ///
    /// - Parameters:
    ///   - matrices: what holds matrices whose codes come in blocks.
    ///   - choose: a target's scheme and why it is that one, or nil and why the target stays as it is.
    mutating func store(
        rounding: any WeightRounding = NearestRounding(), matrices: MatrixStorage = .dequantizeLinear,
        _ choose: (WeightTarget) -> (scheme: QuantizationScheme?, reason: String?)
    ) throws -> Graph {
        var storage = WeightStorage(graph, matrices: matrices)
        for target in targets {
            let (scheme, choice) = choose(target)
            if let scheme { store(target, scheme, choice, rounding, &storage) } else { keep(target, choice ?? "a rule keeps it") }
        }
        return try storage.apply()
    }

    /// Every target as codes of one scheme.
    mutating func store(_ scheme: QuantizationScheme) throws -> Graph { try store { _ in (scheme, nil) } }

    private mutating func store(
        _ target: WeightTarget, _ scheme: QuantizationScheme, _ choice: String?, _ rounding: any WeightRounding,
        _ storage: inout WeightStorage
    ) {
        let values = target.values
        var rounded: Tensor?
        let (encoded, reason) = scheme.encoded(values, channelAxis: target.channelAxis, inputAxis: target.inputAxis) { parameters in
            rounded = rounding.rounded(target, parameters)
            return rounded
        }
        guard isWorthwhile(target, encoded) else { return }
        storage.store(encoded, inPlaceOf: target, &names)
        if rounded == nil, type(of: rounding).needs != .nothing {
            let why = scheme.isInteger ? "the data tells nothing of its inputs" : "its codes are no integers"
            note(Finding(target.tensor, .fellBack, .elementSize, reason: "rounded to the nearest: \(why)"))
        }
        if case .affine(let parameters) = encoded.meaning {
            if let reason { note(Finding(target.tensor, .fellBack, .elementSize, reason: reason)) }
            var finding = Finding.quantized(target.tensor, values, parameters, as: rounded, from: target.stored.elementType)
            if let choice { finding.reason = "\(choice), \(finding.reason)" }
            note(finding)
        } else {
            noteTable(target, values, encoded, reason.map { "\($0); " } ?? choice.map { "\($0), " } ?? "", isMilder: reason != nil)
        }
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
    private mutating func isWorthwhile(_ target: WeightTarget, _ encoded: EncodedWeight) -> Bool {
        let (before, after) = (target.stored.byteCount, encoded.byteCount)
        guard after >= before else { return true }
        let parts = switch encoded.meaning {
        case .affine: "codes and scales"
        case .table(_, nil): "codes and palette"
        case .table: "codes, table and scales"
        }
        keep(target, "stays \(target.stored.elementType): \(parts) would take \(after) bytes instead of \(before)")
        return false
    }
}
