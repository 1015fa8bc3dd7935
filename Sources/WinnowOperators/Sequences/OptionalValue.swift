package import WinnowGraph
import WinnowTensor

/// Its input as a value that could be nothing; nothing, of the type in the attribute, where there is no input.
package struct OptionalValue: ListOperator {
    package static let type = OperatorType("Optional")
    package static let maximumInputCount = 1

    /// The type of what is not there.
    package var contents: ValueType?

    package init(_ contents: ValueType? = nil) { self.contents = contents }

    package init(attributes: Attributes, version: Int) throws {
        guard let value = attributes["type"] else { self.init(); return }
        guard case .type(let contents) = value else { throw WinnowError(.model, "type", "is no type") }
        self.init(contents)
    }

    package var attributes: Attributes { contents.map { ["type": .type($0)] } ?? [:] }
    package var minimumVersion: Int { 15 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard var type = inputs.optional(0)?.type ?? contents else { throw WinnowError(.model, "type", "is missing") }
        type.isOptional = true
        return [ValueInfo(type)]
    }

    package func results(_ inputs: [Datum?]) throws -> [Datum] { [(inputs.first ?? nil) ?? .nothing] }
}
