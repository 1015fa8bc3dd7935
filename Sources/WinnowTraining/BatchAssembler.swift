import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Gathers the samples of a batch straight into a plan's inputs, augmented on the way.
struct BatchAssembler {
    private let data: Dataset
    /// The features as they came, whose sample shapes tell height and width.
    private let originals: [Dataset.Feature]
    private let augmentation: Augmentation
    private let seed: UInt64
    /// Room for a batch before augmentation.
    private let workspace: TensorStorage

    init(_ data: Dataset, for objective: Objective, batchSize: Int, augmentation: Augmentation, seed: UInt64) throws {
        let complete = try objective.complete(data)
        self.data = try complete.adapted(to: objective.graph)
        let names = Set(self.data.features.map(\.name))
        let taken = complete.features.count == names.count ? complete.features : complete.features.filter { names.contains($0.name) }
        if let feature = taken.first(where: { !$0.isUniform }) {
            throw WinnowError(
                .data, "training data", "feature \(feature.name) has samples of several shapes",
                remedy: "give resize and crop in images.yaml, or arrays of one shape")
        }
        originals = taken
        self.augmentation = augmentation
        self.seed = seed
        let largest = originals.map { $0.sampleShape(at: 0).elementCount }.max() ?? 0
        workspace = TensorStorage(byteCount: augmentation.isActive ? batchSize * largest * MemoryLayout<Float>.stride : 0)
        if augmentation.isActive, !originals.contains(where: Self.isImage) {
            throw WinnowError(
                .data, "augmentation", "needs images with height and width, not samples of \(originals.first?.sampleShape(at: 0) ?? [])")
        }
    }

    /// The input shapes of a batch with `count` samples.
    func shapes(count: Int) -> [ValueName: Shape] { data.batchShapes(count: count) }

    /// Writes the samples at `indices` into the plan's inputs.
    func fill(_ plan: Plan, samples indices: ArraySlice<Int>, step: Int) throws {
        for (feature, original) in zip(data.features, originals) {
            try plan.withInput(feature.name) { bytes in
                guard let target = bytes.baseAddress else { return }
                if augmentation.isActive, feature.placement == .axis(0), Self.isImage(original) {
                    try augment(original, indices, step, target.assumingMemoryBound(to: Float.self))
                } else {
                    feature.write(samplesAt: indices, to: target)
                }
            }
        }
    }

    private static func isImage(_ feature: Dataset.Feature) -> Bool {
        feature.sampleShape(at: 0).rank >= 2 && feature.batchElementType == .float32
    }

    /// Gathers images into `workspace`, then moves and mirrors them on their way to `target`.
    private func augment(
        _ feature: Dataset.Feature, _ indices: ArraySlice<Int>, _ step: Int, _ target: UnsafeMutablePointer<Float>
    ) throws {
        let shape = feature.sampleShape(at: 0)
        let (height, width) = (shape[shape.rank - 2], shape[shape.rank - 1])
        let planes = shape.dropLast(2).reduce(1, *)
        let change = ImageAugmentation(
            maximumShift: augmentation.shiftPixels, flips: augmentation.flipsHorizontally,
            fill: feature.elementType == .uint8 ? feature.offset : 0)
        feature.write(samplesAt: indices, to: workspace.base)
        try change.run(
            workspace.base.assumingMemoryBound(to: Float.self), [indices.count, planes, height, width],
            key: seed &+ SplitMix.mix(UInt64(step)), to: target)
    }
}

/// The order of samples in one epoch: a Fisher–Yates shuffle that depends on seed and epoch alone.
package func sampleOrder(count: Int, seed: UInt64, epoch: Int) -> [Int] {
    var order = Array(0..<count)
    var generator = RandomGenerator(seed: seed, stream: 0x1000 &+ UInt64(epoch))
    for index in stride(from: count - 1, to: 0, by: -1) {
        let (other, _) = generator.next().multipliedFullWidth(by: UInt64(index + 1))
        order.swapAt(index, Int(other))
    }
    return order
}
