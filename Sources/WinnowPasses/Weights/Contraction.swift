package import WinnowGraph
package import WinnowKernels
import WinnowOperators
package import WinnowTensor

/// A weight by its role: a matrix of outputs by inputs (and a filter's taps), and the data whose rows face it. Where channels
/// fall into groups, the outputs of one group follow those of another, and each sees the inputs of its own group.
package struct Contraction: Sendable {
    package let site: WeightSite
    /// The value that the layer multiplies with the weight.
    package let data: ValueName
    /// The axis of the data along which the inputs lie, counted from the end.
    package let dataAxis: Int
    /// The axis of the result along which the outputs lie, counted from the end.
    package let resultAxis: Int
    package let groupCount: Int
    /// The axis of the stored weight along which the inputs lie.
    package let inputAxis: Int
    /// Axes of the stored weight in the order of the matrix: outputs, inputs, taps.
    private let order: [Int]
    private let shape: Shape
    /// Whether the axis of inputs counts groups too, as that of transposed convolutions does; else the axis of outputs does.
    private let isSplitAlongInputs: Bool

    /// nil where the operator's axes do not tell.
    package init?(_ site: WeightSite, in graph: Graph) {
        let map = site.node.op.axes(for: site.node.inputs.map { $0.isEmpty ? nil : graph.infos[$0] })
        guard !map.isOpaque, site.inputIndex < 2, map.inputs.count >= 2, let data = site.node.input(1 - site.inputIndex),
            let output = site.operandAxis, let shape = graph.initializers[site.tensor]?.shape,
            graph.infos[site.operand]?.rank == shape.rank, map.inputs[site.inputIndex].count == shape.rank, map.extents.count < 2
        else { return nil }
        let (terms, others) = (map.inputs[site.inputIndex], map.inputs[1 - site.inputIndex])
        let produced = Set(map.outputs.first?.flatMap(\.labels) ?? [])
        // The label of an axis apart from that of the groups.
        func label(_ term: AxisTerm) -> Character? {
            guard term.isProduct ?? true else { return nil }
            let own = term.labels.filter { map.extents[$0] == nil }
            return own.count == 1 ? own[0] : nil
        }
        let summed = terms.indices.filter { axis in
            guard let own = label(terms[axis]) else { return false }
            return !produced.contains(own) && others.contains { label($0) == own }
        }
        guard terms.indices.contains(output), label(terms[output]) != nil, summed.count == 1,
            let place = others.lastIndex(where: { label($0) == label(terms[summed[0]]) }), let result = map.outputs.first,
            let made = result.lastIndex(where: { label($0) == label(terms[output]) })
        else { return nil }
        let taps = terms.indices.filter { $0 != output && $0 != summed[0] }
        guard taps.allSatisfy({ !terms[$0].labels.isEmpty && map.pinned.isSuperset(of: terms[$0].labels) }) else { return nil }
        guard let axes = site.order, shape.rank == 2 || !site.isQuantized else { return nil }
        order = ([output, summed[0]] + taps).map { axes[$0] }
        let sliding = site.node.op as? any SlidingContraction
        groupCount = map.extents.first?.value ?? 1
        guard taps.isEmpty || sliding != nil, groupCount == sliding?.groups ?? 1 else { return nil }
        (self.site, self.data, self.shape, inputAxis) = (site, data, shape, order[1])
        isSplitAlongInputs = !terms[summed[0]].labels.filter { map.extents[$0] != nil }.isEmpty
        dataAxis = place - others.count
        resultAxis = made - result.count
    }

    /// Over all groups.
    package var outputCount: Int { shape[order[0]] * (isSplitAlongInputs ? groupCount : 1) }
    /// Of one group.
    package var inputCount: Int { shape[order[1]] / (isSplitAlongInputs ? groupCount : 1) }
    package var tapCount: Int { order.dropFirst(2).reduce(1) { $0 * shape[$1] } }
    /// The elements that one output sums over: inputs times taps.
    package var depth: Int { inputCount * tapCount }
    package var rowsInGroup: Int { outputCount / groupCount }

    /// Where the stored weight has the first element of a row of the matrix, and the others behind it.
    private var strides: (rows: [Int], columns: [Int]) {
        let strides = shape.strides
        let rows = (0..<outputCount).map { row -> Int in
            guard isSplitAlongInputs else { return row * strides[order[0]] }
            return row / rowsInGroup * inputCount * strides[order[1]] + row % rowsInGroup * strides[order[0]]
        }
        let extents = [inputCount] + order.dropFirst(2).map { shape[$0] }
        var columns = [0]
        for (axis, extent) in zip(order.dropFirst(), extents) {
            columns = columns.flatMap { place in (0..<extent).map { place + $0 * strides[axis] } }
        }
        return (rows, columns)
    }

    /// For every element of the matrix, where the stored weight has it.
    package var places: [Int] { places(rows: 0..<outputCount, columns: Array(0..<depth)) }

    /// The same for some rows and columns.
    package func places(rows range: Range<Int>, columns chosen: [Int]) -> [Int] {
        let (rows, columns) = strides
        return rows[range].flatMap { row in chosen.map { row + columns[$0] } }
    }

    /// The stored weight as outputs × depth.
    package func matrix(of weight: Tensor) -> Matrix<Float> {
        let (rows, columns) = strides
        let elements = weight.withElements(Float.self) { source in rows.flatMap { row in columns.map { source[row + $0] } } }
        return Matrix(elements, rows: outputCount, columns: depth)
    }

    /// A matrix as the weight is stored.
    package func weight(of matrix: Matrix<Float>) -> Tensor {
        let (rows, columns) = strides
        var result = Tensor(zeros: shape)
        result.withMutableElements(Float.self) { target in
            for (row, start) in rows.enumerated() {
                let first = row * matrix.columns
                for (column, place) in columns.enumerated() { target[start + place] = matrix.elements[first + column] }
            }
        }
        return result
    }

    /// The input, over all groups, that an element of the matrix is multiplied with.
    package func input(row: Int, column: Int) -> Int { row / rowsInGroup * inputCount + column / tapCount }

    /// The same layer with the first so many of its inputs; not for groups.
    package func narrowed(toInputs count: Int) -> Contraction { Contraction(self, inputCount: count) }

    private init(_ other: Contraction, inputCount: Int) {
        (site, data, dataAxis, groupCount) = (other.site, other.data, other.dataAxis, other.groupCount)
        resultAxis = other.resultAxis
        (inputAxis, order, isSplitAlongInputs) = (other.inputAxis, other.order, other.isSplitAlongInputs)
        var extents = other.shape.extents
        extents[other.inputAxis] = inputCount
        shape = Shape(extents)
    }
}

