import WinnowEngine
import WinnowGraph
import WinnowTensor

/// The moving average of parameters over steps: a ← decay·a + (1 − decay)·w (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).
struct WeightAverage {
    private let decay: Float
    private let names: [ValueName]
    private(set) var values: [ValueName: [Float]]

    init(_ decay: Double, of parameters: [ValueName], in variables: VariableStore) {
        self.decay = Float(decay)
        names = parameters
        values = Dictionary(uniqueKeysWithValues: parameters.map { ($0, variables[$0]?.floats() ?? []) })
    }

    mutating func add(_ variables: VariableStore) {
        for name in names {
            guard let pointer = variables.pointer(to: name)?.assumingMemoryBound(to: Float.self) else { continue }
            values[name]?.withUnsafeMutableBufferPointer { average in
                for index in average.indices { average[index] = decay * average[index] + (1 - decay) * pointer[index] }
            }
        }
    }

    /// These tensors with the averages in place of the parameters.
    func replacing(_ tensors: [ValueName: Tensor]) -> [ValueName: Tensor] {
        tensors.merging(values.compactMap { name, average in tensors[name].map { (name, Tensor(average, shape: $0.shape)) } }) { $1 }
    }

    /// What a checkpoint keeps.
    func tensors() -> [ValueName: Tensor] { values.mapValues { Tensor($0) } }

    mutating func restore(_ tensors: [ValueName: Tensor]) {
        for (name, tensor) in tensors where values[name]?.count == tensor.elementCount { values[name] = tensor.floats() }
    }
}
