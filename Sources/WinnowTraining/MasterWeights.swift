package import WinnowGraph
import WinnowOperators
package import WinnowTensor

extension Graph {
    /// What training computes of a model with float16, bfloat16 or float64 parameters: the same in float32, on float32 copies of them (master
    /// weights; Micikevicius et al. 2018, section 3.1). Inputs keep their types, values their names; what the model rounds to such a type, this
    /// does not. The graph itself where it has none, or an operator keeps to their types.
    ///
    /// - Parameter others: types that become float32 too, though no parameters have them: outputs.
    package func takingMasterWeights(and others: Set<ElementType> = []) -> Graph {
        let types = masterTypes.union(others)
        return types.isEmpty ? self : (try? inFloat32(from: types, keepingOutputTypes: false)) ?? self
    }

    /// The types of parameters that are trained as float32 copies.
    package var masterTypes: Set<ElementType> {
        Set(trainableInitializers(of: [.float16, .bfloat16, .float64]).compactMap { initializers[$0]?.elementType })
    }

    /// The graph with these contents, in the types that its initializers have.
    package func settingContents(_ tensors: [ValueName: Tensor]) throws -> Graph {
        let own = initializers
        return try settingInitializers(
            tensors.filter { own[$0.key] != nil }.map { ($0, $1.converted(to: own[$0]?.elementType ?? $1.elementType)) }
                .reduce(into: [:]) { $0[$1.0] = $1.1 })
    }
}

extension Objective {
    /// The objective in float32: `Graph.takingMasterWeights`.
    package func takingMasterWeights() -> Objective {
        var result = self
        result.graph = graph.takingMasterWeights()
        return result
    }
}
