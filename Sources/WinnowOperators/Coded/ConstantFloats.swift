package import WinnowGraph
package import WinnowTensor

extension GraphIndex {
    /// The floats that a value is: a constant, or one that Cast gives another type, as scales in half precision are read. What that widens
    /// keeps the type in which it is stored.
    package func constantFloats(_ value: ValueName?) -> Tensor? {
        if let tensor = constant(value) { return tensor.elementType.isFloatingPoint ? tensor : nil }
        guard let cast = producer(of: value), let target = (cast.op as? Cast)?.target, target.isFloatingPoint, target.bitWidth >= 16,
            let stored = constant(cast.input(0)), stored.elementType.isFloatingPoint
        else { return nil }
        return stored.elementType.bitWidth < target.bitWidth ? stored : stored.converted(to: target)
    }
}
