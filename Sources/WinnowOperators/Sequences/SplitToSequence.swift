package import WinnowGraph
import WinnowTensor

/// A value cut along an axis into a list: into single slices, or as input 1 says (one length for all parts, or a list of
/// lengths).
package struct SplitToSequence: ListOperator, Decomposition {
    package static let type = OperatorType("SplitToSequence")
    package static let maximumInputCount = 2

    package var axis: Int
    /// Whether single slices keep the axis.
    package var keepsAxis: Bool

    package init(axis: Int = 0, keepsAxis: Bool = true) {
        self.axis = axis
        self.keepsAxis = keepsAxis
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: 0), keepsAxis: try attributes.flag("keepdims", default: true))
    }

    /// Longer lists are not taken apart when planning.
    private static let partLimit = 256

    package var attributes: Attributes { ["axis": .int(axis), "keepdims": .int(keepsAxis ? 1 : 0)] }
    package var minimumVersion: Int { 11 }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [.list(of: try inputs.required(0).elementType)] }

    /// Whether single slices are meant, which may lose the axis. Torch writes them as parts of length 1, and ONNX Runtime takes
    /// the axis away there too.
    private func takesSlices(_ lengths: Tensor?) -> Bool { lengths.map { $0.rank == 0 && $0.integers() == [1] } ?? true }

    /// The parts' extents from the contents of input 1, which may be missing.
    private func extents(_ lengths: Tensor?, of total: Int) throws -> [Int] {
        guard let lengths else { return [Int](repeating: 1, count: total) }
        let numbers = lengths.integers()
        guard lengths.rank == 0, let length = numbers.first else { return numbers }
        guard length > 0 else { throw WinnowError(.data, "split", "is \(length), but must be positive") }
        return stride(from: 0, to: total, by: length).map { Swift.min(length, total - $0) }
    }

    package func results(_ inputs: [Datum?]) throws -> [Datum] {
        let tensor = try inputs.tensor(0)
        let axis = try axis.normalizedAxis(rank: tensor.rank)
        let lengths = inputs.optionalTensor(1)
        let extents = try extents(lengths, of: tensor.shape[axis])
        guard extents.allSatisfy({ $0 >= 0 }), extents.reduce(0, +) == tensor.shape[axis] else {
            throw WinnowError(.data, "split", "\(extents) does not add up to \(tensor.shape[axis])")
        }
        var start = 0
        return [
            .list(
                extents.map { extent in
                    defer { start += extent }
                    let part = tensor.selecting(Array(start..<(start + extent)), axis: axis)
                    guard takesSlices(lengths), !keepsAxis else { return part }
                    return part.reshaped(Shape(tensor.shape.indices.filter { $0 != axis }.map { tensor.shape[$0] }))
                })
        ]
    }

    /// Where the number of parts is known: Split, and a list of its results.
    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let total = try b.extent(axis.normalizedAxis(rank: b.rank(of: x)), of: x)
        let lengths = try inputs.present(1).map { name -> Tensor in
            guard let tensor = b.info(of: name)?.constant else { throw UndeterminedShape() }
            return tensor
        }
        let areFewParts = lengths.map { $0.rank == 1 || ($0.integers().first ?? 0) > total / Self.partLimit } ?? false
        guard total <= Self.partLimit || areFewParts else {
            throw UndeterminedShape()
        }
        let extents = try extents(lengths, of: total)
        guard (1...Self.partLimit).contains(extents.count) else { throw UndeterminedShape() }
        var parts = try b.add(Split(axis: axis), inputs: [x, b.integers(extents, name: "extents")], outputs: extents.count)
        if takesSlices(lengths), !keepsAxis { parts = try parts.map { try b.squeezed($0, [axis]) } }
        return [try b.add(SequenceConstruct(), inputs: parts)[0]]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        throw refusal(ofNode: request.nodeName)
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }
    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }
}
