package import WinnowGraph
package import WinnowTensor

/// A tensor kept in the node itself.
package struct Constant: Operator {
    package static let type = OperatorType("Constant")
    package static let maximumInputCount = 0

    package var value: Tensor

    package init(_ value: Tensor) { self.value = value }

    package init(attributes: Attributes, version: Int) throws {
        if let tensor = try attributes.tensor("value") {
            value = tensor
        } else if let number = try attributes.float("value_float") {
            value = Tensor(scalar: number)
        } else if let number = try attributes.int("value_int", isSize: false) {
            value = Tensor(scalar: Int64(number))
        } else if let numbers = try attributes.floats("value_floats") {
            value = Tensor(numbers)
        } else if let numbers = try attributes.ints("value_ints", areSizes: false) {
            value = Tensor(numbers.map { Int64($0) })
        } else {
            throw WinnowError(.unsupported, "Constant", "holds neither numbers nor a dense tensor")
        }
    }

    package var attributes: Attributes { ["value": .tensor(value)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(constant: value)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { filling() }
}
