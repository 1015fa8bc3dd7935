import WinnowTensor

/// A model's message in which long tensors are left where they lie and say where that is, so that decoding copies none of them.
///
/// Lengths of messages may be written in more bytes than they need ([protobuf's encoding](https://protobuf.dev/programming-guides/encoding/)),
/// which lets them be filled in afterwards.
struct ModelOutline {
    private(set) var bytes: [UInt8] = []
    private let source: UnsafeRawBufferPointer

    /// The key under which a tensor says, as of external data, which bytes of the source it has; no writer uses it.
    private static let key = "\0"
    private let leastByteCount: Int
    private static let depthLimit = 90
    private static let lengthByteCount = 5

    /// nil where the source is not a message that is understood throughout: decoders know what is wrong with it.
    ///
    /// - Parameter leastByteCount: shorter tensors stay in the message; they are not worth their entry.
    init?(of source: UnsafeRawBufferPointer, leastByteCount: Int = 1024) {
        (self.source, self.leastByteCount) = (source, leastByteCount)
        guard source.count < 1 << 31, add(0..<source.count, as: .model, depth: 0) else { return nil }
    }

    /// The bytes that a tensor left in the source; nil where it has its own.
    static func place(of tensor: Onnx_TensorProto) -> Range<Int>? {
        guard let entry = tensor.externalData.first, entry.key == key else { return nil }
        let ends = entry.value.split(separator: "-").compactMap { Int($0) }
        return ends.count == 2 && ends[0] <= ends[1] ? ends[0]..<ends[1] : nil
    }

    /// Messages on the way to tensors, by their field numbers in onnx.proto.
    private enum Part {
        case model, graph, function, node, attribute, sparseTensor, tensor, namelessTensor

        var isTensor: Bool { self == .tensor || self == .namelessTensor }

        func part(at field: UInt64) -> Part? {
            switch (self, field) {
            case (.model, 7), (.attribute, 6), (.attribute, 11): .graph
            case (.model, 25): .function
            case (.graph, 1), (.function, 7): .node
            case (.node, 5): .attribute
            case (.graph, 15): .sparseTensor
            case (.graph, 5), (.sparseTensor, 1), (.sparseTensor, 2): .tensor
            // Attributes of unknown operators that have more than elements are kept as they are.
            case (.attribute, 5): .namelessTensor
            default: nil
            }
        }
    }

    private mutating func add(_ range: Range<Int>, as part: Part, depth: Int) -> Bool {
        if part.isTensor { return addTensor(range, mayHaveName: part == .tensor) }
        var place = range.lowerBound
        var tensors: Set<UInt64> = []
        while place < range.upperBound {
            guard depth < Self.depthLimit, let field = Field(in: source, at: place, before: range.upperBound) else { return false }
            if let content = field.content, let inner = part.part(at: field.number) {
                // A single message given in parts is for decoders to put together.
                if inner.isTensor, part != .graph, !tensors.insert(field.number).inserted { return false }
                append(place..<field.lengthStart)
                let start = bytes.count + Self.lengthByteCount
                bytes.append(contentsOf: repeatElement(0, count: Self.lengthByteCount))
                guard add(content, as: inner, depth: depth + 1) else { return false }
                for index in 1...Self.lengthByteCount {
                    let continues: UInt8 = index < Self.lengthByteCount ? 0x80 : 0
                    bytes[start - Self.lengthByteCount + index - 1] = UInt8((bytes.count - start) >> (7 * (index - 1)) & 0x7F) | continues
                }
            } else {
                append(place..<field.end)
            }
            place = field.end
        }
        return true
    }

    private mutating func addTensor(_ range: Range<Int>, mayHaveName: Bool) -> Bool {
        var fields: [Field] = []
        var place = range.lowerBound
        while place < range.upperBound {
            guard let field = Field(in: source, at: place, before: range.upperBound) else { return false }
            fields.append(field)
            place = field.end
        }
        let raw = fields.filter { $0.number == 9 }
        let isOutside = fields.contains { $0.number == 13 || $0.number == 14 }
        let hasName = fields.contains { $0.number == 8 && $0.content?.isEmpty == false }
        // What no tensor here holds is kept as it is.
        let isKnown = fields.last { $0.number == 2 }?.value.flatMap { ElementType(rawValue: Int(truncatingIfNeeded: $0)) } != nil
        guard isKnown, raw.count == 1, !isOutside, mayHaveName || !hasName, let content = raw[0].content, content.count >= leastByteCount else {
            append(range)
            return true
        }
        append(range.lowerBound..<raw[0].start)
        append(raw[0].end..<range.upperBound)
        let (key, value) = (Array(Self.key.utf8), Array("\(content.lowerBound)-\(content.upperBound)".utf8))
        let entry = [0x0A, UInt8(key.count)] + key + [0x12, UInt8(value.count)] + value
        // external_data with that entry, and data_location EXTERNAL.
        bytes += [0x6A, UInt8(entry.count)] + entry + [0x70, 1]
        return true
    }

    private mutating func append(_ range: Range<Int>) { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: source[range])) }
}

/// A field of a protobuf message, as it lies there.
private struct Field {
    let number: UInt64
    let start: Int
    /// Where the length begins, if there is one.
    let lengthStart: Int
    /// What an integer is.
    let value: UInt64?
    /// The bytes of a string or message; nil for numbers.
    let content: Range<Int>?
    let end: Int

    /// nil where there is none that ends in time.
    init?(in source: UnsafeRawBufferPointer, at start: Int, before limit: Int) {
        var place = start
        func number() -> UInt64? {
            var result: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard place < limit else { return nil }
                let byte = source[place]
                place += 1
                result |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return result }
            }
            return nil
        }
        guard let tag = number() else { return nil }
        self.start = start
        self.number = tag >> 3
        lengthStart = place
        switch tag & 7 {
        case 0:
            guard let number = number() else { return nil }
            (value, content) = (number, nil)
        case 1: (value, content, place) = (nil, nil, place + 8)
        case 2:
            guard let length = number(), length <= UInt64(limit - place) else { return nil }
            (value, content) = (nil, place..<(place + Int(length)))
            place += Int(length)
        case 5: (value, content, place) = (nil, nil, place + 4)
        default: return nil
        }
        guard place <= limit else { return nil }
        end = place
    }
}
