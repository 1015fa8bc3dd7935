/// 64 bits that tell contents apart, taken word by word: what fingerprints of models, data and settings are made of.
///
/// It is no defence against somebody who wants two contents to look alike.
package struct ContentHash: Sendable, Hashable {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    /// The hash so far, every bit of it depending on all that was added.
    package var value: UInt64 { SplitMix.mix(state) }

    package var text: String { String(value, radix: 16) }

    package mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
        state ^= state >> 29
    }

    /// Adds bytes and their number.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let whole = bytes.count & ~7
        for offset in stride(from: 0, to: whole, by: 8) { add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        var last: UInt64 = 0
        for byte in bytes[whole...] { last = last << 8 | UInt64(byte) }
        add(last)
        add(UInt64(bytes.count))
    }

    package mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// Adds element type, shape and elements.
    package mutating func add(_ tensor: Tensor) {
        add("\(tensor.elementType)[\(tensor.shape)]")
        tensor.withUnsafeBytes { add($0) }
    }
}
