extension Tensor {
    /// The first `count` elements as float32, from any element type; all of them when `count` is nil.
    public func floats(first count: Int? = nil) -> [Float] {
        doubles(first: count).map { Float($0) }
    }

    /// The first `count` elements as float64, from any element type; all of them when `count` is nil.
    public func doubles(first count: Int? = nil) -> [Double] {
        doubles(in: 0..<min(count ?? elementCount, elementCount))
    }

    /// Ranges of elements that together are all: converted one after another they take little memory.
    package var pieces: [Range<Int>] {
        let length = 1 << 16
        return stride(from: 0, to: elementCount, by: length).map { $0..<min($0 + length, elementCount) }
    }

    /// The elements in `range`, counted in row-major order, as float64.
    package func doubles(in range: Range<Int>) -> [Double] {
        func read<Scalar: TensorScalar>(_ type: Scalar.Type, _ convert: (Scalar) -> Double) -> [Double] {
            withElements(Scalar.self) { $0[range].map(convert) }
        }
        switch elementType {
        case .float32: return read(Float.self) { Double($0) }
        case .float64: return read(Double.self) { $0 }
        case .float16: return read(Float16.self) { Double($0) }
        case .bfloat16:
            return withUnsafeBytes { $0.bindMemory(to: UInt16.self)[range].map { Double(BFloat16(bitPattern: $0).float) } }
        case .int8: return read(Int8.self) { Double($0) }
        case .uint8: return read(UInt8.self) { Double($0) }
        case .int16: return read(Int16.self) { Double($0) }
        case .uint16: return read(UInt16.self) { Double($0) }
        case .int32: return read(Int32.self) { Double($0) }
        case .uint32: return read(UInt32.self) { Double($0) }
        case .int64: return read(Int64.self) { Double($0) }
        case .uint64: return read(UInt64.self) { Double($0) }
        case .bool: return withUnsafeBytes { $0[range].map { $0 == 0 ? 0 : 1 } }
        case .float8E4M3FN, .float8E5M2, .float4E2M1, .float8E8M0:
            let values = elementType.miniFloat?.values ?? []
            return codes(in: range).map { Double(values[Int($0)]) }
        case .uint4, .uint2: return codes(in: range).map { Double($0) }
        case .int4, .int2:
            let spare = 8 - elementType.bitWidth
            return codes(in: range).map { Double(Int8(bitPattern: $0 << spare) >> spare) }
        }
    }

    /// The raw codes of a tensor of at most 8 bits, one a byte.
    package func codes() -> [UInt8] { codes(in: 0..<elementCount) }

    /// Whether elements are smaller than a byte.
    var isPacked: Bool { elementType.bitWidth < 8 }

    /// What `change` makes of the raw codes, one a byte.
    func repacked(_ change: (Tensor) -> Tensor) -> Tensor {
        let changed = change(Tensor(codes(), shape: shape))
        return Tensor(codes: changed.codes(), shape: changed.shape, elementType)
    }

    private func codes(in range: Range<Int>) -> [UInt8] {
        guard isPacked else { return withUnsafeBytes { $0[range].map { $0 } } }
        let width = elementType.bitWidth
        let (perByte, mask) = (8 / width, UInt8((1 << width) - 1))
        return withUnsafeBytes { bytes in range.map { bytes[$0 / perByte] >> ($0 % perByte * width) & mask } }
    }

    /// A tensor of at most 8 bits from raw codes, one a byte.
    package init(codes: [UInt8], shape: Shape, _ elementType: ElementType) {
        precondition(codes.count == shape.elementCount && elementType.bitWidth <= 8)
        self.init(zeros: shape, elementType)
        let width = elementType.bitWidth
        let (perByte, mask) = (8 / width, UInt8((1 << width) - 1))
        withUnsafeMutableBytes { bytes in
            for (index, code) in codes.enumerated() { bytes[index / perByte] |= (code & mask) << (index % perByte * width) }
        }
    }

    /// The elements as integers, from any integer or bool tensor; fractions are cut off, and what is larger saturates.
    public func integers() -> [Int] {
        if elementType == .int64 { return withElements(Int64.self) { $0.map(Int.init) } }
        return doubles().map { Int(saturating: $0) }
    }

    /// The elements as another type: floats round to nearest even, integers saturate, bool is "not zero".
    public func converted(to target: ElementType) -> Tensor {
        guard target != elementType else { return self }
        return Tensor(doubles(), shape: shape, as: target)
    }

    /// A tensor of any element type from float64 values: floats round to nearest even, integers saturate.
    public init(_ values: [Double], shape: Shape, as target: ElementType) {
        func integer<Scalar: TensorScalar & FixedWidthInteger>(_ type: Scalar.Type) -> Tensor {
            Tensor(values.map { Scalar(saturating: $0) }, shape: shape)
        }
        switch target {
        case .float32: self = Tensor(values.map { Float($0) }, shape: shape)
        case .float64: self = Tensor(values, shape: shape)
        case .float16: self = Tensor(values.map { Float16($0) }, shape: shape)
        case .bfloat16: self = Tensor(values.map { BFloat16(Float($0)) }, shape: shape)
        case .int8: self = integer(Int8.self)
        case .uint8: self = integer(UInt8.self)
        case .int16: self = integer(Int16.self)
        case .uint16: self = integer(UInt16.self)
        case .int32: self = integer(Int32.self)
        case .uint32: self = integer(UInt32.self)
        case .int64: self = integer(Int64.self)
        case .uint64: self = integer(UInt64.self)
        case .bool: self = Tensor(values.map { $0 != 0 }, shape: shape)
        case .float8E4M3FN, .float8E5M2, .float4E2M1, .float8E8M0:
            let format = target.miniFloat ?? .e4m3fn
            self = Tensor(codes: values.map { format.code(nearest: Float($0)) }, shape: shape, target)
        case .uint4, .int4, .uint2, .int2:
            let range = target.integerRange ?? 0...15
            self = Tensor(
                codes: values.map { value in
                    let code = Int(saturating: value.rounded(.toNearestOrEven))
                    return UInt8(truncatingIfNeeded: min(max(code, range.lowerBound), range.upperBound))
                }, shape: shape, target)
        }
    }
}
