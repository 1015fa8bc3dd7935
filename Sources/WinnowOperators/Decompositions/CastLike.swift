package import WinnowGraph
package import WinnowTensor

/// The first value as elements of the second's type.
package struct CastLike: Decomposition {
    package static let type = OperatorType("CastLike")
    package static let maximumInputCount = 2

    package var rounding: MiniFloat.Rounding

    package init(rounding: MiniFloat.Rounding = MiniFloat.Rounding(.up)) { self.rounding = rounding }

    package init(attributes: Attributes, version: Int) throws {
        self.init(rounding: try MiniFloat.Rounding(attributes: attributes))
    }

    package var attributes: Attributes {
        var result = Attributes()
        rounding.add(to: &result)
        return result
    }

    package var minimumVersion: Int { max(15, rounding.minimumVersion) }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(1).elementType, try inputs.required(0).extents)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let target = b.elementType(of: try inputs.required(1))
        return [try b.add(Cast(to: target, rounding: rounding), inputs.required(0))]
    }
}
