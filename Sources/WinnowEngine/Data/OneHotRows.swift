package import WinnowTensor

/// Class indices as probabilities: 1 at the class, else 0; (N, classes).
package struct OneHotRows: SampleSource {
    private let classes: [Int]
    private let width: Int

    /// Throws `.data` where an index is none of `width` classes.
    package init(_ classes: [Int], width: Int) throws {
        if let wrong = classes.first(where: { !(0..<width).contains($0) }) {
            throw WinnowError(.data, "labels", "hold \(wrong), which is none of \(width) classes")
        }
        (self.classes, self.width) = (classes, width)
    }

    package var count: Int { classes.count }
    package var sampleShape: Shape { [width] }
    package var elementType: ElementType { .float32 }

    package func sample(at row: Int) -> Tensor {
        var values = [Float](repeating: 0, count: width)
        values[classes[row]] = 1
        return Tensor(values, shape: [1, width])
    }
}
