package import WinnowGraph
import WinnowTensor

/// A graph run on every slice of some inputs, handing values on and collecting others.
package struct Scan: RepeatingOperator {
    package static let type = OperatorType("Scan")
    package static let maximumOutputCount = Int.max

    /// Which axis is walked along, and whether from its end.
    package struct Path: Sendable, Hashable {
        package var axis = 0
        package var isReversed = false

        package init() {}
    }

    package var body: Graph
    /// The paths along the scanned inputs, which are the last ones.
    package var inputPaths: [Path]
    /// The paths along the collected outputs, which are the last ones.
    package var outputPaths: [Path]
    /// Before operator set 9: the first input is a list of lengths, and every other operand has an axis of samples in front.
    package var isBatched: Bool

    package init(_ body: Graph, scannedInputs count: Int) {
        self.body = body
        inputPaths = [Path](repeating: Path(), count: count)
        outputPaths = [Path](repeating: Path(), count: body.outputs.count - body.inputs.count + count)
        isBatched = false
    }

    package init(attributes: Attributes, version: Int) throws {
        let body = try attributes.body("body")
        let count = try attributes.int("num_scan_inputs", default: 0)
        guard count > 0, count <= body.inputs.count, body.outputs.count >= body.inputs.count - count else {
            throw WinnowError(.model, "num_scan_inputs", "does not fit the body")
        }
        self.init(body, scannedInputs: count)
        isBatched = version < 9
        func read(_ name: String, _ paths: inout [Path], _ set: (inout Path, Int) -> Void) throws {
            guard let values = try attributes.ints(name) else { return }
            guard values.count == paths.count else { throw WinnowError(.model, name, "has \(values.count) numbers, not \(paths.count)") }
            for index in paths.indices { set(&paths[index], values[index]) }
        }
        try read(isBatched ? "directions" : "scan_input_directions", &inputPaths) { $0.isReversed = $1 != 0 }
        try read("scan_output_directions", &outputPaths) { $0.isReversed = $1 != 0 }
        try read("scan_input_axes", &inputPaths) { $0.axis = $1 }
        try read("scan_output_axes", &outputPaths) { $0.axis = $1 }
    }

    package var bodies: [String: Graph] { ["body": body] }

    package var attributes: Attributes {
        var attributes: Attributes = ["body": .graph(body), "num_scan_inputs": .int(inputPaths.count)]
        func write(_ name: String, _ values: [Int]) { if values.contains(where: { $0 != 0 }) { attributes[name] = .ints(values) } }
        write(isBatched ? "directions" : "scan_input_directions", inputPaths.map { $0.isReversed ? 1 : 0 })
        write("scan_output_directions", outputPaths.map { $0.isReversed ? 1 : 0 })
        write("scan_input_axes", inputPaths.map(\.axis))
        write("scan_output_axes", outputPaths.map(\.axis))
        return attributes
    }

    package var minimumVersion: Int { isBatched ? 8 : 9 }
    package var maximumVersion: Int { isBatched ? 8 : .max }
    private var stateCount: Int { body.inputs.count - inputPaths.count }
    package var states: [(input: Int, output: Int)] { isBatched ? [] : (0..<stateCount).map { ($0, $0) } }

    package func outputs(for inputs: [ValueInfo?], around: [ValueName: ValueInfo]) throws -> [ValueInfo] {
        if isBatched { return body.bodyOutputs.map { ValueInfo($0.elementType, nil) } }
        let steady = try steadyOutputs(for: inputs, around)
        let results = steady ?? body.bodyOutputs
        let states = try steady.map { Array($0[..<stateCount]) }
            ?? (0..<stateCount).map { try inputs.required($0).withoutSymbols.common(with: results[$0]) }
        let first = try inputs.required(stateCount)
        let length = try first.extents.map { $0[try inputPaths[0].axis.normalizedAxis(rank: $0.count)] } ?? .unknown
        let collected = try zip(results.dropFirst(stateCount), outputPaths).map { slice, path -> ValueInfo in
            var info = slice
            if let extents = slice.extents {
                info.type.extents?.insert(length, at: try path.axis.normalizedAxis(rank: extents.count + 1))
            }
            return info
        }
        return states + collected
    }

    private func steadyOutputs(for inputs: [ValueInfo?], _ around: [ValueName: ValueInfo]) throws -> [ValueInfo]? {
        let types = try inputs.enumerated().map { index, info -> ValueType? in
            guard var type = info?.type, index >= stateCount, index < body.inputs.count, let rank = type.rank else { return info?.type }
            type.extents?.remove(at: try inputPaths[index - stateCount].axis.normalizedAxis(rank: rank))
            return type
        }
        return body.steadyOutputs(for: types, states: states, around: around)
    }

    package func compute(_ inputs: [Datum?], run: (String, [Datum]) throws -> [Datum]) throws -> [Datum] {
        func step(_ tensors: [Tensor]) throws -> [Tensor] {
            let results: [Datum?] = try run("body", tensors.map { .tensor($0) })
            return try results.indices.map { try results.tensor($0) }
        }
        let tensors = inputs.indices.compactMap { inputs.optionalTensor($0) }
        guard isBatched else { return try scan(tensors, step).map { .tensor($0) } }
        guard inputs.optionalTensor(0) == nil else { throw WinnowError(.unsupported, "sequence_lens", "is not supported") }
        guard tensors.allSatisfy({ $0.rank > 0 && $0.shape[0] == tensors[0].shape[0] }) else {
            throw WinnowError(.shape, "inputs", "differ in the number of samples")
        }
        let samples = tensors.map { $0.slices(axis: 0) }
        let results = try (0..<(samples.first?.count ?? 0)).map { index in try scan(samples.map { $0[index] }, step) }
        let infos = body.bodyOutputs
        return try infos.indices.map { output in
            .tensor(try Tensor.stacked(results.map { $0[output] }, axis: 0, empty: infos[output]))
        }
    }

    private func scan(_ inputs: [Tensor], _ run: ([Tensor]) throws -> [Tensor]) throws -> [Tensor] {
        guard inputs.count == body.inputs.count else { throw WinnowError(.model, "body", "takes \(body.inputs.count) inputs") }
        var states = Array(inputs[..<stateCount])
        let scanned = try zip(inputs[stateCount...], inputPaths).map { tensor, path in
            let slices = tensor.slices(axis: try path.axis.normalizedAxis(rank: tensor.rank))
            return path.isReversed ? slices.reversed() : slices
        }
        let length = scanned[0].count
        guard scanned.allSatisfy({ $0.count == length }) else { throw WinnowError(.shape, "scanned inputs", "differ in length") }
        var collected = [[Tensor]](repeating: [], count: outputPaths.count)
        for step in 0..<length {
            let results = try run(states + scanned.map { $0[step] })
            states = Array(results[..<stateCount])
            for index in collected.indices { collected[index].append(results[stateCount + index]) }
        }
        let infos = body.bodyOutputs
        return try states + collected.indices.map { index in
            let (path, info) = (outputPaths[index], infos[stateCount + index])
            let rank = (collected[index].first?.rank ?? info.rank ?? 0) + 1
            return try Tensor.stacked(
                path.isReversed ? collected[index].reversed() : collected[index],
                axis: path.axis.normalizedAxis(rank: rank), empty: info)
        }
    }
}
