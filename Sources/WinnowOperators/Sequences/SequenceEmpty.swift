package import WinnowGraph
package import WinnowTensor

/// A list without members.
package struct SequenceEmpty: ListMaker {
    package static let type = OperatorType("SequenceEmpty")
    package static let maximumInputCount = 0
    package static var typeAttributes: Set<String> { ["dtype"] }

    package var elementType: ElementType

    package init(_ elementType: ElementType = .float32) { self.elementType = elementType }

    package init(attributes: Attributes, version: Int) throws {
        guard let type = ElementType(rawValue: try attributes.int("dtype", default: ElementType.float32.rawValue)) else {
            throw WinnowError(.model, "dtype", "names no element type that is known")
        }
        self.init(type)
    }

    package var attributes: Attributes { ["dtype": .int(elementType.rawValue)] }
    package var minimumVersion: Int { 11 }
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [.list(of: elementType)] }
    package func results(_ inputs: [Datum?]) throws -> [Datum] { [.list([])] }
    package func members(of node: Node, in graph: GraphIndex) -> [ValueName]? { [] }
}
