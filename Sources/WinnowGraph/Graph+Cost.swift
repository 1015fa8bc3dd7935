package import WinnowTensor

extension Graph {
    /// The multiply–accumulate operations by node name; nil where an extent is not known, and of nodes whose bodies multiply: contents decide which of them runs, and how often. Contractions whose axes are
    /// unknown are left out.
    ///
    /// Of one sample: what counts samples is 1 where it is open, unless `inputShapes` says otherwise.
    package func multiplyAccumulates(inputShapes: [ValueName: Shape] = [:]) -> [String: Int?] {
        let axes = SampleAxes(of: self)
        let types = inputs.reduce(into: inputTypes(of: inputShapes)) { types, input in
            types[input.name] = types[input.name] ?? input.ofOneSample(axes)
        }
        guard let infos = try? inferInfos(inputTypes: types) else {
            return Dictionary(nodes.filter { $0.op.quantization == .contraction }.map { ($0.name, nil) }) { first, _ in first }
        }
        var counts: [String: Int?] = [:]
        for node in nodes {
            let count = node.op.multiplyAccumulates(inputs: node.inputs.map { infos[$0] }, outputs: node.outputs.map { infos[$0] })
            if let count { counts.updateValue(count, forKey: node.name) }
        }
        for node in nodes where node.op.bodies.values.contains(where: \.multiplies) { counts.updateValue(nil, forKey: node.name) }
        return counts
    }

    private var multiplies: Bool {
        nodes.contains { $0.op.quantization == .contraction || $0.op.bodies.values.contains(where: \.multiplies) }
    }
}

extension Operator {
    /// The product of all axes of a contraction.
    package func multiplyAccumulates(inputs: [ValueInfo?], outputs: [ValueInfo?]) -> Int?? {
        guard quantization == .contraction else { return .none }
        let axes = axes(for: inputs)
        let solved = axes.solve(
            inputs: inputs.map { $0?.extents?.map(\.value) }, outputs: outputs.map { $0?.extents?.map(\.value) })
        guard let solved else { return .none }
        let labels = axes.inputLabels.union(axes.outputLabels).union(solved.keys)
        let extents = labels.compactMap { solved[$0] }
        return .some(extents.count == labels.count ? extents.reduce(1, *|) : nil)
    }
}

extension Tensor {
    /// The elements that are exactly zero.
    package var zeroCount: Int {
        switch elementType {
        case .float32: withElements(Float.self) { $0.count(where: { $0 == 0 }) }
        case .int8: withElements(Int8.self) { $0.count(where: { $0 == 0 }) }
        default: pieces.reduce(0) { $0 + doubles(in: $1).count(where: { $0 == 0 }) }
        }
    }
}

extension Tensor {
    /// Whether every element is zero.
    package var isZero: Bool { pieces.allSatisfy { doubles(in: $0).allSatisfy { $0 == 0 } } }
}

extension GraphInput {
    /// The type with 1 in place of the number of samples.
    fileprivate func ofOneSample(_ axes: SampleAxes) -> ValueType {
        var result = type
        result.extents = type.extents?.enumerated().map { axis, extent in
            extent.value == nil && axis == axes.axis(ofInput: name) || extent == axes.symbol ? 1 : extent
        }
        return result
    }
}

extension Dictionary<String, Int?> {
    /// The sum; nil where one is not known.
    package var total: Int? { values.reduce(0) { sum, count in sum.flatMap { sum in count.map { sum +| $0 } } } }
}