/// Rows that a layer multiplies its weight with, some at a time, in as many groups as the layer has.
package struct RowBlock {
    /// For each group count × depth, or depth × count.
    package let elements: UnsafePointer<Float>
    package let count: Int
    package let isRowMajor: Bool
}

extension Contraction {
    /// Numbers of a block at a time.
    private static let blockLimit = 1 << 22

    /// Whether two layers see the same rows.
    package var rowsKey: String {
        let window = (site.node.op as? any SlidingContraction).map { "\($0)" } ?? ""
        return "\(dataAxis) \(groupCount) \(inputCount) \(order.dropFirst(2).map { shape[$0] }) \(window)"
    }

    /// Calls `body` with the rows of depth elements that the weight's rows are multiplied with.
    ///
    /// - Parameter placeLimit: of a filter's places on an image lines in equal distances that are about so many.
    package func forEachRows(
        of values: UnsafeBufferPointer<Float>, shape: Shape, placeLimit: Int = .max, _ body: (RowBlock) -> Void
    ) {
        forEachRows(of: [values], shape: shape, placeLimit: placeLimit) { body($0[0]) }
    }

    /// The same for several values of one shape side by side.
    package func forEachRows(
        of values: [UnsafeBufferPointer<Float>], shape: Shape, placeLimit: Int = .max, _ body: ([RowBlock]) -> Void
    ) {
        let (axis, sources) = (shape.rank + dataAxis, values.compactMap(\.baseAddress))
        guard shape.indices.contains(axis), shape[axis] == inputCount * groupCount, sources.count == values.count else { return }
        let (extent, inner, count) = (shape[axis], shape.dropFirst(axis + 1).reduce(1, *), shape.elementCount)
        if let sliding = site.node.op as? any SlidingContraction {
            guard let patches = try? sliding.patches(source: shape, filter: self.shape) else { return }
            if !patches.isIdentity { return forEachPatch(patches, of: sources, count: shape[0], placeLimit, body) }
        }
        if inner == 1 { return body(sources.map { RowBlock(elements: $0, count: count / extent, isRowMajor: true) }) }
        for start in stride(from: 0, to: count, by: extent * inner) {
            body(sources.map { RowBlock(elements: $0 + start, count: inner, isRowMajor: false) })
        }
    }

    private func forEachPatch(
        _ patches: PatchGeometry, of sources: [UnsafePointer<Float>], count: Int, _ placeLimit: Int, _ body: ([RowBlock]) -> Void
    ) {
        let (channels, plane) = (inputCount * groupCount, patches.source.reduce(1, *))
        let step = max(1, patches.lineCount / max(1, placeLimit / max(1, patches.width)))
        let lines = Array(stride(from: (patches.lineCount - 1) % step / 2, to: patches.lineCount, by: step))
        let chunk = min(lines.count, max(1, Self.blockLimit / max(1, groupCount * depth * patches.width)))
        let size = groupCount * depth * chunk * patches.width
        withUnsafeTemporaryAllocation(of: Float.self, capacity: sources.count * size) { buffer in
            guard let target = buffer.baseAddress, size > 0 else { return }
            for image in 0..<count {
                for start in stride(from: 0, to: lines.count, by: chunk) {
                    let part = Array(lines[start..<min(lines.count, start + chunk)])
                    let blocks = sources.enumerated().map { index, source in
                        patches.unfold(source + image * channels * plane, channels: channels, lines: part, to: target + index * size)
                        return RowBlock(elements: target + index * size, count: part.count * patches.width, isRowMajor: false)
                    }
                    body(blocks)
                }
            }
        }
    }
}
