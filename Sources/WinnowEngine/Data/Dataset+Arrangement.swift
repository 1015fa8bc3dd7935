package import WinnowGraph
package import WinnowTensor

extension Dataset {
    /// Arrays that lie as `graph` takes them, or with samples along their first axes; one sample beside many serves all.
    ///
    /// Throws `.data` if they differ in their number of samples.
    package init(arrays: [Feature], labels: [Int]? = nil, for graph: Graph?) throws {
        guard let graph else {
            try self.init(arrays, labels: labels)
            return
        }
        let axes = SampleAxes(of: graph)
        let required = graph.requiredInputs
        var features = try arrays.map { feature in
            let name = feature.name.isEmpty && required.count == 1 ? required[0].name : feature.name
            guard let input = graph.inputs.first(where: { $0.name == name }) else { return feature }
            return try feature.arranged(for: input, axis: axes.axis(ofInput: name), labelCount: labels?.count)
        }
        let count = labels?.count ?? features.filter { !$0.isShared && $0.parts.allSatisfy { $0.shape.rank > 0 } }.map(\.count).max() ?? 1
        for index in features.indices where features[index].count == 1 && count > 1 && features[index].placement != nil {
            features[index] = features[index].selecting([Int](repeating: 0, count: count))
        }
        try self.init(features, labels: labels)
    }
}

extension Dataset.Feature {
    /// The array with samples along its first axis, or as the value that all of them share. `axis` of the input counts samples.
    /// Where both would fit, the number of labels decides.
    fileprivate func arranged(for input: GraphInput, axis: Int?, labelCount: Int?) throws -> Dataset.Feature {
        let result = try placed(for: input, axis: axis)
        guard let axis, let extents = input.type.extents, let shape = parts.first?.shape, parts.count == 1 else { return result }
        let isFirst = shape.first == labelCount && axis < shape.rank && shape[axis] != labelCount
        if shape.fits(extents, except: axis), !isFirst {
            return axis == 0 ? result : try result.mappingParts { try $0.inMemory().mapping { $0.samplesFirst(axis) } }
        }
        guard shape.rank > 0, Shape(Array(shape.dropFirst())).fits(extents) else { return result }
        // Each sample is all that the model takes at once.
        if shape[axis + 1] == 1 {
            return result.mapping { tensor in
                var flat = tensor.shape
                flat.remove(at: axis + 1)
                return tensor.reshaped(flat)
            }
        }
        var whole = result
        whole.placement = .whole
        return whole
    }

    /// Samples along the first axis as the model takes them: along `axis` of the input, else one by one, unless all are the same.
    func placed(for input: GraphInput, axis: Int?) throws -> Dataset.Feature {
        var result = self
        result.placement = axis.map { .axis($0) } ?? .whole
        // A number that stands alone is that of one sample, which may serve all.
        if axis != nil, parts.count == 1, let rows = parts.first, rows.shape.rank == 0 {
            return try result.mappingParts { SampleRows(try $0.tensor().reshaped([1])) }
        }
        guard axis == nil, parts.count == 1, let rows = parts.first, let extents = input.type.extents else { return result }
        // What is too large for memory is hardly one value for all.
        guard rows.isInMemory || rows.shape.fits(extents) else { return result }
        let tensor = try rows.tensor()
        let shared = tensor.shape.fits(extents) ? tensor : tensor.commonRow ?? tensor
        let isNumber = shared.elementCount == 1 && extents.allSatisfy { $0.value ?? 1 == 1 }
        guard isNumber || shared.shape.fits(extents) else { return result }
        result.placement = .shared
        let shape = isNumber ? Shape([Int](repeating: 1, count: extents.count)) : shared.shape
        return result.mappingParts { _ in SampleRows(shared.reshaped(shape)) }
    }
}

extension Tensor {
    /// The same with one axis before the others.
    fileprivate func samplesFirst(_ axis: Int) -> Tensor { transposed([axis] + (0..<rank).filter { $0 != axis }) }

    /// The same with the axis that counts samples first, if it is one that holds so many.
    package func samplesFirst(_ axis: Int?, count: Int) -> Tensor {
        guard let axis, axis > 0, axis < rank, shape[axis] == count, elementType.bitWidth >= 8 else { return self }
        return samplesFirst(axis)
    }

    /// The row that every row of the first axis is; nil where they differ.
    fileprivate var commonRow: Tensor? {
        guard rank > 0, shape[0] > 0 else { return nil }
        let first = rows(0..<1)
        let isCommon = (1..<shape[0]).allSatisfy { rows($0..<($0 + 1)) == first }
        return isCommon ? first.reshaped(Shape(Array(shape.dropFirst()))) : nil
    }
}

extension Shape {
    /// Whether an input of these extents takes it, whatever its extent along one axis.
    fileprivate func fits(_ wanted: [Extent], except axis: Int? = nil) -> Bool {
        rank == wanted.count && indices.allSatisfy { $0 == axis || (wanted[$0].value ?? self[$0]) == self[$0] }
    }
}
