package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of RoiAlign's data from (target gradient, data, regions, images), for any number of samples.
package struct RoiAlignGradient: Operator {
    package static let type = OperatorType("RoiAlignGradient", domain: "winnow")

    package var align: RoiAlign

    package init(_ align: RoiAlign) { self.align = align }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try RoiAlign(attributes: attributes, version: version))
    }

    package var attributes: Attributes { align.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0, 2])
        let (shape, images) = (try request.input(1).shape, try request.input(3))
        let (op, count) = (align, try request.input(2).shape[0])
        let cast = try CastKernel(from: images.elementType, to: .int64)
        return Kernel(scratchByteCount: ElementType.int64.byteCount(of: count)) { operands in
            guard let scratch = operands.scratch else { return }
            cast.run(from: operands.input(3), to: scratch, count: count)
            let places = scratch.assumingMemoryBound(to: Int64.self)
            operands.output(0, as: Float.self).update(repeating: 0, count: shape.elementCount)
            // A channel's planes belong to one thread, whatever regions lie in them.
            Parallel.forEach(shape[1]) { channel in
                for region in 0..<count where (0..<shape[0]).contains(Int(places[region])) {
                    let start = (Int(places[region]) * shape[1] + channel) * shape[2] * shape[3]
                    let samples = RegionSamples(op, operands.input(2, as: Float.self) + 4 * region, rows: shape[2], columns: shape[3])
                    let size = op.bins.rows * op.bins.columns
                    Self.scatter(
                        op, samples, operands.input(0, as: Float.self) + (region * shape[1] + channel) * size,
                        reading: operands.input(1, as: Float.self) + start, to: operands.output(0, as: Float.self) + start)
                }
            }
        }
    }

    private static func scatter(
        _ op: RoiAlign, _ samples: RegionSamples, _ gradient: UnsafePointer<Float>, reading plane: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>
    ) {
        for bin in 0..<(op.bins.rows * op.bins.columns) {
            let (row, column) = bin.quotientAndRemainder(dividingBy: op.bins.columns)
            var best: (value: Float, offset: Int, weight: Float) = (-.infinity, 0, 0)
            for sample in 0..<samples.count {
                guard let corners = samples.corners(row: row, column: column, sample: sample) else {
                    if best.value < 0 { best = (0, 0, 0) }
                    continue
                }
                let values = corners.values(plane)
                for k in 0..<4 {
                    if !op.takesMaximum { target[corners.offsets[k]] += gradient[bin] * corners.weights[k] / Float(samples.count) }
                    if values[k] > best.value { best = (values[k], corners.offsets[k], corners.weights[k]) }
                }
            }
            if op.takesMaximum { target[best.offset] += gradient[bin] * best.weight }
        }
    }
}
