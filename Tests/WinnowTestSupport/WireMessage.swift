package import WinnowTensor

/// A protobuf message read without its schema, to be changed where it makes sense and written back.
package struct WireMessage {
    private indirect enum Value {
        case number(UInt64)
        case fixed([UInt8])
        case bytes([UInt8])
        case message(WireMessage)
    }

    private struct Field {
        var number: UInt64
        var value: Value
    }

    private var fields: [Field] = []

    /// nil if the bytes are no message.
    package init?(_ bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            guard let key = Self.number(&rest), (1..<100).contains(key >> 3) else { return nil }
            let value: Value
            switch key & 7 {
            case 0:
                guard let number = Self.number(&rest) else { return nil }
                value = .number(number)
            case 1, 5:
                let count = key & 7 == 1 ? 8 : 4
                guard rest.count >= count else { return nil }
                value = .fixed(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            case 2:
                guard let count = Self.number(&rest), count <= rest.count else { return nil }
                let body = rest.prefix(Int(count))
                value = WireMessage(body).map { .message($0) } ?? .bytes(Array(body))
                rest = rest.dropFirst(Int(count))
            default: return nil
            }
            fields.append(Field(number: key >> 3, value: value))
        }
    }

    private static func number(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
        }
        return nil
    }

    package var bytes: [UInt8] {
        fields.flatMap { field -> [UInt8] in
            switch field.value {
            case .number(let number): Self.bytes(field.number << 3) + Self.bytes(number)
            case .fixed(let bytes): Self.bytes(field.number << 3 | (bytes.count == 8 ? 1 : 5)) + bytes
            case .bytes(let bytes): Self.bytes(field.number << 3 | 2) + Self.bytes(UInt64(bytes.count)) + bytes
            case .message(let message):
                Self.bytes(field.number << 3 | 2) + Self.bytes(UInt64(message.bytes.count)) + message.bytes
            }
        }
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        number < 0x80 ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + bytes(number >> 7)
    }

    /// Changes one field somewhere: numbers become others or extreme, texts such as names and operator types those of `words`,
    /// whole parts are left out, doubled or swapped.
    package mutating func change(_ words: [[UInt8]], _ random: inout RandomGenerator) {
        guard var index = fields.indices.randomElement(using: &random) else { return }
        // Most names that change leave a model that is refused at once.
        if case .bytes = fields[index].value, let other = fields.indices.randomElement(using: &random) { index = other }
        switch fields[index].value {
        case .message(var message):
            if Int.random(in: 0..<12, using: &random) > 0 {
                message.change(words, &random)
                fields[index].value = .message(message)
                return
            }
            let other = fields.indices.randomElement(using: &random) ?? index
            switch Int.random(in: 0..<3, using: &random) {
            case 0: fields.remove(at: index)
            case 1: fields.insert(fields[index], at: other)
            default: fields.swapAt(index, other)
            }
        case .number(let number):
            fields[index].value = .number(Self.numbers(near: number).randomElement(using: &random) ?? 0)
        case .fixed(let bytes):
            let floats: [[UInt8]] = [[0, 0, 0, 0], [0, 0, 0xC0, 0x7F], [0, 0, 0x80, 0x7F], [0, 0, 0x80, 0xBF], [1, 0, 0, 0]]
            let chosen = floats.randomElement(using: &random) ?? []
            fields[index].value = .fixed(Array((chosen + chosen).prefix(bytes.count)))
        case .bytes(let bytes):
            let isText = bytes.count < 40 && bytes.allSatisfy { (0x20..<0x7F).contains($0) }
            let word = words.randomElement(using: &random) ?? []
            fields[index].value = .bytes(isText && Bool.random(using: &random) ? word : Mutation.damage(bytes, with: word, &random))
        }
    }

    private static func numbers(near number: UInt64) -> [UInt64] {
        let signed = Int64(bitPattern: number)
        let near = [signed &+ 1, signed &- 1, signed &* 2, 0 &- signed]
        let extreme: [Int64] = [0, 1, -1, 2, 3, 5, 7, -2, 11, 16, 1 << 31, -(1 << 31), .max, .min, 1 << 40, 1000]
        return (near + near + extreme).map { UInt64(bitPattern: $0) }
    }

    /// The short texts in the message.
    package var words: [[UInt8]] {
        fields.flatMap { field -> [[UInt8]] in
            switch field.value {
            case .message(let message): message.words
            case .bytes(let bytes): bytes.count < 40 && bytes.allSatisfy { (0x20..<0x7F).contains($0) } ? [bytes] : []
            default: []
            }
        }
    }
}
