package import WinnowGraph
import WinnowTensor

extension [ValueInfo?] {
    /// What is known of input `index`, which the operator requires.
    package func required(_ index: Int) throws -> ValueInfo {
        guard let info = optional(index) else { throw WinnowError(.model, "input \(index)", "is missing") }
        return info
    }

    /// What is known of input `index`; nil where it is omitted.
    package func optional(_ index: Int) -> ValueInfo? { index < count ? self[index] : nil }

    /// The elements of the integer constant at `index`, cut to places in a tensor; nil where it is omitted or not known before
    /// running.
    func integers(_ index: Int) -> [Int]? { optional(index)?.integers?.map(\.cutToPlaces) }
}

extension Int {
    /// The axis counted from the front, for a value of `rank` axes.
    package func normalizedAxis(rank: Int, name: String = "axis") throws -> Int {
        let axis = self < 0 ? self + rank : self
        guard axis >= 0, axis < rank else {
            throw WinnowError(.shape, name, "is \(self), but the value has \(rank) axes")
        }
        return axis
    }
}

extension ElementType {
    /// The bytes of one element, for kernels that move whole bytes.
    func wholeByteCount(_ subject: String) throws -> Int {
        guard bitWidth >= 8 else {
            throw WinnowError(.unsupported, subject, "cannot move \(self) values", remedy: "dequantize them first")
        }
        return bitWidth / 8
    }
}
