/// Sums and updates of whole float32 buffers; sums run in float32 lanes that are added up in float64.
package enum VectorArithmetic {
    /// Σ x².
    package static func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double { dot(x, x, count: count) }

    /// Σ x.
    package static func sum(_ x: UnsafePointer<Float>, count: Int) -> Double {
        var (total, i) = (0.0, 0)
        while i < count {
            let end = min(i + 4096, count)
            var sums = SIMD16<Float>.zero
            while i + 16 <= end {
                sums += UnsafeRawPointer(x + i).loadUnaligned(as: SIMD16<Float>.self)
                i += 16
            }
            total += Double(sums.sum())
            while i < end {
                total += Double(x[i])
                i += 1
            }
        }
        return total
    }

    /// Σ x·y.
    package static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Double {
        var total = 0.0
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { lanes in
            guard let sums = lanes.baseAddress else { return }
            for block in stride(from: 0, to: count, by: 2048) {
                let end = min(block + 2048, count)
                for lane in 0..<32 { sums[lane] = 0 }
                var i = block
                while i + 32 <= end {
                    for lane in 0..<32 { sums[lane] += x[i + lane] * y[i + lane] }
                    i += 32
                }
                for lane in 0..<32 { total += Double(sums[lane]) }
                for rest in i..<end { total += Double(x[rest] * y[rest]) }
            }
        }
        return total
    }

    /// y *= a.
    package static func scale(_ y: UnsafeMutablePointer<Float>, by a: Float, count: Int) {
        forChunks(count) { start, count in
            let to = y + start
            for i in 0..<count { to[i] *= a }
        }
    }

    /// sums += x and squares += x².
    package static func addMoments(
        of x: UnsafePointer<Float>, to sums: UnsafeMutablePointer<Float>, _ squares: UnsafeMutablePointer<Float>, count: Int
    ) {
        for i in 0..<count {
            sums[i] += x[i]
            squares[i] += x[i] * x[i]
        }
    }
}
