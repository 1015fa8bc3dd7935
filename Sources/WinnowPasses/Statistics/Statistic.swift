package import WinnowTensor

/// What is learned from the values that pass by one place of a graph: batch by batch, in constant memory.
package protocol Statistic: Sendable {
    /// Whether it must know where in the value's shape an element lies; the others see the elements in any order.
    static var needsPlaces: Bool { get }

    /// The values of one batch; row-major in `shape` where places are needed.
    mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape)

    /// What another part of the data gave: the same as if it had been added here.
    mutating func merge(_ other: Self)

    /// Whether it would not be the same without something infinite or NaN that was added.
    var isFinite: Bool { get }
}

extension Statistic {
    package var isFinite: Bool { true }
}
