import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Gathers the samples of a batch straight into a plan's inputs, augmented on the way.
struct BatchAssembler {
    private let data: Dataset
    /// The features as they came, whose sample shapes tell height and width.
    private let originals: [Dataset.Feature]
    private let changes: [(method: any AugmentationMethod.Type, change: AugmentationChange)]
    private let inputs: Set<ValueName>
    /// Features whose last two axes are no height and width: of one row or column, or read along time.
    private let sequences: Set<ValueName>
    private let seed: UInt64
    /// Room for a batch of any feature.
    private let workspace: TensorStorage
    /// How features that are changed in float32, for they have another type, become that and what they were.
    private let casts: [Int: (widen: CastKernel, narrow: CastKernel)]
    /// Room for a batch of those in float32.
    private let widened: TensorStorage
    /// Which feature holds classes of places; those of pixels move with the pixels.
    private let labels: Int?

    /// - Parameter inputs: those of the model; others are what it is compared with.
    init(
        _ data: Dataset, for objective: Objective, inputs: [ValueName], batchSize: Int, augmentation: Augmentation, seed: UInt64
    ) throws {
        let complete = try objective.complete(data)
        self.data = try complete.adapted(to: objective.graph)
        let names = Set(self.data.features.map(\.name))
        let taken = complete.features.count == names.count ? complete.features : complete.features.filter { names.contains($0.name) }
        if let feature = taken.first(where: { !$0.isUniform }) {
            throw WinnowError(
                .data, "training data", "\(feature.name.isEmpty ? "" : "feature \(feature.name) ")has samples of several shapes",
                remedy: "give resize and crop in images.yaml, or arrays of one shape")
        }
        originals = taken
        changes = augmentation.active
        self.inputs = Set(inputs)
        sequences = changes.isEmpty ? [] : Set(zip(self.data.features, taken).compactMap { feature, original in
            original.sampleShape(at: 0).suffix(2).contains(1) || objective.graph.readsAsSequence(feature.name) ? feature.name : nil
        })
        self.seed = seed
        let largest = self.data.features.map { $0.sampleShape(at: 0).elementCount }.max() ?? 0
        workspace = TensorStorage(byteCount: !changes.isEmpty ? batchSize * largest * MemoryLayout<Int64>.stride : 0)
        let labels = self.data.features.firstIndex { $0.name == objective.placeLabels?.input }
        self.labels = labels
        casts = changes.isEmpty ? [:] : try self.data.features.enumerated().reduce(into: [:]) { casts, feature in
            let type = feature.element.batchElementType
            guard type != .float32, feature.offset == labels || Self.isReal(type) else { return }
            let narrow = try type.isInteger ? CastKernel(saturatingTo: type) : CastKernel(from: .float32, to: type)
            casts[feature.offset] = (try CastKernel(from: type, to: .float32), narrow)
        }
        widened = TensorStorage(byteCount: casts.isEmpty ? 0 : batchSize * largest * MemoryLayout<Float>.stride)
        try checkAugmentation()
    }

    /// Whether numbers of a type can be changed at random: in float32, which float8 would not come back from.
    private static func isReal(_ type: ElementType) -> Bool { [.float32, .float16, .bfloat16, .float64].contains(type) }

    /// Throws `.data` where a change finds nothing that it is for.
    private func checkAugmentation() throws {
        for (method, change) in changes {
            let changed = data.features.indices.filter { place in
                place != labels && samples(of: place, [0], step: 0, workspace.base).map { applies(method, change, place, $0) } ?? false
            }
            guard !changed.isEmpty else {
                throw WinnowError(
                    .data, "augmentation \(method.name)", "finds nothing that it could change\(change.input.map { " in \($0)" } ?? "")",
                    remedy: "it \(method.help)")
            }
            if method.isForOneInput, changed.count > 1 {
                let names = changed.map { data.features[$0].name }.joined(separator: ", ")
                throw WinnowError(.data, "augmentation \(method.name)", "could change \(names)", remedy: "say which: input: …")
            }
            try checkLabelsMove(with: changed, by: method)
            let fixed = data.features.first { !$0.isShared && !Self.isReal($0.batchElementType) }
            if method.blendsSamples, let fixed {
                throw WinnowError(.data, "augmentation \(method.name)", "cannot blend \(fixed.name), which is \(fixed.batchElementType)")
            }
        }
    }

