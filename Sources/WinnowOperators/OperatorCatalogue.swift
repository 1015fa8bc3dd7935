package import WinnowGraph

/// Every operator Winnow knows, one line each, in alphabetical order.
package enum OperatorCatalogue {
    package static let all: [any Operator.Type] = [
        // One operator a line.
    ]

    package static let registry = OperatorRegistry(all)
}
