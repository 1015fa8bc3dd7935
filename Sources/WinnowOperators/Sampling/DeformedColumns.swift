package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// What every tap of a window reads at its moved place: (N, C · taps, places) from data, offsets and mask.
package struct DeformedColumns: TrainedInParts {
    package static let type = OperatorType("DeformedColumns", domain: "winnow")

    package var window: Window
    package var offsetGroups: Int

    package init(window: Window, offsetGroups: Int = 1) {
        self.window = window
        self.offsetGroups = offsetGroups
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(window: try Window(attributes: attributes), offsetGroups: try attributes.int("offset_group", default: 1))
    }

    package var attributes: Attributes {
        var attributes = window.attributes
        attributes["offset_group"] = .int(offsetGroups)
        return attributes
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (data, offsets) = (try inputs.required(0), try inputs.required(1))
        let taps = Shape(window.extents ?? []).elementCount
        guard data.rank ?? 4 == 4 else { throw WinnowError(.shape, "input \(data.type)", "must have four axes") }
        let depth = data.extents?[1].value.map { Extent.fixed($0 *| taps) } ?? .unknown
        let places = offsets.extents.map { $0.dropFirst(2).compactMap(\.value) } ?? []
        let count = places.count == 2 ? Extent.fixed(places[0] *| places[1]) : .unknown
        return [ValueInfo(data.elementType, [data.extents?[0] ?? .unknown, depth, count])]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, offsets) = (try inputs.required(0), try inputs.required(1))
        let (channels, spatial) = (try b.extent(1, of: x), try (2..<4).map { try b.extent($0, of: x) })
        let resolved = try window.resolved(source: spatial)
        let target = try (2..<4).map { try b.extent($0, of: offsets) }
        let (taps, count) = (Shape(resolved.extents).elementCount, Shape(target).elementCount)
        // Groups as further samples, the taps and places of one plane in a row.
        let flat = try b.reshaped(x, [-1, channels / offsetGroups, spatial.reduce(1, *)])
        let moves = try b.reshaped(offsets, [-1, taps, 2, count])
        let axes = try (0..<2).map { axis in
            let base = try b.table("places", [1, 1, taps *| count], as: b.elementType(of: offsets)) { index in
                let (tap, place) = index.quotientAndRemainder(dividingBy: count)
                let (i, step) = axis == 0 ? (tap / resolved.extents[1], place / target[1]) : (tap % resolved.extents[1], place % target[1])
                return Double(step * resolved.strides[axis] - resolved.padsBegin[axis] + i * resolved.dilations[axis])
            }
            let move = try b.reshaped(b.sliced(moves, axis: 2, axis..<(axis + 1)), [-1, 1, taps * count])
            return try b.linearNeighbours(of: b.add(base, move)).map { try b.zeroOutside($0, extent: spatial[axis]) }
        }
        let parts = try b.contributions(axes, spatial: spatial) { places in
            let wide = try b.add(Expand(), places, b.integers([1, channels / offsetGroups, 1], name: "shape"))
            return try b.add(GatherElements(axis: 2), flat, wide)
        }
        var sum = try b.sum(parts)
        if let mask = inputs.present(2) { sum = try b.multiply(sum, b.reshaped(mask, [-1, 1, taps * count])) }
        return [try b.reshaped(sum, [-1, channels * taps, count])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let (data, offsets) = (try request.input(0).shape, try request.input(1).shape)
        let resolved = try window.resolved(source: Array(data.dropFirst(2)))
        let taps = Shape(resolved.extents).elementCount
        let sets = offsetGroups *| taps
        guard offsets.rank == 4, data.rank == 4, offsets[0] == data[0], offsets[1] == sets *| 2, data[1] % offsetGroups == 0,
            request.optionalInput(2).map({ $0.shape == [data[0], sets, offsets[2], offsets[3]] }) ?? true
        else { throw WinnowError(.shape, request.nodeName, "offsets \(offsets) do not fit \(data)") }
        let (channels, rows, columns, width) = (data[1], data[2], data[3], offsets[3])
        let (count, perGroup) = (offsets[2] * offsets[3], channels / offsetGroups)
        let groups = offsetGroups
        return Kernel { operands in
            Parallel.forEach(data[0] * channels) { plane in
                let (image, channel) = plane.quotientAndRemainder(dividingBy: channels)
                let source = operands.input(0, as: Float.self) + plane * rows * columns
                for tap in 0..<taps {
                    let set = (image * groups + channel / perGroup) * taps + tap
                    let moves = operands.input(1, as: Float.self) + set * 2 * count
                    let mask = operands.hasInput(2) ? operands.input(2, as: Float.self) + set * count : nil
                    let target = operands.output(0, as: Float.self) + (plane * taps + tap) * count
                    let (i, j) = tap.quotientAndRemainder(dividingBy: resolved.extents[1])
                    for place in 0..<count {
                        let y = place / width * resolved.strides[0] - resolved.padsBegin[0] + i * resolved.dilations[0]
                        let x = place % width * resolved.strides[1] - resolved.padsBegin[1] + j * resolved.dilations[1]
                        let value = Self.value(
                            source, rows, columns, Float(y) + moves[place], Float(x) + moves[count + place])
                        target[place] = value * (mask.map { $0[place] } ?? 1)
                    }
                }
            }
        }
    }

    /// Bilinear; zeros outside.
    private static func value(_ image: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ y: Float, _ x: Float) -> Float {
        guard y > -1, x > -1, y < Float(rows), x < Float(columns) else { return 0 }
        let (top, left) = (Int(y.rounded(.down)), Int(x.rounded(.down)))
        let (dy, dx) = (y - Float(top), x - Float(left))
        func pixel(_ row: Int, _ column: Int) -> Float {
            row >= 0 && row < rows && column >= 0 && column < columns ? image[row * columns + column] : 0
        }
        return (1 - dy) * ((1 - dx) * pixel(top, left) + dx * pixel(top, left + 1))
            + dy * ((1 - dx) * pixel(top + 1, left) + dx * pixel(top + 1, left + 1))
    }
}
