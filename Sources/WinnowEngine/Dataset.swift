package import WinnowGraph
public import WinnowTensor

/// Samples with labels: tensors whose first axis counts the samples.
public struct Dataset: Sendable {
    /// The values of one model input for all samples.
    public struct Feature: Sendable {
        /// The model input it feeds; empty: the model's only input.
        public var name: String
        /// float32, uint8, int32 or int64; uint8 becomes `element * scale + offset` in float32.
        public var tensor: Tensor
        public var scale: Float
        public var offset: Float

        public init(name: String = "", _ tensor: Tensor, scale: Float = 1, offset: Float = 0) {
            self.name = name
            self.tensor = tensor
            self.scale = scale
            self.offset = offset
        }
    }

    public var features: [Feature]
    /// One class index a sample.
    public var labels: [Int]?

    /// Throws `.data` if the features or labels differ in their number of samples.
    public init(_ features: [Feature], labels: [Int]? = nil) throws {
        self.features = features
        self.labels = labels
        for feature in features where feature.tensor.rank == 0 || feature.tensor.shape[0] != count {
            throw WinnowError(.data, "feature \(feature.name)", "has shape \(feature.tensor.shape), not \(count) samples")
        }
        if let labels, labels.count != count {
            throw WinnowError(.data, "labels", "there are \(labels.count) for \(count) samples")
        }
    }

    /// The number of samples.
    public var count: Int { features.first?.tensor.shape.first ?? 0 }

    /// A run of samples, sharing memory.
    public func subset(_ range: Range<Int>) -> Dataset {
        var result = self
        for index in features.indices { result.features[index].tensor = features[index].tensor.rows(range) }
        result.labels = labels.map { Array($0[range]) }
        return result
    }

    /// The samples at `indices` as the model takes them.
    package func batch(at indices: [Int]) -> [ValueName: Tensor] {
        Dictionary(
            features.map { feature in
                var extents = feature.tensor.shape
                extents[0] = indices.count
                var batch = Tensor(uninitialized: extents, feature.batchElementType)
                batch.withUnsafeMutableBytes { bytes in
                    if let base = bytes.baseAddress { feature.write(samplesAt: indices[...], to: base) }
                }
                return (feature.name, batch)
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The data set with every feature named and shaped as `graph` takes it. Throws `.data` naming what does not match.
    package func adapted(to graph: Graph) throws -> Dataset {
        var result = self
        let names = graph.requiredInputs.map(\.name)
        if features.count == 1, features[0].name.isEmpty {
            guard names.count == 1 else {
                throw WinnowError(
                    .data, "the data", "has one unnamed array, but the model the inputs \(names.joined(separator: ", "))",
                    remedy: "give one named array for each input")
            }
            result.features[0].name = names[0]
        }
        for (index, feature) in result.features.enumerated() {
            guard let input = graph.inputs.first(where: { $0.name == feature.name }) else {
                throw WinnowError(
                    .data, "feature \(feature.name)", "the model has no such input",
                    remedy: "its inputs are \(graph.inputNames.joined(separator: ", "))")
            }
            result.features[index].tensor = try feature.shaped(for: input)
        }
        if let missing = names.first(where: { name in !result.features.contains { $0.name == name } }) {
            throw WinnowError(
                .data, "input \(missing)", "the data has no values for it; it has \(features.map(\.name).joined(separator: ", "))")
        }
        return result
    }
}

extension Dataset.Feature {
    /// uint8 images become float32; everything else stays.
    package var batchElementType: ElementType { tensor.elementType == .uint8 ? .float32 : tensor.elementType }

    /// Writes the samples at `indices` one after the other; `target` must have room for them in `batchElementType`.
    package func write(samplesAt indices: ArraySlice<Int>, to target: UnsafeMutableRawPointer) {
        let sampleCount = tensor.shape[0] == 0 ? 0 : tensor.elementCount / tensor.shape[0]
        tensor.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            if tensor.elementType == .uint8 {
                let source = base.assumingMemoryBound(to: UInt8.self)
                var out = target.assumingMemoryBound(to: Float.self)
                for index in indices {
                    let sample = source + index * sampleCount
                    for i in 0..<sampleCount { out[i] = Float(sample[i]) * scale + offset }
                    out += sampleCount
                }
            } else {
                let byteCount = tensor.elementType.byteCount(of: sampleCount)
                var out = target
                for index in indices {
                    out.copyMemory(from: base + index * byteCount, byteCount: byteCount)
                    out += byteCount
                }
            }
        }
    }

    /// Arrays of the same kind of number but another width fit too: NumPy's float64 and int64 are seldom what a model takes.
    private func converted(to wanted: ElementType) -> Tensor {
        let own = tensor.elementType
        let isSameKind =
            own.isFloatingPoint == wanted.isFloatingPoint && own.isInteger == wanted.isInteger && wanted != .uint8
        return isSameKind && own != wanted ? tensor.converted(to: wanted) : tensor
    }

    fileprivate func shaped(for input: GraphInput) throws -> Tensor {
        let own = tensor.shape
        let tensor = converted(to: input.type.elementType)
        guard Self(tensor).batchElementType == input.type.elementType else {
            throw WinnowError(
                .data, "feature \(name)", "is \(tensor.elementType), but input \(input.name) takes \(input.type)")
        }
        guard let extents = input.type.extents else { return tensor }
        let wanted = extents.dropFirst().map(\.value)
        if own.count == extents.count, zip(own.dropFirst(), wanted).allSatisfy({ $1 == nil || $0 == $1 }) { return tensor }
        let sample = Shape(wanted.compactMap { $0 })
        guard sample.count == wanted.count, sample.elementCount == Shape(Array(own.dropFirst())).elementCount else {
            throw WinnowError(
                .data, "feature \(name)", "has samples of \(Shape(Array(own.dropFirst()))), but input \(input.name) takes \(input.type)")
        }
        return tensor.reshaped([own[0]] + sample)
    }
}
