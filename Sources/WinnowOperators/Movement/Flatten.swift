package import WinnowGraph
import WinnowTensor

/// Merges the axes before `axis` into one and the others into a second.
package struct Flatten: Operator {
    package static let type = OperatorType("Flatten")
    package static let maximumInputCount = 1

    package var axis: Int

    package init(axis: Int = 1) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: 1))
    }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { axis < 0 ? 11 : 1 }
    package var quantization: QuantizationRule { .keepsScale }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { graph.reshaping(of: node) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(data.elementType, [.unknown, .unknown])] }
        let split = try splitAxis(rank: extents.count)
        return [
            data.reshaped(to: [ExtentProduct(extents[..<split]).extent, ExtentProduct(extents[split...]).extent])
        ]
    }

    private func splitAxis(rank: Int) throws -> Int {
        let split = axis < 0 ? axis + rank : axis
        guard (0...rank).contains(split) else {
            throw WinnowError(.shape, "axis", "is \(axis), but the value has \(rank) axes")
        }
        return split
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { .view }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count, let split = try? splitAxis(rank: rank) else {
            return .opaque
        }
        func merged(_ labels: ArraySlice<Character>) -> AxisTerm {
            labels.isEmpty ? .one : labels.count == 1 ? .label(labels[labels.startIndex]) : .product(labels.map { .label($0) })
        }
        return AxisMap(
            inputs: [letters[..<rank].map { .label($0) }],
            outputs: [[merged(letters[..<split]), merged(letters[split..<rank])]])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.reshapedToInput(context.outputGradient())]
    }
}
