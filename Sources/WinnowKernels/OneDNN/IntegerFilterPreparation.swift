internal import WinnowTensor

extension IntegerFilter {
    /// Throws unless scales and zero points are one or `channels` in number.
    func validate(channels: Int, subject: String) throws {
        guard elementType == .int8 || elementType == .uint8 else {
            throw WinnowError(.unsupported, subject, "the filter holds \(elementType), not int8 or uint8")
        }
        guard [scales.count, zeroPoints.count].allSatisfy({ $0 == 1 || $0 == channels }) else {
            throw WinnowError(
                .shape, subject, "\(scales.count) scales and \(zeroPoints.count) zero points for \(channels) channels")
        }
    }

    func scale(_ channel: Int) -> Float { scales.count == 1 ? scales[0] : scales[channel] }
    func zeroPoint(_ channel: Int) -> Int32 { zeroPoints.count == 1 ? zeroPoints[0] : zeroPoints[channel] }

    /// The same filter as int8 with zero point 0, in memory of its own, or nil if some code would not fit.
    ///
    /// - Parameters:
    ///   - count: the number of codes; `channel` tells the output channel of each.
    func symmetric(count: Int, channel: (Int) -> Int) -> Tensor? {
        var result = Tensor(uninitialized: [count], .int8)
        let fits = result.withMutableElements(Int8.self) { target in
            for index in 0..<count {
                guard let code = Int8(exactly: code(index) - zeroPoint(channel(index))) else { return false }
                target[index] = code
            }
            return true
        }
        return fits ? result : nil
    }

    /// Any filter as int8 codes in memory of their own, and with the zero points that go with these.
    func shifted(count: Int) -> (codes: Tensor, filter: IntegerFilter) {
        let shift: Int32 = elementType == .uint8 ? 128 : 0
        var result = Tensor(uninitialized: [count], .int8)
        result.withMutableElements(Int8.self) { target in
            for index in 0..<count { target[index] = Int8(truncatingIfNeeded: code(index) - shift) }
        }
        var filter = self
        filter.zeroPoints = zeroPoints.map { $0 - shift }
        return (result, filter)
    }

    /// For each output channel the sum of its codes, of which `channel` tells the channel.
    static func sums(of codes: Tensor, channels: Int, channel: (Int) -> Int) -> [Int32] {
        var sums = [Int32](repeating: 0, count: channels)
        codes.withElements(Int8.self) { codes in
            for index in codes.indices { sums[channel(index)] &+= Int32(codes[index]) }
        }
        return sums
    }

    /// (code − zero point) · factor · scale of each code as float32.
    func dequantized(count: Int, factor: Float, appliesScales: Bool = true, channel: (Int) -> Int) -> Tensor {
        var result = Tensor(uninitialized: [count], .float32)
        result.withMutableElements(Float.self) { target in
            for index in 0..<count {
                let channel = channel(index)
                let value = Float(code(index) - zeroPoint(channel))
                target[index] = appliesScales ? value * (factor * scale(channel)) : value
            }
        }
        return result
    }

    private func code(_ index: Int) -> Int32 {
        elementType == .int8
            ? Int32(codes.assumingMemoryBound(to: Int8.self)[index])
            : Int32(codes.assumingMemoryBound(to: UInt8.self)[index])
    }
}
