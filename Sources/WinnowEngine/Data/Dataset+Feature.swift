public import WinnowTensor

extension Dataset {
    /// Where the samples are in what a model takes for one input.
    package enum SamplePlacement: Sendable, Hashable {
        /// Along this axis.
        case axis(Int)
        /// Each sample is all of it: the model takes one at a time.
        case whole
        /// All samples have the same value.
        case shared
    }

    /// The values of one model input for all samples.
    public struct Feature: Sendable {
        /// The model input it feeds; empty: the model's only input.
        public var name: String
        /// What uint8 elements become in float32: `element * scale + offset`.
        public var scale: Float
        public var offset: Float
        /// Whether uint8 elements stay as they are, for models that take them so.
        var keepsBytes = false
        /// Where the model takes the samples; nil until the model is known.
        package var placement: SamplePlacement?
        /// Arrays whose first axes count samples, one for each shape that samples have; the shared value.
        package private(set) var parts: [SampleRows]
        /// Which rows the samples are; nil: all of them, part after part.
        private var places: [Place]?

        /// A row of one part.
        package struct Place: Sendable, Hashable {
            package var part: Int
            package var row: Int

            package init(part: Int, row: Int) {
                self.part = part
                self.row = row
            }
        }

        /// The tensor is float32, uint8, int32, int64 or whatever else the model takes; its first axis counts samples.
        public init(name: String = "", _ tensor: Tensor, scale: Float = 1, offset: Float = 0) {
            self.init(name: name, parts: [SampleRows(tensor)], scale: scale, offset: offset)
        }

        /// Samples of several shapes: `places` says where each lies.
        package init(name: String = "", parts: [SampleRows], places: [Place]? = nil, scale: Float = 1, offset: Float = 0) {
            self.name = name
            self.parts = parts
            self.places = places
            self.scale = scale
            self.offset = offset
        }

        /// The number of samples; 1 where they share one value.
        public var count: Int {
            isShared ? 1 : places?.count ?? parts.reduce(0) { $0 + $1.count }
        }

        /// The axis of the model's input that counts samples; 0 where there is none.
        package var sampleAxis: Int { if case .axis(let axis) = placement { axis } else { 0 } }

        /// Whether the input has an axis that counts samples.
        package var countsSamples: Bool { ![.whole, .shared].contains(placement) }

        /// Whether all samples have the same value.
        package var isShared: Bool { placement == .shared }

        public var elementType: ElementType { parts.first?.elementType ?? .float32 }

        /// The samples as one tensor; copied where they do not lie as one. Of samples that differ in shape, those of the first.
        /// Throws where they cannot be read, or are more than may be in memory.
        public var tensor: Tensor {
            get throws {
                guard let first = parts.first else { return Tensor(zeros: [0]) }
                guard let places, !isShared else { return try first.tensor() }
                return try first.selecting(places.filter { $0.part == 0 }.map(\.row))
            }
        }

        /// Whether all samples have one shape.
        package var isUniform: Bool { isShared || Set((places ?? []).map(\.part)).count <= 1 && (places != nil || parts.count <= 1) }

        /// The shape of the sample at `index`; of the first array's samples where there is none.
        package func sampleShape(at index: Int) -> Shape {
            if isShared { return parts.first?.shape ?? [] }
            let part = index < count ? place(of: index).part : 0
            return part < parts.count ? parts[part].sampleShape : []
        }

        /// Whether samples have more than one number: labels for each place.
        package var hasPlaces: Bool { !isShared && !sampleShape(at: 0).allSatisfy { $0 == 1 } }

        func place(of index: Int) -> Place {
            if let places { return places[index] }
            var row = index
            for (part, rows) in parts.enumerated() {
                if row < rows.count { return Place(part: part, row: row) }
                row -= rows.count
            }
            return Place(part: 0, row: 0)
        }

        func selecting(_ indices: [Int]) -> Feature {
            guard !isShared else { return self }
            var result = self
            result.places = indices.map(place)
            return result
        }

