internal import WinnowTensor

/// The sum of two tensors of 8-bit codes of one shape: quantize(dequantize(a) + dequantize(b)).
package struct QuantizedAddKernel: Sendable {
    private let a: AffineEncoding
    private let b: AffineEncoding
    private let target: AffineEncoding
    /// The real numbers of every code of a and b.
    private let values: [Float]
    private let range: ClosedRange<Int>

    /// `clipsAtZero` fuses a ReLU.
    package init(_ a: AffineEncoding, _ b: AffineEncoding, to target: AffineEncoding, clipsAtZero: Bool = false) throws {
        guard let codes = target.elementType.integerRange, target.elementType.bitWidth == 8 else {
            throw WinnowError(.unsupported, "quantized add", "to \(target.elementType) is not defined")
        }
        range = (clipsAtZero ? max(codes.lowerBound, Int(target.zeroPoint)) : codes.lowerBound)...codes.upperBound
        values = [a, b].flatMap { encoding in
            (0..<256).map { byte in
                let code = encoding.elementType == .int8 ? Int32(Int8(truncatingIfNeeded: byte)) : Int32(byte)
                return encoding.scale * Float(code - encoding.zeroPoint)
            }
        }
        self.a = a
        self.b = b
        self.target = target
    }

    package func run(
        _ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, to codes: UnsafeMutablePointer<UInt8>, count: Int
    ) {
        let point = target.zeroPoint
        let (lower, upper) = (Float(range.lowerBound - Int(point)), Float(range.upperBound - Int(point)))
        let scale = target.scale
        values.withUnsafeBufferPointer { table in
            guard let left = table.baseAddress else { return }
            let right = left + 256
            forChunks(count) { start, count in
                for i in start..<(start + count) {
                    let steps = CodeArithmetic.steps((left[Int(first[i])] + right[Int(second[i])]) / scale, lower, upper)
                    codes[i] = UInt8(truncatingIfNeeded: CodeArithmetic.integer(steps) &+ point)
                }
            }
        }
    }
}
