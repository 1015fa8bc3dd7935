import WinnowTensor

/// Where RoiAlign samples a plane for one region.
struct RegionSamples {
    /// The four elements around a place: their offsets in the plane, and weights.
    struct Corners {
        var offsets: SIMD4<Int>
        var weights: SIMD4<Float>

        /// What they contribute.
        func values(_ plane: UnsafePointer<Float>) -> SIMD4<Float> {
            SIMD4(plane[offsets[0]], plane[offsets[1]], plane[offsets[2]], plane[offsets[3]]) * weights
        }
    }

    private let rows: Int
    private let columns: Int
    private let start: (y: Float, x: Float)
    private let step: (y: Float, x: Float)
    /// Samples of each bin along both axes.
    private let counts: (y: Int, x: Int)
    /// More than regions of any image need.
    private static let countLimit = 1 << 12

    init(_ op: RoiAlign, _ region: UnsafePointer<Float>, rows: Int, columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        let shift: Float = op.usesHalfPixels ? 0.5 : 0
        start = (region[1] * op.scale - shift, region[0] * op.scale - shift)
        var (height, width) = (region[3] * op.scale - shift - start.y, region[2] * op.scale - shift - start.x)
        if !op.usesHalfPixels { (height, width) = (max(height, 1), max(width, 1)) }
        step = (height / Float(op.bins.rows), width / Float(op.bins.columns))
        func samples(_ step: Float) -> Int { min(max(Int(place: step.rounded(.up)), 0), Self.countLimit) }
        counts = op.samples > 0 ? (op.samples, op.samples) : (samples(step.y), samples(step.x))
    }

    /// Samples of each bin.
    var count: Int { counts.y * counts.x }

    /// What sample `index` of a bin reads; nil more than one element outside the plane.
    func corners(row: Int, column: Int, sample index: Int) -> Corners? {
        let (i, j) = index.quotientAndRemainder(dividingBy: counts.x)
        let y = start.y + (Float(row) + (Float(i) + 0.5) / Float(counts.y)) * step.y
        let x = start.x + (Float(column) + (Float(j) + 0.5) / Float(counts.x)) * step.x
        guard rows > 0, columns > 0, y >= -1, x >= -1, y <= Float(rows), x <= Float(columns) else { return nil }
        let place = (y: min(max(y, 0), Float(rows - 1)), x: min(max(x, 0), Float(columns - 1)))
        let (top, left) = (Int(place.y), Int(place.x))
        let (bottom, right) = (min(top + 1, rows - 1), min(left + 1, columns - 1))
        let (dy, dx) = (place.y - Float(top), place.x - Float(left))
        return Corners(
            offsets: SIMD4(top * columns + left, top * columns + right, bottom * columns + left, bottom * columns + right),
            weights: SIMD4((1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx))
    }
}
