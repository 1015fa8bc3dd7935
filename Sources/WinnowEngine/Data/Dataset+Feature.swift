public import WinnowTensor

extension Dataset {
    /// The values of one model input for all samples.
    public struct Feature: Sendable {
        /// The model input it feeds; empty: the model's only input.
        public var name: String
        /// What uint8 elements become in float32: `element * scale + offset`.
        public var scale: Float
        public var offset: Float
        /// Whether uint8 elements stay as they are, for models that take them so.
        var keepsBytes = false
        /// Arrays whose first axes count samples, one for each shape that samples have.
        package private(set) var parts: [Tensor]
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

        /// - Parameter tensor: float32, uint8, int32, int64 or whatever else the model takes; its first axis counts samples.
        public init(name: String = "", _ tensor: Tensor, scale: Float = 1, offset: Float = 0) {
            self.init(name: name, parts: [tensor], scale: scale, offset: offset)
        }

        /// Samples of several shapes: `places` says where each lies.
        package init(name: String = "", parts: [Tensor], places: [Place]? = nil, scale: Float = 1, offset: Float = 0) {
            self.name = name
            self.parts = parts.map(\.wholeBytes)
            self.places = places
            self.scale = scale
            self.offset = offset
        }

        /// The number of samples.
        public var count: Int { places?.count ?? parts.reduce(0) { $0 + ($1.shape.first ?? 0) } }

        public var elementType: ElementType { parts.first?.elementType ?? .float32 }

        /// The samples as one tensor; copied where they do not lie as one. Of samples that differ in shape, those of the first.
        public var tensor: Tensor {
            guard let first = parts.first else { return Tensor(zeros: [0]) }
            guard let places else { return first }
            return Self.rows(of: first, places.filter { $0.part == 0 }.map(\.row))
        }

        /// Whether all samples have one shape.
        package var isUniform: Bool { Set((places ?? []).map(\.part)).count <= 1 && (places != nil || parts.count <= 1) }

        /// The shape of the sample at `index`; of the first array's samples where there is none.
        package func sampleShape(at index: Int) -> Shape {
            let part = index < count ? place(of: index).part : 0
            return part < parts.count ? Shape(Array(parts[part].shape.dropFirst())) : []
        }

        func place(of index: Int) -> Place {
            if let places { return places[index] }
            var row = index
            for (part, tensor) in parts.enumerated() {
                if row < tensor.shape[0] { return Place(part: part, row: row) }
                row -= tensor.shape[0]
            }
            return Place(part: 0, row: 0)
        }

        func selecting(_ indices: [Int]) -> Feature {
            var result = self
            result.places = indices.map(place)
            return result
        }

        /// The same samples in other arrays, one for each part, with as many rows.
        func mapping(_ transform: (Tensor) throws -> Tensor) rethrows -> Feature {
            var result = self
            result.parts = try parts.map(transform)
            return result
        }

        private static func rows(of tensor: Tensor, _ rows: [Int]) -> Tensor {
            var extents = tensor.shape
            extents[0] = rows.count
            var result = Tensor(uninitialized: extents, tensor.elementType)
            result.withUnsafeMutableBytes { target in
                for (position, row) in rows.enumerated() { tensor.copyRow(row, to: target, at: position) }
            }
            return result
        }
    }
}

extension Dataset.Feature {
    /// uint8 images become float32; everything else stays.
    package var batchElementType: ElementType { elementType == .uint8 && !keepsBytes ? .float32 : elementType }

    /// The samples at `indices`, all of one shape.
    func batch(at indices: [Int]) -> Tensor {
        var batch = Tensor(uninitialized: [indices.count] + sampleShape(at: indices.first ?? 0), batchElementType)
        batch.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { write(samplesAt: indices[...], to: base) }
        }
        return batch
    }

    /// Writes the samples at `indices`, all of one shape, one after the other; `target` must have room for them in
    /// `batchElementType`.
    package func write(samplesAt indices: ArraySlice<Int>, to target: UnsafeMutableRawPointer) {
        guard let first = indices.first, !parts.isEmpty else { return }
        let tensor = parts[place(of: first).part]
        let count = tensor.rowElementCount
        // Training gathers a batch a step and allocates nothing: rows are found one by one.
        guard tensor.elementType == .uint8, !keepsBytes else {
            let byteCount = tensor.elementType.byteCount(of: indices.count * count)
            let target = UnsafeMutableRawBufferPointer(start: target, count: byteCount)
            for (position, index) in indices.enumerated() { tensor.copyRow(place(of: index).row, to: target, at: position) }
            return
        }
        tensor.withElements(UInt8.self) { elements in
            guard let source = elements.baseAddress else { return }
            var out = target.assumingMemoryBound(to: Float.self)
            for index in indices {
                let sample = source + place(of: index).row * count
                for i in 0..<count { out[i] = Float(sample[i]) * scale + offset }
                out += count
            }
        }
    }

    /// Adds element type, shape and elements of one sample.
    func addSample(at index: Int, to hash: inout ContentHash) {
        let place = place(of: index)
        let tensor = parts[place.part]
        for number in [tensor.elementType.rawValue] + tensor.shape.dropFirst() { hash.add(UInt64(number)) }
        tensor.withRow(place.row) { hash.add($0) }
    }
}

extension Tensor {
    /// The elements of one row of the first axis.
    fileprivate var rowElementCount: Int { shape[0] == 0 ? 0 : elementCount / shape[0] }

    fileprivate func withRow(_ row: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        let byteCount = rowElementCount * elementType.bitWidth / 8
        withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[(row * byteCount)..<((row + 1) * byteCount)])) }
    }

    /// Copies a row to where row `position` of `target` begins.
    fileprivate func copyRow(_ row: Int, to target: UnsafeMutableRawBufferPointer, at position: Int) {
        withRow(row) { UnsafeMutableRawBufferPointer(rebasing: target[(position * $0.count)...]).copyMemory(from: $0) }
    }

    /// The same with a byte or more for each number: samples of 4-bit numbers may begin within a byte.
    fileprivate var wholeBytes: Tensor {
        elementType.bitWidth < 8 ? converted(to: elementType.isFloatingPoint ? .float32 : .int8) : self
    }
}
