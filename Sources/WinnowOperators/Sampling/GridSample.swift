package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Values of (N, C, spatial…) at the places of a grid (N, out…, axes), which run from −1 to 1, last axis first.
package struct GridSample: TrainedInParts {
    package static let type = OperatorType("GridSample")
    package static let maximumInputCount = 2

    package enum Mode: String, Sendable { case linear, nearest, cubic }
    package enum Padding: String, Sendable { case zeros, border, reflection }

    package var mode: Mode
    package var padding: Padding
    /// Whether −1 and 1 are the centers of the outermost elements rather than their edges.
    package var alignsCorners: Bool
    /// Whether modes have the names of operator-set 16: bilinear and bicubic.
    package var hasOldNames: Bool

    package init(mode: Mode = .linear, padding: Padding = .zeros, alignsCorners: Bool = false, hasOldNames: Bool = false) {
        self.mode = mode
        self.padding = padding
        self.alignsCorners = alignsCorners
        self.hasOldNames = hasOldNames
    }

    package init(attributes: Attributes, version: Int) throws {
        let old = try attributes.string("mode", default: "linear")
        let name = old.hasPrefix("bi") ? String(old.dropFirst(2)) : old
        let pad = try attributes.string("padding_mode", default: "zeros")
        guard let mode = Mode(rawValue: name), let padding = Padding(rawValue: pad) else {
            throw WinnowError(.model, "mode", "\(old) with padding \(pad) is not known")
        }
        self.init(
            mode: mode, padding: padding, alignsCorners: try attributes.flag("align_corners", default: false),
            hasOldNames: version < 20)
    }

    package var attributes: Attributes {
        let name = hasOldNames && mode != .nearest ? "bi\(mode.rawValue)" : mode.rawValue
        return [
            "mode": .string(name), "padding_mode": .string(padding.rawValue), "align_corners": .int(alignsCorners ? 1 : 0),
        ]
    }

    package var minimumVersion: Int { hasOldNames ? 16 : 20 }
    package var maximumVersion: Int { hasOldNames ? 19 : .max }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let modern = GridSample(mode: mode, padding: padding, alignsCorners: alignsCorners)
        return GraphEdit(
            replacing: [node.name], with: [Node(name: node.name, op: modern, inputs: node.inputs, outputs: node.outputs)])
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (data, grid) = (try inputs.required(0), try inputs.required(1))
        guard let places = grid.extents else { return [ValueInfo(data.elementType, nil)] }
        guard data.rank ?? places.count == places.count, places.count >= 3, places.last?.value ?? places.count - 2 == places.count - 2
        else { throw WinnowError(.shape, "grid \(grid.type)", "does not fit input \(data.type)") }
        if let images = data.extents?[0].value, let grids = places[0].value, images != grids {
            throw WinnowError(.shape, "grid \(grid.type)", "is for \(grids) images, not \(images)")
        }
        return [ValueInfo(data.elementType, [places[0], data.extents?[1] ?? .unknown] + places[1..<(places.count - 1)])]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(1)?.rank, rank >= 3 else { return .opaque }
        let rest = String(repeating: ".", count: rank - 2)
        return AxisMap("nc\(rest), n\(rest). -> nc\(rest)")
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0, 1])
        let (data, grid) = (try request.input(0).shape, try request.input(1).shape)
        let sampler = GridSampler(self, spatial: Array(data.dropFirst(2)))
        let (channels, plane) = (data[1], data.dropFirst(2).reduce(1, *))
        let count = grid.dropFirst().dropLast().reduce(1, *)
        return Kernel { operands in
            Parallel.forEach(data[0] * count) { index in
                let (image, place) = index.quotientAndRemainder(dividingBy: count)
                let source = operands.input(0, as: Float.self) + image * channels * plane
                let target = operands.output(0, as: Float.self) + image * channels * count + place
                sampler.sample(operands.input(1, as: Float.self) + index * (data.rank - 2)) { offset, weight, isFirst in
                    for channel in 0..<channels {
                        let value = offset < 0 ? 0 : weight * source[channel * plane + offset]
                        target[channel * count] = isFirst ? value : target[channel * count] + value
                    }
                }
            }
        }
    }
}

