package import WinnowGraph
import WinnowTensor

/// The first `length` steps of each sequence in reverse order, the rest as they are; lengths are input 1.
package struct ReverseSequence: Decomposition {
    package static let type = OperatorType("ReverseSequence")
    package static let maximumInputCount = 2

    package var batchAxis: Int
    package var timeAxis: Int

    package init(batchAxis: Int = 1, timeAxis: Int = 0) {
        self.batchAxis = batchAxis
        self.timeAxis = timeAxis
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            batchAxis: try attributes.int("batch_axis", default: 1), timeAxis: try attributes.int("time_axis", default: 0))
        guard (0...1).contains(batchAxis), timeAxis == 1 - batchAxis else {
            throw WinnowError(.model, "batch_axis", "is \(batchAxis) and time_axis \(timeAxis): one must be 0, the other 1")
        }
    }

    package var attributes: Attributes { ["batch_axis": .int(batchAxis), "time_axis": .int(timeAxis)] }
    package var minimumVersion: Int { 10 }
    package var quantization: QuantizationRule { .keepsScale }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).type)]
    }

    /// `".bc, b -> .bc"`
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        var map = AxisMap.passing(inputs, except: [timeAxis])
        guard let terms = map.outputs.first, terms.count >= 2, map.inputs.count == 2 else { return .opaque }
        map.inputs[1] = [terms[batchAxis]]
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let steps = try b.reshaped(b.counting(b.extent(timeAxis, of: x)), timeAxis == 0 ? [-1, 1] : [1, -1])
        let lengths = try b.unsqueezed(inputs.required(1), [timeAxis])
        let mirrored = try b.subtract(b.add(lengths, number: -1), steps)
        let places = try b.add(Where(), b.add(Less(), steps, lengths), mirrored, steps)
        let wide = try b.unsqueezed(places, Array(2..<max(b.rank(of: x), 2)))
        return [try b.add(GatherElements(axis: timeAxis), x, b.add(Expand(), wide, b.shape(of: x)))]
    }
}
