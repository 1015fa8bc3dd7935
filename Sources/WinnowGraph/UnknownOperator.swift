package import WinnowTensor

/// An operator Winnow does not know: it loads, prints and is written back unchanged, but does not run.
package struct UnknownOperator: Operator {
    package static let type = OperatorType("Unknown", domain: "winnow")
    package let type: OperatorType
    package let attributes: Attributes
    package let version: Int
    /// The types that the file declares for its outputs; may be fewer than it has, and nil where it declares none.
    package var outputTypes: [ValueType?] = []

    package init(_ type: OperatorType, attributes: Attributes, version: Int) {
        self.type = type
        self.attributes = attributes
        self.version = version
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(Self.type, attributes: attributes, version: version)
    }

    package var minimumVersion: Int { version }
    package var bodies: [String: Graph] {
        var bodies: [String: Graph] = [:]
        for (name, value) in attributes.values {
            if case .graph(let body) = value { bodies[name] = body }
            if case .graphs(let list) = value { for (index, body) in list.enumerated() { bodies["\(name)[\(index)]"] = body } }
        }
        return bodies
    }

    /// The same operator with other attributes.
    func with(_ attributes: Attributes) -> UnknownOperator {
        var result = UnknownOperator(type, attributes: attributes, version: version)
        result.outputTypes = outputTypes
        return result
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        outputTypes.map { $0.map { ValueInfo($0) } ?? .unknown }
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        throw refusal(ofNode: request.nodeName)
    }

    /// What is said when the node is to run.
    package func refusal(ofNode name: String) -> WinnowError {
        let remedy = "the model can be inspected and rewritten around it, but not run"
        if let foreign = outputTypes.lazy.compactMap({ $0?.foreign }).first { return foreign.refusal(of: name, "\(type) gives", remedy: remedy) }
        return WinnowError(.unsupported, name, "operator \(type) (opset \(version)) is not known", remedy: remedy)
    }
}
