package import WinnowGraph
package import WinnowTensor

/// Ones on one diagonal of a matrix of the input's shape, zeros elsewhere.
package struct EyeLike: Decomposition {
    package static let type = OperatorType("EyeLike")
    package static let maximumInputCount = 1
    package static var typeAttributes: Set<String> { ["dtype"] }

    /// The element type; nil is the input's.
    package var target: ElementType?
    /// How far above the main diagonal.
    package var diagonal: Int

    package init(target: ElementType? = nil, diagonal: Int = 0) {
        self.target = target
        self.diagonal = diagonal
    }

    package init(attributes: Attributes, version: Int) throws {
        let code = try attributes.int("dtype")
        self.init(target: code.flatMap { ElementType(rawValue: $0) }, diagonal: try attributes.int("k", default: 0))
        guard code == nil || target != nil else { throw WinnowError(.model, "dtype", "names no element type that is known") }
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["k": .int(diagonal)]
        if let target { attributes["dtype"] = .int(target.rawValue) }
        return attributes
    }

    package var minimumVersion: Int { 9 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        return [ValueInfo(target ?? data.elementType, data.extents)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let shape = try b.knownShape(of: x)
        guard shape.rank == 2 else { throw WinnowError(.shape, "input", "must be a matrix, but has \(shape.rank) axes") }
        let eye = try b.table("eye", shape.extents, as: target ?? b.elementType(of: x)) {
            $0 % shape[1] - $0 / shape[1] == diagonal ? 1 : 0
        }
        return [try b.add(Identity(), eye)]
    }
}