    /// Throws `.data` where pixels are moved away from classes that are no map of them.
    private func checkLabelsMove(with changed: [Int], by method: any AugmentationMethod.Type) throws {
        guard method.movesPixels, let labels else { return }
        let own = originals[labels].sampleShape(at: 0)
        for place in changed {
            let image = originals[place].sampleShape(at: 0)
            guard own.rank < 2 || own.elementCount != own.suffix(2).reduce(1, *) || !own.suffix(2).elementsEqual(image.suffix(2)) else { continue }
            throw WinnowError(
                .data, "augmentation \(method.name)", "moves pixels of \(data.features[place].name), [\(image)], and labels are [\(own)] a sample",
                remedy: "leave it out")
        }
    }

    /// What a batch is made of.
    var features: [Dataset.Feature] { data.features }

    /// The input shapes of a batch with `count` samples.
    func shapes(count: Int) -> [ValueName: Shape] { data.batchShapes(count: count) }

    /// Tells which samples come next.
    func expect(_ indices: ArraySlice<Int>) {
        for feature in data.features { feature.expect(indices) }
    }

    /// Writes the samples at `indices` into the plan's inputs.
    func fill(_ plan: Plan, samples indices: ArraySlice<Int>, step: Int) throws {
        for (place, feature) in data.features.enumerated() {
            try plan.withInput(feature.name) { bytes in
                guard let target = bytes.baseAddress else { return }
                try feature.write(samplesAt: indices, to: target)
                if !changes.isEmpty { try change(place, indices, step: step, at: target) }
            }
        }
    }

    /// Changes samples of a feature at random where they lie.
    private func change(_ place: Int, _ indices: ArraySlice<Int>, step: Int, at target: UnsafeMutableRawPointer) throws {
        let cast = casts[place]
        guard let samples = samples(of: place, indices, step: step, cast == nil ? target : widened.base) else { return }
        let own = changes.filter { applies($0.method, $0.change, place, samples) }
        guard !own.isEmpty else { return }
        cast?.widen.run(from: target, to: samples.base, count: samples.shape.elementCount)
        for (method, change) in own { try method.apply(change, to: samples) }
        cast?.narrow.run(from: samples.base, to: target, count: samples.shape.elementCount)
    }

    private func applies(
        _ method: any AugmentationMethod.Type, _ change: AugmentationChange, _ place: Int, _ samples: AugmentedSamples
    ) -> Bool {
        (change.input == nil || change.input == data.features[place].name || place == labels) && method.changes(samples)
    }

    /// Samples at `target` as augmentation sees them, in float32 where they are changed so; nil where they do not lie one after the other.
    private func samples(
        of place: Int, _ indices: ArraySlice<Int>, step: Int, _ target: UnsafeMutableRawPointer
    ) -> AugmentedSamples? {
        let (feature, original) = (data.features[place], originals[place])
        guard feature.placement == .axis(0) else { return nil }
        return AugmentedSamples(
            base: target, shape: [indices.count] + original.sampleShape(at: 0),
            elementType: casts[place] == nil ? feature.batchElementType : .float32, isInput: inputs.contains(feature.name),
            black: place == labels ? Float(LossSettings.noClass) : original.elementType == .uint8 ? original.offset : 0,
            key: seed &+ SplitMix.mix(UInt64(step)), workspace: workspace.base,
            mayBeImages: !sequences.contains(feature.name))
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
