public import WinnowGraph
import WinnowOperators
import WinnowTensor

extension GraphBuilder {
    /// Adds a node of an ONNX operator and gives its first output.
    ///
    /// ```swift
    /// let mean = try b.add("ReduceMean", x, attributes: ["keepdims": 0])
    /// ```
    ///
    /// `type` is the name in the ONNX standard, read in the operator-set version of the graph that is extended, else 17; inputs are
    /// names of values, nil for an optional one that is left out. Node and output are called `name`; a taken one gets a number.
    ///
    /// Throws `.unsupported` for an operator or attribute that is not known, `.model` for inputs that do not fit.
    public func add(
        _ type: String, _ inputs: ValueName?..., attributes: [String: Attribute] = [:], name: String? = nil
    ) throws -> ValueName {
        let key = OperatorType(type)
        guard OperatorCatalogue.registry.contains(key) else {
            throw WinnowError(.unsupported, type, "is an operator that is not known", remedy: "write it as the ONNX standard does")
        }
        var attributes = Attributes(attributes)
        (attributes.inputCount, attributes.outputCount) = (inputs.count, 1)
        let op = try OperatorCatalogue.registry.makeOperator(key, attributes: attributes, version: version(of: ""))
        return try add(op, inputs: inputs, name: name)[0]
    }
}
