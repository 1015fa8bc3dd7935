package import WinnowGraph
import WinnowOperators
import WinnowTensor

extension GraphBuilder {
    /// A batch normalization with fresh parameters and statistics, named `<name>.scale` and so on.
    package func batchNormalization(_ x: ValueName, name: String) throws -> ValueName {
        guard let channels = info(of: x)?.extents?.dropFirst().first?.value else {
            throw WinnowError(.shape, name, "needs an input with a known number of channels")
        }
        let (ones, zeros) = (Tensor(repeating: Float(1), shape: [channels]), Tensor(zeros: [channels]))
        let vectors = [("scale", ones), ("bias", zeros), ("mean", zeros), ("variance", ones)]
        return try add(
            BatchNormalization(), inputs: [x] + vectors.map { constant("\(name).\($0.0)", $0.1) }, name: name)[0]
    }
}
