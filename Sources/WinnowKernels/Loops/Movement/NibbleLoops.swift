/// Packing and unpacking of 4-bit codes, two to a byte, the first element in the low nibble.
package enum NibbleLoops {
    /// One code a byte.
    package static func unpack(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int) {
        let x = source.assumingMemoryBound(to: UInt8.self)
        let y = target.assumingMemoryBound(to: UInt8.self)
        for i in 0..<(count / 2) {
            y[2 * i] = x[i] & 15
            y[2 * i + 1] = x[i] &>> 4
        }
        if count & 1 == 1 { y[count - 1] = x[count / 2] & 15 }
    }

    /// One sign-extended code a byte.
    package static func unpackSigned(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int) {
        unpack(source, target, count)
        let y = target.assumingMemoryBound(to: Int8.self)
        for i in 0..<count { y[i] = (y[i] &<< 4) &>> 4 }
    }

    /// Packs `code(0)`, `code(1)`, …; the high bits of a code are ignored and the spare nibble is 0.
    @inline(__always)
    package static func pack(_ target: UnsafeMutableRawPointer, _ count: Int, _ code: (Int) -> UInt8) {
        let y = target.assumingMemoryBound(to: UInt8.self)
        for i in 0..<(count / 2) { y[i] = (code(2 * i) & 15) | (code(2 * i + 1) &<< 4) }
        if count & 1 == 1 { y[count / 2] = code(count - 1) & 15 }
    }
}
