package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The maximum of each of a fixed number of bins of regions of (N, C, H, W); regions (R, 5) are image, x₁ y₁ x₂ y₂.
package struct MaxRoiPool: Operator {
    package static let type = OperatorType("MaxRoiPool")
    package static let maximumInputCount = 2

    package var bins: [Int]
    package var scale: Float

    package init(bins: [Int], scale: Float = 1) {
        self.bins = bins
        self.scale = scale
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(bins: try attributes.ints("pooled_shape") ?? [], scale: try attributes.float("spatial_scale", default: 1))
        guard bins.count == 2, bins.allSatisfy({ $0 > 0 }) else {
            throw WinnowError(.model, "pooled_shape", "\(bins) is not two positive numbers")
        }
        guard scale.isFinite else { throw WinnowError(.model, "spatial_scale", "is \(scale)") }
    }

    package var attributes: Attributes { ["pooled_shape": .ints(bins), "spatial_scale": .float(scale)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard data.rank ?? 4 == 4 else { throw WinnowError(.shape, "input \(data.type)", "must have four axes") }
        let count = try inputs.required(1).extents?.first ?? .unknown
        return [ValueInfo(data.elementType, [count, data.extents?[1] ?? .unknown] + bins.map { .fixed($0) })]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { AxisMap(".c.., r. -> rc..") }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let bins = bins[0] * bins[1]
        let (data, regions) = try (request.input(0).shape, request.input(1).shape)
        return try overMaxima(data: data, regions: regions, request.nodeName) { operands, plane, bin, index in
            let source = operands.input(0, as: Float.self)
            operands.output(0, as: Float.self)[plane * bins + bin] = index.map { source[$0] } ?? 0
        } values: { $0.input(0, as: Float.self) } corners: { $0.input(1, as: Float.self) }
    }

    /// A kernel that calls `body` with each plane (region and channel), each bin and where in the data its maximum lies.
    func overMaxima(
        data: Shape, regions: Shape, _ nodeName: String, _ body: @escaping (Operands, Int, Int, Int?) -> Void,
        values: @escaping (Operands) -> UnsafePointer<Float>, corners: @escaping (Operands) -> UnsafePointer<Float>
    ) throws -> Kernel {
        guard regions.rank == 2, regions[1] == 5 else {
            throw WinnowError(.shape, nodeName, "regions \(regions) are not rows of five numbers")
        }
        return Kernel { operands in
            for region in 0..<regions[0] {
                let row = corners(operands) + 5 * region
                guard row[0] >= 0, row[0] < Float(data[0]), (1..<5).allSatisfy({ row[$0].magnitude < 1e9 }) else {
                    throw WinnowError(.data, "region \(region)", "lies in image \(row[0]) of \(data[0]) or is not finite")
                }
                for channel in 0..<data[1] {
                    let start = (Int(row[0]) * data[1] + channel) * data[2] * data[3]
                    forEachBin(values(operands) + start, rows: data[2], columns: data[3], row + 1) { bin, index in
                        body(operands, region * data[1] + channel, bin, index.map { $0 + start })
                    }
                }
            }
        }
    }

    private func forEachBin(
        _ image: UnsafePointer<Float>, rows: Int, columns: Int, _ region: UnsafePointer<Float>, _ body: (Int, Int?) -> Void
    ) {
        let corners = (0..<4).map { Int(place: (region[$0] * scale).rounded()) }
        let (left, top) = (corners[0], corners[1])
        let height = Float(max(corners[3] - top + 1, 1)) / Float(bins[0])
        let width = Float(max(corners[2] - left + 1, 1)) / Float(bins[1])
        for row in 0..<bins[0] {
            let ys = Self.range(row, height, top, rows)
            for column in 0..<bins[1] {
                let xs = Self.range(column, width, left, columns)
                var best: Int?
                for y in ys { for x in xs where best.map({ image[y * columns + x] > image[$0] }) ?? true { best = y * columns + x } }
                body(row * bins[1] + column, best)
            }
        }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.builder.add(MaxRoiPoolGradient(self), context.outputGradient(), context.input(0), context.input(1)), nil]
    }

    private static func range(_ bin: Int, _ size: Float, _ start: Int, _ extent: Int) -> Range<Int> {
        func clamped(_ index: Int) -> Int { min(max(index, 0), extent) }
        let low = clamped(Int(place: (Float(bin) * size).rounded(.down)) + start)
        return low..<max(low, clamped(Int(place: (Float(bin + 1) * size).rounded(.up)) + start))
    }
}