/// Turns a place of a grid into weighted source elements.
private struct GridSampler: Sendable {
    let op: GridSample
    let spatial: [Int]
    let strides: [Int]

    init(_ op: GridSample, spatial: [Int]) {
        self.op = op
        self.spatial = spatial
        strides = Shape(spatial).strides
    }

    /// Calls `body` with (offset within a plane, or −1 for padding; weight; whether it is the first).
    func sample(_ place: UnsafePointer<Float>, _ body: (Int, Float, Bool) -> Void) {
        let taps = op.mode == .nearest ? 1 : op.mode == .linear ? 2 : 4
        let total = spatial.indices.reduce(1) { product, _ in product * taps }
        for combination in 0..<total {
            var (offset, weight, rest) = (0, Float(1), combination)
            for axis in spatial.indices {
                let position = position(place[spatial.count - 1 - axis], axis)
                let (index, factor) = tap(rest % taps, at: position)
                rest /= taps
                weight *= factor
                let source = padded(index, axis)
                offset = source < 0 || offset < 0 ? -1 : offset + source * strides[axis]
            }
            body(offset, weight, combination == 0)
        }
    }

    private func range(_ axis: Int) -> (low: Float, high: Float) {
        op.alignsCorners ? (0, Float(spatial[axis] - 1)) : (-0.5, Float(spatial[axis]) - 0.5)
    }

    /// The place in elements, moved into the value where the padding says so.
    private func position(_ place: Float, _ axis: Int) -> Float {
        let extent = Float(spatial[axis])
        var x = op.alignsCorners ? (place + 1) / 2 * (extent - 1) : ((place + 1) * extent - 1) / 2
        guard x.isFinite else { return -2 }
        if op.mode == .nearest { x.round(.toNearestOrEven) }
        let (low, high) = range(axis)
        guard x < low || x > high else { return x }
        switch op.padding {
        case .zeros: return min(max(x, -4), extent + 4)
        // The cubic goes on beyond the border: each of its elements is moved back by itself.
        case .border: return op.mode == .cubic ? min(max(x, -4), extent + 4) : min(max(x, 0), extent - 1)
        case .reflection: return reflected(x, low, high)
        }
    }

    private func reflected(_ x: Float, _ low: Float, _ high: Float) -> Float {
        let span = high - low
        guard span > 0 else { return low }
        let distance = (x < low ? low - x : x - high).truncatingRemainder(dividingBy: 2 * span)
        let inside = distance > span ? 2 * span - distance : distance
        return x < low ? low + inside : high - inside
    }

    private func tap(_ tap: Int, at position: Float) -> (index: Int, weight: Float) {
        let floor = position.rounded(.down)
        let t = position - floor
        switch op.mode {
        case .nearest: return (Int(place: position.rounded(.toNearestOrEven)), 1)
        case .linear: return (Int(place: floor) + tap, tap == 0 ? 1 - t : t)
        case .cubic:
            let a: Float = -0.75
            let distance = abs(Float(tap - 1) - t)
            let near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
            let far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
            return (Int(place: floor) + tap - 1, distance <= 1 ? near : far)
        }
    }

    /// The element that stands for one outside; −1 for zero.
    private func padded(_ index: Int, _ axis: Int) -> Int {
        let extent = spatial[axis]
        if (0..<extent).contains(index) { return index }
        switch op.padding {
        case .zeros: return -1
        case .border: return min(max(index, 0), extent - 1)
        case .reflection:
            let (low, high) = range(axis)
            return min(max(Int(place: reflected(Float(index), low, high).rounded(.toNearestOrEven)), 0), extent - 1)
        }
    }
}
