package import WinnowTensor

/// How integer codes stand for real numbers: real = scale · (code − zeroPoint).
package struct AffineEncoding: Hashable, Sendable {
    /// `uint8` or `int8`.
    package var elementType: ElementType
    package var scale: Float
    package var zeroPoint: Int32

    package init(_ elementType: ElementType, scale: Float, zeroPoint: Int32 = 0) {
        self.elementType = elementType
        self.scale = scale
        self.zeroPoint = zeroPoint
    }
}

/// Several encodings in memory: scales, and one zero point for each of them.
package struct AffineEncodings {
    package var scales: UnsafePointer<Float>
    package var zeroPoints: UnsafePointer<Float>

    package init(scales: UnsafePointer<Float>, zeroPoints: UnsafePointer<Float>) {
        self.scales = scales
        self.zeroPoints = zeroPoints
    }
}

extension AffineEncoding {
    /// Calls `body` with this encoding as one in memory.
    package func withEncodings<Result>(_ body: (AffineEncodings) throws -> Result) rethrows -> Result {
        try withUnsafePointer(to: scale) { scale in
            try withUnsafePointer(to: Float(zeroPoint)) { try body(AffineEncodings(scales: scale, zeroPoints: $0)) }
        }
    }
}
