package import WinnowGraph
import WinnowTensor

/// (x − mean) / (√variance + 10⁻⁹) over some axes.
package struct MeanVarianceNormalization: Decomposition {
    package static let type = OperatorType("MeanVarianceNormalization")
    package static let maximumInputCount = 1
    package var float32Inputs: Set<Int> { [0] }

    package var axes: [Int]

    package init(axes: [Int] = [0, 2, 3]) { self.axes = axes }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axes: try attributes.ints("axes") ?? [0, 2, 3])
    }

    package var attributes: Attributes { ["axes": .ints(axes)] }
    package var minimumVersion: Int { 9 }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let centered = try b.subtract(x, b.reduced(ReduceMean.self, x, axes: axes))
        let deviation = try b.add(Sqrt(), b.reduced(ReduceMean.self, b.square(centered), axes: axes))
        return [try b.divide(centered, b.add(deviation, number: 1e-9))]
    }
}
