package import WinnowGraph
import WinnowTensor

/// Rows divided by their largest element, sum of magnitudes or length, in float32: scikit-learn's normalizer.
package struct Normalizer: Decomposition {
    package enum Norm: String, Sendable { case largest = "MAX", magnitudes = "L1", length = "L2" }

    package static let type = OperatorType("Normalizer", domain: "ai.onnx.ml")
    package static let maximumInputCount = 1

    package var norm: Norm

    package init(_ norm: Norm = .largest) { self.norm = norm }

    package init(attributes: Attributes, version: Int) throws {
        let name = try attributes.string("norm", default: Norm.largest.rawValue)
        guard let norm = Norm(rawValue: name) else { throw WinnowError(.model, "norm", "\(name) is not known") }
        self.init(norm)
    }

    package var attributes: Attributes { ["norm": .string(norm.rawValue)] }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(.float32, try inputs.required(0).extents)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var x = try inputs.required(0)
        if b.elementType(of: x) != .float32 { x = try b.add(Cast(to: .float32), x) }
        let axes = [try b.rank(of: x) == 1 ? 0 : 1]
        let size = switch norm {
        case .largest: try b.reduced(ReduceMax.self, x, axes: axes)
        case .magnitudes: try b.reduced(ReduceL1.self, x, axes: axes)
        case .length: try b.reduced(ReduceL2.self, x, axes: axes)
        }
        // Rows of zeros stay.
        let isZero = try b.add(Equal(), size, b.scalar(0, like: size))
        return [try b.add(Div(), x, b.add(Where(), isZero, b.scalar(1, like: size), size))]
    }
}