        /// The same samples in other arrays, one for each part, with as many rows.
        func mapping(_ change: @escaping @Sendable (Tensor) throws -> Tensor) rethrows -> Feature {
            try mappingParts { try $0.mapping(change) }
        }

        func mappingParts(_ change: (SampleRows) throws -> SampleRows) rethrows -> Feature {
            var result = self
            result.parts = try parts.map(change)
            return result
        }

        /// Tells which samples come next, so that those that are not in memory can be read on another thread meanwhile.
        package func expect(_ indices: some Sequence<Int>) {
            guard !isShared, parts.contains(where: { !$0.isInMemory }) else { return }
            let rows = Dictionary(grouping: indices.map(place), by: \.part)
            for (part, places) in rows { parts[part].expect(places.map(\.row)) }
        }
    }
}

extension Dataset.Feature {
    /// uint8 images become float32; everything else stays.
    package var batchElementType: ElementType { elementType == .uint8 && !keepsBytes ? .float32 : elementType }

    /// What `count` samples shaped like the one at `index` are together.
    func batchShape(count: Int, like index: Int) -> Shape {
        var extents = sampleShape(at: index).extents
        if countsSamples { extents.insert(count, at: min(sampleAxis, extents.count)) }
        return Shape(extents)
    }

    /// The samples at `indices`, all of one shape.
    package func batch(at indices: [Int]) throws -> Tensor {
        var batch = Tensor(uninitialized: batchShape(count: indices.count, like: indices.first ?? 0), batchElementType)
        try batch.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { try write(samplesAt: indices[...], to: base) }
        }
        return batch
    }

    /// Writes the samples at `indices`, all of one shape, as the model takes them; `target` must have room for them in
    /// `batchElementType`. Throws where they cannot be read.
    package func write(samplesAt indices: ArraySlice<Int>, to target: UnsafeMutableRawPointer) throws {
        guard let first = indices.first, !parts.isEmpty else { return }
        let indices = countsSamples ? indices : indices.prefix(1)
        let rows = parts[isShared ? 0 : place(of: first).part]
        let count = isShared ? rows.shape.elementCount : rows.sampleElementCount
        // A sample lies in runs where axes come before the one that counts samples.
        var runs = 1
        for outer in 1..<(sampleAxis + 1) { runs *= rows.shape[outer] }
        let run = runs == 0 ? 0 : count / runs
        // Training gathers a batch a step and, of samples in memory, allocates nothing: rows are found one by one.
        for (position, index) in indices.enumerated() {
            let (tensor, row) = try rows.row(isShared ? 0 : place(of: index).row)
            let start = row * count
            for outer in 0..<runs {
                write((start + outer * run)..<(start + (outer + 1) * run), of: tensor, to: target, at: (outer * indices.count + position) * run)
            }
        }
    }

    /// Writes elements of one part to where element `offset` of `target` begins.
    private func write(_ elements: Range<Int>, of tensor: Tensor, to target: UnsafeMutableRawPointer, at offset: Int) {
        tensor.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            guard tensor.elementType == .uint8, !keepsBytes else {
                let size = tensor.elementType.bitWidth / 8
                return (target + offset * size).copyMemory(from: source + elements.lowerBound * size, byteCount: elements.count * size)
            }
            // Nothing in the loop that keeps it from being vectorized.
            let codes = source.assumingMemoryBound(to: UInt8.self) + elements.lowerBound
            let numbers = target.assumingMemoryBound(to: Float.self) + offset
            let (count, scale, shift) = (elements.count, scale, self.offset)
            for index in 0..<count { numbers[index] = Float(codes[index]) * scale + shift }
        }
    }

    /// Adds element type, shape and elements of one sample.
    func addSample(at index: Int, to hash: inout ContentHash) throws {
        guard !isShared else { return }
        let place = place(of: index)
        try parts[place.part].add(place.row, to: &hash)
    }
}
