package import WinnowGraph
import WinnowTensor

/// The first value as elements of the second's type.
package struct CastLike: Decomposition {
    package static let type = OperatorType("CastLike")
    package static let maximumInputCount = 2

    package var saturates: Bool

    package init(saturates: Bool = true) { self.saturates = saturates }

    package init(attributes: Attributes, version: Int) throws {
        self.init(saturates: try attributes.flag("saturate", default: true))
    }

    package var attributes: Attributes { saturates ? [:] : ["saturate": .int(0)] }
    package var minimumVersion: Int { saturates ? 15 : 19 }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let target = b.elementType(of: try inputs.required(1))
        return [try b.add(Cast(to: target, saturates: saturates), inputs.required(0))]
    }
}
