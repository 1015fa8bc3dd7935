package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Each region of (N, C, H, W) resampled bilinearly to a fixed number of bins (He et al. 2017).
///
/// Inputs: data, regions (R, 4) as x₁ y₁ x₂ y₂, the image each lies in (R).
package struct RoiAlign: TrainedInParts {
    package static let type = OperatorType("RoiAlign")
    package static let maximumInputCount = 3

    package var bins: (rows: Int, columns: Int)
    /// Samples a bin along each axis; 0 takes as many as there are source elements.
    package var samples: Int
    /// Source elements a unit of the regions' coordinates.
    package var scale: Float
    package var takesMaximum: Bool
    /// Whether element centers lie at halves.
    package var usesHalfPixels: Bool

    package init(
        bins: (rows: Int, columns: Int) = (1, 1), samples: Int = 0, scale: Float = 1, takesMaximum: Bool = false,
        usesHalfPixels: Bool = true
    ) {
        self.bins = bins
        self.samples = samples
        self.scale = scale
        self.takesMaximum = takesMaximum
        self.usesHalfPixels = usesHalfPixels
    }

    package init(attributes: Attributes, version: Int) throws {
        let mode = try attributes.string("mode", default: "avg")
        let coordinates = try attributes.string(
            "coordinate_transformation_mode", default: version < 16 ? "output_half_pixel" : "half_pixel")
        self.init(
            bins: (try attributes.int("output_height", default: 1), try attributes.int("output_width", default: 1)),
            samples: try attributes.int("sampling_ratio", default: 0), scale: try attributes.float("spatial_scale", default: 1),
            takesMaximum: mode == "max", usesHalfPixels: coordinates == "half_pixel")
        guard bins.rows > 0, bins.columns > 0, samples >= 0, mode == "avg" || mode == "max",
            usesHalfPixels || coordinates == "output_half_pixel"
        else {
            throw WinnowError(.model, "attributes", "\(bins) bins of \(samples) samples in mode \(mode), \(coordinates)")
        }
    }

    package var attributes: Attributes {
        var attributes: Attributes = [
            "output_height": .int(bins.rows), "output_width": .int(bins.columns), "sampling_ratio": .int(samples),
            "spatial_scale": .float(scale), "mode": .string(takesMaximum ? "max" : "avg"),
        ]
        attributes["coordinate_transformation_mode"] = .string(usesHalfPixels ? "half_pixel" : "output_half_pixel")
        return attributes
    }

    package var minimumVersion: Int { 16 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard data.rank ?? 4 == 4 else { throw WinnowError(.shape, "input \(data.type)", "must have four axes") }
        let count = try inputs.required(1).extents?.first ?? .unknown
        return [ValueInfo(data.elementType, [count, data.extents?[1] ?? .unknown, .fixed(bins.rows), .fixed(bins.columns)])]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { AxisMap(".c.., r., r -> rc..") }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0, 1])
        let (data, regions, images) = (try request.input(0), try request.input(1), try request.input(2))
        guard regions.shape.rank == 2, regions.shape[1] == 4, images.shape == [regions.shape[0]] else {
            throw WinnowError(.shape, request.nodeName, "regions \(regions.shape) do not fit images \(images.shape)")
        }
        let cast = try CastKernel(from: images.elementType, to: .int64)
        let (op, shape, count) = (self, data.shape, regions.shape[0])
        return Kernel(scratchByteCount: ElementType.int64.byteCount(of: count)) { operands in
            guard let scratch = operands.scratch else { return }
            cast.run(from: operands.input(2), to: scratch, count: count)
            let places = scratch.assumingMemoryBound(to: Int64.self)
            for region in 0..<count where !(0..<shape[0]).contains(Int(places[region])) {
                throw WinnowError(.data, "region \(region)", "lies in image \(places[region]) of \(shape[0])")
            }
            try op.checkWork(operands.input(1, as: Float.self), count: count, shape)
            Parallel.forEach(count * shape[1]) { plane in
                let (region, channel) = plane.quotientAndRemainder(dividingBy: shape[1])
                let image = operands.input(0, as: Float.self) + (Int(places[region]) * shape[1] + channel) * shape[2] * shape[3]
                op.align(
                    image, rows: shape[2], columns: shape[3], operands.input(1, as: Float.self) + 4 * region,
                    to: operands.output(0, as: Float.self) + plane * op.bins.rows * op.bins.columns)
            }
        }
    }

    /// Throws where so many samples are taken that it would take hours.
    private func checkWork(_ regions: UnsafePointer<Float>, count: Int, _ shape: Shape) throws {
        let samples = (0..<count).reduce(0) { sum, region in
            sum +| RegionSamples(self, regions + 4 * region, rows: shape[2], columns: shape[3]).count
        }
        guard samples *| bins.rows *| bins.columns *| shape[1] <= Self.sampleLimit else {
            throw WinnowError(
                .data, "regions", "would take \(samples) samples a channel and bin", remedy: "lower sampling_ratio or give smaller regions")
        }
    }

    private static let sampleLimit = 1 << 30

    private func align(
        _ image: UnsafePointer<Float>, rows: Int, columns: Int, _ region: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>
    ) {
        let samples = RegionSamples(self, region, rows: rows, columns: columns)
        for bin in 0..<(bins.rows * bins.columns) {
            let (row, column) = bin.quotientAndRemainder(dividingBy: bins.columns)
            var (sum, best) = (Float(0), -Float.infinity)
            for sample in 0..<samples.count {
                let values = samples.corners(row: row, column: column, sample: sample)?.values(image) ?? .zero
                sum += values.sum()
                best = max(best, values.max())
            }
            target[bin] = takesMaximum ? (best.isFinite ? best : 0) : sum / Float(max(samples.count, 1))
        }
    }

    /// Of the data alone, where the number of samples follows the regions' contents and there are no parts.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let inputs = try [context.outputGradient()] + (0..<3).map { try context.input($0) }
        return [try context.builder.add(RoiAlignGradient(self), inputs: inputs)[0], nil, nil]
    }
}
