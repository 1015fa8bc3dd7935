package import WinnowTensor

extension Graph {
    /// The multiply–accumulate operations of one sample by node name: the product of all axes of a contraction.
    ///
    /// Named extents (batch) count as 1, unless `inputShapes` says otherwise. Contractions whose axes are unknown are left out.
    package func multiplyAccumulates(inputShapes: [ValueName: Shape] = [:]) -> [String: Int] {
        var types: [ValueName: ValueType] = [:]
        for input in inputs {
            if let shape = inputShapes[input.name] {
                types[input.name] = ValueType(input.type.elementType, shape)
            } else if let extents = input.type.extents {
                types[input.name] = ValueType(input.type.elementType, Shape(extents.map { $0.value ?? 1 }))
            }
        }
        guard let infos = try? inferInfos(inputTypes: types) else { return [:] }
        var counts: [String: Int] = [:]
        for node in nodes where node.op.quantization == .contraction {
            let operands = node.inputs.map { infos[$0] }
            let axes = node.op.axes(for: operands)
            let solved = axes.solve(
                inputs: operands.map { $0?.shape?.extents }, outputs: node.outputs.map { infos[$0]?.shape?.extents })
            if let solved { counts[node.name] = solved.values.reduce(1, *) }
        }
        return counts
    }

    /// The initializers a compressor works on: floats and codes of rank 2 and above.
    package var weightNames: [ValueName] {
        initializerNames.filter { name in (initializers[name]?.rank ?? 0) >= 2 && (initializers[name]?.elementCount ?? 0) > 1 }
    }

    /// Zero elements and all elements of the weights.
    package var weightSparsity: (zeroCount: Int, elementCount: Int) {
        weightNames.reduce(into: (zeroCount: 0, elementCount: 0)) { sum, name in
            guard let tensor = initializers[name] else { return }
            sum.zeroCount += tensor.zeroCount
            sum.elementCount += tensor.elementCount
        }
    }
}

extension Tensor {
    /// The elements that are exactly zero.
    package var zeroCount: Int {
        switch elementType {
        case .float32: withElements(Float.self) { $0.count(where: { $0 == 0 }) }
        case .int8: withElements(Int8.self) { $0.count(where: { $0 == 0 }) }
        default: pieces.reduce(0) { $0 + doubles(in: $1).count(where: { $0 == 0 }) }
        }
    }
}
