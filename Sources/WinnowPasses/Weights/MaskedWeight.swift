package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// A weight together with its pruning mask. Large ones are read some at a time, never copied.
package struct MaskedWeight: Sendable {
    package let tensor: ValueName
    /// Of a type that stores weights.
    package let values: Tensor
    /// float32, 0 where the weight is pruned; nil: where the weight is zero.
    package let mask: Tensor?

    /// Why a tensor can't be pruned element by element.
    static func objection(to tensor: Tensor?) -> String? {
        guard let type = tensor?.elementType, type.storesWeights else {
            return "is \(tensor?.elementType.description ?? "gone"): codes are not pruned"
        }
        return nil
    }

    /// nil unless the tensor holds floats.
    package init?(_ target: WeightTarget, in graph: Graph) {
        self.init(target.tensor, target.stored, mask: target.sites.lazy.compactMap(\.mask).first.flatMap { graph.initializers[$0] })
    }

    init?(_ tensor: ValueName, _ values: Tensor?, mask: Tensor?) {
        guard let values, Self.objection(to: values) == nil else { return nil }
        self.tensor = tensor
        self.values = values
        self.mask = mask?.converted(to: .float32)
    }

    package var count: Int { values.elementCount }

    /// What stands for the magnitude of a weight that is not in use.
    private static let unused: Float = -1

    /// Hands over the absolute values in order, some at a time; they are below 0 where a weight is not in use.
    func visitMagnitudes(_ take: (UnsafeBufferPointer<Float>) -> Void) {
        guard values.elementType == .float32 else { return visitConvertedMagnitudes(take) }
        values.withElements(Float.self) { values in
            for piece in self.values.pieces {
                let magnitudes = mask.map { mask in
                    mask.withElements(Float.self) { mask in piece.map { mask[$0] == 0 ? Self.unused : values[$0].magnitude } }
                } ?? piece.map { values[$0] == 0 ? Self.unused : values[$0].magnitude }
                magnitudes.withUnsafeBufferPointer(take)
            }
        }
    }

    private func visitConvertedMagnitudes(_ take: (UnsafeBufferPointer<Float>) -> Void) {
        for piece in values.pieces {
            let kept = mask?.doubles(in: piece) ?? values.doubles(in: piece)
            zip(values.doubles(in: piece), kept).map { $1 == 0 ? Self.unused : Float($0.magnitude) }.withUnsafeBufferPointer(take)
        }
    }

    /// The number of weights in use.
    package var keptCount: Int {
        var unused = 0
        visitMagnitudes { piece in unused += piece.count { $0 < 0 } }
        return count - unused
    }

    /// The part that is masked or zero.
    package var sparsity: Double {
        var zeros = 0
        visitMagnitudes { piece in zeros += piece.count { $0 <= 0 } }
        return count == 0 ? 0 : Double(zeros) / Double(count)
    }

    /// The absolute values, below 0 where a weight is not in use.
    package var magnitudesInUse: [Float] {
        var magnitudes: [Float] = []
        visitMagnitudes { magnitudes += $0 }
        return magnitudes
    }

    /// The weights in use, with their signs.
    var valuesInUse: [Double] {
        guard let mask else { return values.doubles().filter { $0 != 0 } }
        return zip(values.doubles(), mask.floats()).filter { $1 != 0 }.map(\.0)
    }

    /// The same weight with the numbers of another tensor at these places.
    func taking(_ numbers: Tensor, where isTaken: [Bool]) -> MaskedWeight {
        let merged = zip(zip(numbers.doubles(), values.doubles()), isTaken).map { $1 ? $0.0 : $0.1 }
        return MaskedWeight(tensor, Tensor(merged, shape: values.shape, as: values.elementType), mask: mask) ?? self
    }

    /// The same weight with another mask.
    package func masked(by mask: Tensor?) -> MaskedWeight { MaskedWeight(tensor, values, mask: mask) ?? self }
}

extension Tensor {
    /// The absolute values of a float32 tensor.
    package var magnitudes: [Float] { (elements(Float.self) ?? floats()).map(\.magnitude) }

    /// The part of the elements that are exactly zero.
    package var sparsity: Double {
        guard elementCount > 0 else { return 0 }
        let zeros = elements(Float.self)?.count { $0 == 0 } ?? doubles().count { $0 == 0 }
        return Double(zeros) / Double(elementCount)
    }
}
