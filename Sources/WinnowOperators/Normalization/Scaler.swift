package import WinnowGraph
import WinnowTensor

/// (x − offset) · scale in float32, one number for all columns or one for each: scikit-learn's scalers.
package struct Scaler: Decomposition {
    package static let type = OperatorType("Scaler", domain: "ai.onnx.ml")
    package static let maximumInputCount = 1

    package var offset: [Float]
    package var scale: [Float]

    package init(offset: [Float] = [], scale: [Float] = []) {
        (self.offset, self.scale) = (offset, scale)
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(offset: try attributes.floats("offset") ?? [], scale: try attributes.floats("scale") ?? [])
    }

    package var attributes: Attributes { ["offset": .floats(offset), "scale": .floats(scale)] }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(.float32, try inputs.required(0).extents)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var x = try inputs.required(0)
        if b.elementType(of: x) != .float32 { x = try b.add(Cast(to: .float32), x) }
        let moved = try offset.isEmpty ? x : b.subtract(x, b.constant("offset", Tensor(offset)))
        return [try scale.isEmpty ? b.add(Identity(), moved) : b.multiply(moved, b.constant("scale", Tensor(scale)))]
    }
}
