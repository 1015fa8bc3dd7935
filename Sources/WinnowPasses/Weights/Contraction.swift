package import WinnowGraph
package import WinnowKernels
import WinnowOperators
package import WinnowTensor

/// A weight by its role: a matrix of outputs by inputs (and a filter's taps), and the data whose rows face it.
package struct Contraction: Sendable {
    package let site: WeightSite
    /// The value that the layer multiplies with the weight.
    package let data: ValueName
    /// The axis of the data along which the inputs lie, counted from the end.
    package let dataAxis: Int
    /// The axes of the stored weight in the order of the matrix: outputs, inputs, taps.
    private let order: [Int]
    private let shape: Shape
    private let window: Window?

    /// nil where the operator's axes do not tell, or where inputs fall into groups.
    package init?(_ site: WeightSite, in graph: Graph) {
        let map = site.node.op.axes(for: site.node.inputs.map { $0.isEmpty ? nil : graph.infos[$0] })
        guard !map.isOpaque, site.inputIndex < 2, map.inputs.count >= 2, let data = site.node.input(1 - site.inputIndex),
            let output = site.operandAxis, let stored = site.outputAxis, let shape = graph.initializers[site.tensor]?.shape,
            graph.infos[site.operand]?.rank == shape.rank, map.inputs[site.inputIndex].count == shape.rank
        else { return nil }
        let (terms, others) = (map.inputs[site.inputIndex], map.inputs[1 - site.inputIndex])
        let produced = Set(map.outputs.first?.flatMap(\.labels) ?? [])
        let summed = terms.indices.filter { axis in
            guard case .label(let label) = terms[axis] else { return false }
            return !produced.contains(label) && others.contains(.label(label))
        }
        guard case .label? = terms.indices.contains(output) ? terms[output] : nil, summed.count == 1,
            let place = others.lastIndex(of: terms[summed[0]])
        else { return nil }
        let taps = terms.indices.filter { $0 != output && $0 != summed[0] }
        guard taps.allSatisfy({ !terms[$0].labels.isEmpty && map.pinned.isSuperset(of: terms[$0].labels) }) else { return nil }
        if site.operand == site.tensor {
            order = [output, summed[0]] + taps
        } else {
            guard shape.rank == 2 else { return nil }
            order = [stored, 1 - stored]
        }
        if taps.isEmpty {
            window = nil
        } else {
            guard let conv = site.node.op as? Conv, conv.groups == 1 else { return nil }
            window = conv.window
        }
        self.site = site
        self.data = data
        self.shape = shape
        dataAxis = place - others.count
    }

    package var outputCount: Int { shape[order[0]] }
    package var inputCount: Int { shape[order[1]] }
    /// The elements that one output sums over: inputs times taps.
    package var depth: Int { shape.elementCount / max(1, outputCount) }
    package var tapCount: Int { depth / max(1, inputCount) }

    /// The stored weight as outputs × depth.
    package func matrix(of weight: Tensor) -> Matrix<Float> {
        Matrix(weight.transposed(order).elements(Float.self) ?? [], rows: outputCount, columns: depth)
    }

    /// For every element of the matrix, where the stored weight has it.
    package var places: [Int] {
        let strides = order.map { shape.strides[$0] }
        let extents = order.map { shape[$0] }
        var places = [0]
        for (stride, extent) in zip(strides, extents) { places = places.flatMap { place in (0..<extent).map { place + $0 * stride } } }
        return places
    }

    /// A matrix as the weight is stored.
    package func weight(of matrix: Matrix<Float>) -> Tensor {
        Tensor(matrix.elements, shape: shape.permuted(order)).transposed(order.indices.map { order.firstIndex(of: $0) ?? $0 })
    }

    /// Calls `body` with the rows of depth elements that the weight's rows are multiplied with, some thousands at a time.
    package func forEachRows(of values: UnsafeBufferPointer<Float>, shape: Shape, _ body: (Matrix<Float>) -> Void) {
        let axis = shape.rank + dataAxis
        guard shape.indices.contains(axis) else { return }
        if let window, let patches = Patches(window, source: shape, filter: Shape(order.dropFirst(2).map { self.shape[$0] })) {
            return patches.forEachRows(of: values, body)
        }
        let (extent, inner) = (shape[axis], shape.dropFirst(axis + 1).reduce(1, *))
        guard window == nil, extent == depth else { return }
        let count = values.count / max(1, extent)
        for start in stride(from: 0, to: count, by: Patches.rowLimit) {
            let rows = start..<min(count, start + Patches.rowLimit)
            var elements: [Float] = []
            elements.reserveCapacity(rows.count * extent)
            for row in rows {
                let base = row / inner * extent * inner + row % inner
                for index in 0..<extent { elements.append(values[base + index * inner]) }
            }
            body(Matrix(elements, rows: rows.count, columns: extent))
        }
    }
}

/// The windows of an image (N, C, spatial…) as rows (channels, taps), zeros where they reach beyond it.
private struct Patches {
    static let rowLimit = 4096
    private let source: Shape
    private let filter: Shape
    private let places: [Int]
    private let window: WindowGeometry

    init?(_ window: Window, source: Shape, filter: Shape) {
        let spatial = Array(source.dropFirst(2))
        guard spatial.count == filter.rank, let resolved = try? window.resolved(source: spatial, filter: filter.extents),
            let extents = try? window.outputExtents(source: spatial.map { .fixed($0) }, filter: filter.extents).compactMap(\.value)
        else { return nil }
        (self.source, self.filter, self.window, places) = (source, filter, resolved, extents)
    }

    func forEachRows(of values: UnsafeBufferPointer<Float>, _ body: (Matrix<Float>) -> Void) {
        let (perImage, taps, channels) = (places.reduce(1, *), filter.elementCount, source[1])
        let pixels = source.dropFirst(2).reduce(1, *)
        let total = source[0] * perImage
        for start in stride(from: 0, to: total, by: Self.rowLimit) {
            let rows = start..<min(total, start + Self.rowLimit)
            var result = Matrix<Float>(zeros: rows.count, channels * taps)
            for row in rows {
                let image = row / perImage * channels * pixels
                for tap in 0..<taps {
                    guard let pixel = pixel(of: tap, at: row % perImage) else { continue }
                    for channel in 0..<channels {
                        result[row - start, channel * taps + tap] = values[image + channel * pixels + pixel]
                    }
                }
            }
            body(result)
        }
    }

    /// The place in the image that a tap meets; nil outside.
    private func pixel(of tap: Int, at place: Int) -> Int? {
        var (tap, place, pixel, step) = (tap, place, 0, 1)
        for axis in filter.indices.reversed() {
            let coordinate = place % places[axis] * window.strides[axis] - window.padsBegin[axis] + tap % filter[axis] * window.dilations[axis]
            guard (0..<source[axis + 2]).contains(coordinate) else { return nil }
            pixel += coordinate * step
            step *= source[axis + 2]
            tap /= filter[axis]
            place /= places[axis]
        }
        return pixel
    }
}
