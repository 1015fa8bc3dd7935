import WinnowGraph
import WinnowTensor

extension Graph {
    /// What is known of the outputs of a control-flow body, its contents and symbols aside: the file's word where nothing
    /// can be inferred.
    var bodyOutputs: [ValueInfo] { outputs(in: infos, keeping: []) }

    /// What a body gives for inputs of these types where so much is known of the values around, with the symbols of both, if it
    /// gives every state the type that it was given; nil where it does not. `states` are places among inputs and outputs.
    func steadyOutputs(
        for types: [ValueType?] = [], states: [(input: Int, output: Int)] = [], around: [ValueName: ValueInfo]
    ) -> [ValueInfo]? {
        let known = types.compactMap { $0 }.filter { $0.extents != nil && $0.isTensor }
        guard known.count == inputs.count, types.count == inputs.count else { return nil }
        let given = Dictionary(zip(inputs.map(\.name), known), uniquingKeysWith: { first, _ in first })
        guard let infos = try? inferInfos(inputTypes: given, around: around) else { return nil }
        let outer = known + captures.keys.compactMap { around[$0]?.type }
        let results = outputs(in: infos, keeping: Set(outer.flatMap { $0.extents ?? [] }))
        return states.allSatisfy { !results[$0.output].isGuess && results[$0.output].type == known[$0.input] } ? results : nil
    }

    private func outputs(in infos: [ValueName: ValueInfo], keeping symbols: Set<Extent>) -> [ValueInfo] {
        outputs.map { name in
            if let info = infos[name], !info.isGuess { return info.keeping(symbols) }
            return ValueInfo(declared: metadata.outputTypes[name] ?? .unknown).withoutSymbols
        }
    }
}

extension ValueInfo {
    /// The type with fixed extents only: symbols of a body mean nothing outside.
    var withoutSymbols: ValueInfo { keeping([]) }

    /// The type with fixed extents and these symbols.
    fileprivate func keeping(_ symbols: Set<Extent>) -> ValueInfo {
        var type = type
        type.extents = extents?.map { $0.value != nil || symbols.contains($0) ? $0 : .unknown }
        return ValueInfo(type).guessed(isGuess)
    }

    /// What holds for this value and the other.
    func common(with other: ValueInfo) -> ValueInfo {
        var type = isGuess ? other.type : type
        type.isList = type.isList || other.type.isList
        type.isOptional = type.isOptional || other.type.isOptional
        type.extents = nil
        if !isGuess, !other.isGuess, let a = extents, let b = other.extents, a.count == b.count {
            type.extents = zip(a, b).map { $0 == $1 ? $0 : .unknown }
        }
        return ValueInfo(type).guessed(isGuess && other.isGuess)
    }

    fileprivate func guessed(_ isGuess: Bool) -> ValueInfo {
        var info = self
        info.isGuess = isGuess
        return info
    }
}

extension Attributes {
    /// The control-flow body of this name, which must be there.
    func body(_ name: String) throws -> Graph {
        guard let graph = try graph(name) else { throw WinnowError(.model, "attribute \(name)", "is missing") }
        return graph
    }
}

extension Tensor {
    /// Tensors of one type and shape as one, along a new axis.
    static func stacked(_ parts: [Tensor], axis: Int, empty: ValueInfo) throws -> Tensor {
        guard let first = parts.first else {
            return Tensor(zeros: [0] + Shape((empty.extents ?? []).map { $0.value ?? 0 }), empty.elementType)
                .transposed(Self.frontAxis(to: axis, rank: (empty.rank ?? 0) + 1))
        }
        var result = Tensor(uninitialized: [parts.count] + first.shape, first.elementType)
        let byteCount = first.byteCount
        for (index, part) in parts.enumerated() {
            guard part.shape == first.shape, part.elementType == first.elementType else {
                throw WinnowError(.shape, "a body's output", "is \(part.shape) once and \(first.shape) before")
            }
            result.withUnsafeMutableBytes { target in
                part.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(rebasing: target[(index * byteCount)..<((index + 1) * byteCount)])
                        .copyMemory(from: source)
                }
            }
        }
        return axis == 0 ? result : result.transposed(frontAxis(to: axis, rank: result.rank))
    }

    /// The slices along an axis, without it.
    func slices(axis: Int) -> [Tensor] {
        let order = [axis] + (0..<rank).filter { $0 != axis }
        let front = axis == 0 ? self : transposed(order)
        return (0..<shape[axis]).map { front.rows($0..<($0 + 1)).reshaped(Shape(Array(front.shape.dropFirst()))) }
    }

    /// The order of axes that moves the first one to `axis`.
    private static func frontAxis(to axis: Int, rank: Int) -> [Int] {
        var order = Array(1..<max(rank, 1))
        order.insert(0, at: min(axis, order.count))
        return order
    }
}
