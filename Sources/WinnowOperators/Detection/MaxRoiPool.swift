package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The maximum of each of a fixed number of bins of regions of (N, C, H, W); regions (R, 5) are image, x₁ y₁ x₂ y₂.
package struct MaxRoiPool: Operator {
    package static let type = OperatorType("MaxRoiPool")

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
        let (data, regions) = (try request.input(0), try request.input(1))
        guard regions.shape.rank == 2, regions.shape[1] == 5 else {
            throw WinnowError(.shape, request.nodeName, "regions \(regions.shape) are not rows of five numbers")
        }
        let (op, shape, count) = (self, data.shape, regions.shape[0])
        return Kernel { operands in
            let numbers = operands.input(1, as: Float.self)
            for region in 0..<count {
                let row = numbers + 5 * region
                guard row[0] >= 0, row[0] < Float(shape[0]), (1..<5).allSatisfy({ row[$0].magnitude < 1e9 }) else {
                    throw WinnowError(.data, "region \(region)", "lies in image \(row[0]) of \(shape[0]) or is not finite")
                }
                for channel in 0..<shape[1] {
                    let plane = (Int(row[0]) * shape[1] + channel) * shape[2] * shape[3]
                    op.pool(
                        operands.input(0, as: Float.self) + plane, rows: shape[2], columns: shape[3], row + 1,
                        to: operands.output(0, as: Float.self) + (region * shape[1] + channel) * op.bins[0] * op.bins[1])
                }
            }
        }
    }

    private func pool(
        _ image: UnsafePointer<Float>, rows: Int, columns: Int, _ region: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>
    ) {
        let corners = (0..<4).map { Int((region[$0] * scale).rounded()) }
        let (left, top) = (corners[0], corners[1])
        let height = Float(max(corners[3] - top + 1, 1)) / Float(bins[0])
        let width = Float(max(corners[2] - left + 1, 1)) / Float(bins[1])
        for row in 0..<bins[0] {
            let ys = Self.range(row, height, top, rows)
            for column in 0..<bins[1] {
                let xs = Self.range(column, width, left, columns)
                var best = ys.isEmpty || xs.isEmpty ? 0 : -Float.infinity
                for y in ys { for x in xs { best = max(best, image[y * columns + x]) } }
                target[row * bins[1] + column] = best
            }
        }
    }

    private static func range(_ bin: Int, _ size: Float, _ start: Int, _ extent: Int) -> Range<Int> {
        func clamped(_ index: Int) -> Int { min(max(index, 0), extent) }
        let low = clamped(Int((Float(bin) * size).rounded(.down)) + start)
        return low..<max(low, clamped(Int((Float(bin + 1) * size).rounded(.up)) + start))
    }
}
