package import WinnowGraph
import WinnowTensor

/// The discrete Fourier transform along an axis of (…, samples, …, 1 or 2 parts): a product with the matrix of exponentials.
///
/// Inputs: data, length (cuts or pads the data with zeros), and from operator-set 20 the axis.
package struct DFT: Decomposition {
    package static let type = OperatorType("DFT")
    package static let maximumInputCount = 3

    /// The axis as an attribute, before operator set 20.
    package var axis: Int?
    package var isInverse: Bool
    /// Only the frequencies up to the half, in the result or, of an inverse transform, in the data; the others of a real signal
    /// mirror them.
    package var isOneSided: Bool

    package init(axis: Int? = nil, isInverse: Bool = false, isOneSided: Bool = false) {
        self.axis = axis
        self.isInverse = isInverse
        self.isOneSided = isOneSided
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            axis: version < 20 ? try attributes.int("axis", default: 1) : nil,
            isInverse: try attributes.flag("inverse", default: false),
            isOneSided: try attributes.flag("onesided", default: false))
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["inverse": .int(isInverse ? 1 : 0), "onesided": .int(isOneSided ? 1 : 0)]
        if let axis { attributes["axis"] = .int(axis) }
        return attributes
    }

    package var minimumVersion: Int { axis == nil ? 20 : 17 }
    package var maximumVersion: Int { axis == nil ? .max : 19 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let axis else { return nil }
        let name = graph.graph.freshValueName("\(node.name).axis")
        var edit = GraphEdit(replacing: [node.name], with: [])
        edit.initializers = [(name, Tensor(scalar: Int64(axis)))]
        edit.addedNodes = [
            Node(
                name: node.name, op: DFT(isInverse: isInverse, isOneSided: isOneSided),
                inputs: [node.inputs[0], node.input(1) ?? "", name], outputs: node.outputs)
        ]
        return edit
    }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        return [ValueInfo(x.elementType, x.extents.map { $0.map { _ in .unknown } })]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var x = try inputs.required(0)
        let rank = try b.rank(of: x)
        let given = try axis ?? inputs.present(2).map { try b.knownIntegers(of: $0) }?.first ?? -2
        let axis = try given.normalizedAxis(rank: rank)
        guard axis < rank - 1 else { throw WinnowError(.shape, "axis", "is the last, which holds real and imaginary parts") }
        let parts = try b.extent(rank - 1, of: x)
        let extent = try b.extent(axis, of: x)
        let isReal = isInverse && isOneSided
        let length = try inputs.present(1).map { try b.knownIntegers(of: $0) }?.first ?? (isReal ? 2 * (extent - 1) : extent)
        guard length > 0, parts == 1 || parts == 2 else {
            throw WinnowError(.shape, "input", "of length \(length) with \(parts) parts cannot be transformed")
        }
        let samples = min(extent, isReal ? length / 2 + 1 : length)
        x = try b.sliced(x, axis: axis, 0..<samples)
        let basis = FourierBasis(length: length, frequencyCount: isOneSided ? length / 2 + 1 : length, isInverse: isInverse)
        let order = (0..<rank).filter { $0 != axis && $0 != rank - 1 } + [axis, rank - 1]
        let kept = [Int](repeating: 0, count: rank - 2)
        let rows = try b.reshaped(b.transposed(x, order), kept + [samples * parts])
        var matrix = isReal
            ? try basis.realMatrix(frequencies: samples, parts: parts, b) : try basis.matrix(samples: samples, parts: parts, b)
        if b.elementType(of: x) != .float32 { matrix = try b.add(Cast(to: b.elementType(of: x)), matrix) }
        let result = isReal ? [length, 1] : [basis.frequencyCount, 2]
        let spectrum = try b.reshaped(b.add(MatMul(), rows, matrix), kept + result)
        return [try b.transposed(spectrum, (0..<rank).map { order.firstIndex(of: $0) ?? $0 })]
    }
}
