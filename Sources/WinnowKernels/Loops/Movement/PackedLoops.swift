/// Packing and unpacking of 2- and 4-bit codes, several to a byte, the first element in the lowest bits.
package enum PackedLoops {
    /// One code a byte.
    package static func unpack(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int, bits: Int) {
        let x = source.assumingMemoryBound(to: UInt8.self)
        let y = target.assumingMemoryBound(to: UInt8.self)
        let (perByte, mask) = (8 / bits, UInt8((1 << bits) - 1))
        for i in 0..<(count / perByte) {
            for j in 0..<perByte { y[perByte &* i &+ j] = (x[i] &>> UInt8(truncatingIfNeeded: j &* bits)) & mask }
        }
        for i in (count / perByte * perByte)..<count { y[i] = (x[i / perByte] &>> UInt8(i % perByte * bits)) & mask }
    }

    /// One sign-extended code a byte.
    package static func unpackSigned(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int, bits: Int) {
        unpack(source, target, count, bits: bits)
        let y = target.assumingMemoryBound(to: Int8.self)
        let spare = Int8(8 - bits)
        for i in 0..<count { y[i] = (y[i] &<< spare) &>> spare }
    }

    /// Packs `code(0)`, `code(1)`, …; the high bits of a code are ignored and spare bits are 0.
    @inline(__always)
    package static func pack(_ target: UnsafeMutableRawPointer, _ count: Int, bits: Int, _ code: (Int) -> UInt8) {
        let y = target.assumingMemoryBound(to: UInt8.self)
        let (perByte, mask) = (8 / bits, UInt8((1 << bits) - 1))
        for i in 0..<((count + perByte - 1) / perByte) {
            var byte: UInt8 = 0
            for j in 0..<min(perByte, count &- perByte &* i) {
                byte |= (code(perByte &* i &+ j) & mask) &<< UInt8(truncatingIfNeeded: j &* bits)
            }
            y[i] = byte
        }
    }
}
