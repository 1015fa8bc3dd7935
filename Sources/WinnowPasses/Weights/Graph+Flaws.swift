import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

extension Graph {
    /// What is wrong with weights, biases and vectors of normalizations that are not finite, by name. Of other constants NaN alone is wrong:
    /// masks leave places out by infinities.
    var flaws: [ValueName: String] {
        let broken = weightTensors.compactMap { name in initializers[name]?.finiteness.map { (name, $0) } }
        guard !broken.isEmpty else { return [:] }
        let origins = constantOrigins
        let read = nodes.filter(\.op.takesFiniteNumbers).flatMap(\.inputs).compactMap { origins[$0] }
        let parameters = Set(read + capturedWeightSites.map(\.tensor))
        let flawed = broken.filter { name, _ in parameters.contains(name) || initializers[name]?.hasNaN == true }
        return Dictionary(flawed, uniquingKeysWith: { first, _ in first })
    }
}

extension Operator {
    /// Whether no constant that it reads means something by being infinite: layers and normalizations.
    fileprivate var takesFiniteNumbers: Bool {
        switch quantization {
        case .contraction, .weights: true
        default: self is BatchNormalization || self is LayerNormalization || self is any GroupedNormalization
        }
    }
}

extension Tensor {
    fileprivate var hasNaN: Bool { pieces.contains { doubles(in: $0).contains(where: \.isNaN) } }
}
