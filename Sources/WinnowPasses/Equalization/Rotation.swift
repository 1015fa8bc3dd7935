import WinnowTensor

/// An orthogonal matrix that spreads each number over as many others: blocks R of `size` along an axis, R = D·H/√size, H Hadamard's matrix
/// (Sylvester 1867) and D random signs (Ashkboos et al. 2024, "QuaRot", section 3).
struct Rotation {
    let size: Int
    /// The diagonal of D, divided by √size.
    private let signs: [Double]
    /// Of the reflection behind it; empty without one.
    private var normal: [Double] = []

    /// - Parameters:
    ///   - size: a power of two.
    ///   - keepsMeans: whether R takes a row of ones to itself, so that means of blocks, and with them LayerNormalization, stay: behind H comes
    ///     the reflection that takes 1·D·H/√size back to 1.
    init(size: Int, keepsMeans: Bool, seed: UInt64) {
        self.size = size
        var random = RandomGenerator(seed: seed)
        let scale = 1 / Double(size).squareRoot()
        signs = (0..<size).map { _ in random.next() & 1 == 0 ? scale : -scale }
        guard keepsMeans else { return }
        var difference = [Double](repeating: scale, count: size)
        difference.withUnsafeMutableBufferPointer { turn($0) }
        for place in 0..<size { difference[place] -= scale }
        let length = difference.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if length > 1e-6 { normal = difference.map { $0 / length } }
    }

    /// x·R in place.
    private func turn(_ x: UnsafeMutableBufferPointer<Double>) {
        for place in 0..<size { x[place] *= signs[place] }
        var half = 1
        while half < size {
            for start in stride(from: 0, to: size, by: 2 * half) {
                for place in start..<(start + half) {
                    (x[place], x[place + half]) = (x[place] + x[place + half], x[place] - x[place + half])
                }
            }
            half *= 2
        }
        guard !normal.isEmpty else { return }
        let product = 2 * (0..<size).reduce(0) { $0 + x[$1] * normal[$1] }
        for place in 0..<size { x[place] -= product * normal[place] }
    }

    /// The float32 tensor with every run of `size` numbers along the axis multiplied with R from the right.
    func applied(to tensor: Tensor, axis: Int) -> Tensor {
        var result = tensor
        let (inner, blocks) = (tensor.shape.strides[axis], tensor.shape[axis] / size)
        var run = [Double](repeating: 0, count: size)
        run.withUnsafeMutableBufferPointer { run in
            result.withMutableElements(Float.self) { values in
                for index in 0..<(values.count / size) {
                    // Outer axes, blocks of the axis, inner axes.
                    let (block, place) = index.quotientAndRemainder(dividingBy: inner)
                    let (outer, part) = block.quotientAndRemainder(dividingBy: blocks)
                    let first = (outer * blocks + part) * size * inner + place
                    for row in 0..<size { run[row] = Double(values[first + row * inner]) }
                    turn(run)
                    for row in 0..<size { values[first + row * inner] = Float(run[row]) }
                }
            }
        }
        return result
    }
}
