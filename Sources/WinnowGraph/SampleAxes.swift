package import WinnowTensor

/// Which axis of each input and output counts samples.
///
/// By convention it is the first. Where an operator takes a first axis as a whole, as recurrent layers take time, another axis
/// that every operator carries along is it. Inputs without such an axis hold what all samples share: a rate, a grid.
package struct SampleAxes: Sendable {
    private var inputs: [ValueName: Int] = [:]
    private var outputs: [ValueName: Int] = [:]
    /// The number of samples that the inputs fix; nil: any.
    package private(set) var fixedCount: Int?
    /// What the model calls the number of samples, if it has a name.
    package private(set) var symbol: Extent?
    private let names: [ValueName]

    package init(of graph: Graph) {
        let required = graph.requiredInputs.filter(\.type.isTensor)
        names = required.map(\.name)
        let tracing = SampleTracing(graph)
        // Of inputs whose rank is not known the convention holds.
        for input in graph.inputs where input.type.isTensor && input.type.extents == nil { inputs[input.name] = 0 }
        guard let first = Self.first(in: required, tracing) else { return }
        let batch = first.extent
        symbol = batch.isNamed ? batch : nil
        fixedCount = batch.value
        for input in graph.inputs where input.type.isTensor && input.type.extents != nil {
            inputs[input.name] = input.name == first.input.name ? first.axis : Self.axis(of: input, batch, required, tracing)
        }
        let infos = tracing.infos(marking: inputs)
        for output in graph.outputs { outputs[output] = infos?[output]?.extents?.firstIndex(of: SampleTracing.mark) }
    }

    /// The axis of an input; nil: all samples share its value, or which one it is cannot be told.
    package func axis(ofInput name: ValueName) -> Int? { inputs[name] }

    /// The axis of an output; nil: it has none, or which one it is cannot be told.
    package func axis(ofOutput name: ValueName) -> Int? { outputs[name] }

    /// How many samples inputs of these shapes hold.
    package func count(in shapes: [ValueName: Shape]) -> Int? {
        names.lazy.compactMap { name in
            inputs[name].flatMap { axis in shapes[name].flatMap { axis < $0.rank ? $0[axis] : nil } }
        }.first
    }

    /// Whether the model gives for many samples, along the first axes of inputs and outputs, what it gives for each by itself.
    package func areIndependent(in graph: Graph) -> Bool {
        let counted = graph.inputs.filter { inputs[$0.name] != nil }
        return fixedCount == nil && !counted.isEmpty && counted.allSatisfy { inputs[$0.name] == 0 && $0.type.extents?.isEmpty == false }
            && graph.outputs.allSatisfy { outputs[$0] == 0 } && SampleTracing(graph).keepsSamplesApart(along: inputs)
    }

    private struct Candidate {
        var input: GraphInput
        var axis: Int
        var extent: Extent { input.type.extents?[axis] ?? .unknown }
    }

    /// Where samples are counted: the likeliest place by convention, unless samples mix there and do not at another.
    private static func first(in inputs: [GraphInput], _ tracing: SampleTracing) -> Candidate? {
        let all = inputs.flatMap { input in (input.type.extents ?? []).indices.map { Candidate(input: input, axis: $0) } }
        func sharing(_ candidate: Candidate) -> Int {
            candidate.extent.isNamed ? all.count { $0.axis == 0 && $0.extent == candidate.extent } : 0
        }
        func rank(_ candidate: Candidate) -> Int {
            guard candidate.axis == 0 else { return candidate.extent.value == nil ? 4 : 5 }
            return candidate.extent.isNamed ? 0 : candidate.extent == .unknown ? 1 : candidate.extent == 1 ? 2 : 3
        }
        let keys = all.map { (rank($0), -sharing($0)) }
        let ordered = all.indices.sorted { (keys[$0].0, keys[$0].1, $0) < (keys[$1].0, keys[$1].1, $1) }.map { all[$0] }
        guard let likeliest = ordered.first, tracing.fate(of: likeliest.input, likeliest.axis) == .mixed else { return ordered.first }
        // An open first axis gives way to another open one, or to one sample, only.
        let others = ordered.dropFirst().filter { likeliest.extent.value != nil || $0.extent.value ?? 1 == 1 }
        if let carried = others.first(where: { tracing.fate(of: $0.input, $0.axis) == .carried }) { return carried }
        // A vector of so many elements, taken as a whole, is one sample.
        return likeliest.input.type.rank == 1 && likeliest.extent.value ?? 1 > 1 ? nil : likeliest
    }

    /// The axis of another input that counts the same.
    private static func axis(of input: GraphInput, _ batch: Extent, _ required: [GraphInput], _ tracing: SampleTracing) -> Int? {
        let extents = input.type.extents ?? []
        if batch.isNamed, let axis = extents.firstIndex(of: batch) { return axis }
        // What stands beside the batch in some input counts something else.
        let others = Set(required.compactMap(\.type.extents).filter { batch.isNamed && $0.contains(batch) }.joined())
        let candidates = extents.indices.filter { axis in
            let extent = extents[axis]
            return batch.value == nil ? extent.value == nil && (extent == .unknown || !others.contains(extent)) : extent == batch
        }
        let fates = candidates.map { tracing.fate(of: input, $0) }
        if let carried = zip(candidates, fates).first(where: { $0 == 0 && $1 != .mixed || $1 == .carried }) { return carried.0 }
        return batch.value == nil ? candidates.first : candidates.first { $0 == 0 }
    }
}

extension Extent {
    /// Whether it is a symbol that means the same wherever it stands.
    var isNamed: Bool { if case .symbol(let name) = self { !name.isEmpty } else { false } }
}

extension Graph {
    /// The number of samples that the inputs without default values fix, or that shapes inside fix though the inputs leave it open.
    package var fixedBatchSize: Int? {
        let axes = SampleAxes(of: self)
        if let declared = axes.fixedCount { return declared }
        func types(_ count: Int) -> [ValueName: ValueType]? {
            var result: [ValueName: ValueType] = [:]
            for input in inputs where input.defaultValue == nil && input.type.isTensor {
                guard var extents = input.type.extents else { return nil }
                if let axis = axes.axis(ofInput: input.name), extents[axis].value == nil { extents[axis] = .fixed(count) }
                guard extents.allSatisfy({ $0.value != nil }) else { return nil }
                result[input.name] = ValueType(input.type.elementType, extents)
            }
            return result
        }
        guard types(1) != nil else { return nil }
        return batchSizeInside { count in types(count).map { (try? inferInfos(inputTypes: $0)) != nil } ?? false }
    }

    /// The only number of samples that goes through: 1, or one that a short constant or an extent of one is. nil: others do too.
    package func batchSizeInside(_ goesThrough: (Int) -> Bool) -> Int? {
        // A number that no file fixes.
        if goesThrough(7) { return nil }
        let constants = initializers.values.filter { $0.elementType.isInteger && $0.rank <= 1 && $0.elementCount <= 8 }
        let numbers = Set(constants.flatMap { $0.integers() } + initializers.values.flatMap(\.shape.extents)).union([1])
        // Where twice as many go through too, it is a multiple that is asked for.
        return numbers.filter { (1...4096).contains($0) }.sorted().prefix(32).first { goesThrough($0) && !goesThrough(2 * $0) }
    }
}
