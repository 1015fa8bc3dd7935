import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

@testable import WinnowTraining

@Suite struct AugmentationTests {
    /// What a change makes of samples.
    private func changed(_ change: AugmentationChange, _ tensor: Tensor, key: UInt64 = 5, isInput: Bool = true, black: Float = 0) throws -> Tensor {
        var result = tensor
        let type = try #require(AugmentationCatalogue.all.first { $0.name == change.method })
        let workspace = TensorStorage(byteCount: max(64, tensor.byteCount))
        try result.withUnsafeMutableBytes { bytes in
            let samples = AugmentedSamples(
                base: try #require(bytes.baseAddress), shape: tensor.shape, elementType: tensor.elementType, isInput: isInput, black: black,
                key: key, workspace: workspace.base)
            if type.changes(samples) { try type.apply(change, to: samples) }
        }
        return result
    }

    private func images(_ count: Int = 6, _ shape: Shape = [3, 5, 7]) -> Tensor {
        var random = RandomGenerator(seed: 8)
        return Tensor((0..<(count * shape.elementCount)).map { _ in random.uniform() }, shape: Shape([count]) + shape)
    }

    /// Every member: the same for the same key, another for another, nothing at strength 0; a sample's change does not depend on its company.
    @Test(arguments: AugmentationCatalogue.all.map { $0.name }) func changesAreSeeded(_ name: String) throws {
        let method = try #require(AugmentationCatalogue.all.first { $0.name == name })
        let isTokens = name == TokenDropoutAugmentation.name
        let samples = isTokens ? Tensor((0..<600).map { Int64($0 + 1) }, shape: [6, 100]) : images()
        let change = AugmentationChange(name, by: method.usualStrength, replacement: -1)
        let result = try changed(change, samples)
        #expect(result != samples)
        #expect(try result == changed(change, samples) && result != changed(change, samples, key: 6))
        let still = try changed(AugmentationChange(name, by: 0), samples)
        #expect(name == MixupAugmentation.name || zip(still.doubles(), samples.doubles()).allSatisfy { abs($0 - $1) < 1e-6 })
        if name != MixupAugmentation.name { #expect(try changed(change, samples.rows(0..<2)) == result.rows(0..<2)) }
        #expect(method.strengths.contains(0) && method.strengths.contains(method.usualStrength))
        #expect(change.complaint == nil && AugmentationChange(name, by: -1).complaint != nil)
    }

    @Test func cropsMirrorTheirBorder() throws {
        let row = Tensor((0..<4).map { Float($0) }, shape: [1, 1, 1, 4])
        var seen: Set<[Float]> = []
        for key in 0..<200 { seen.insert(try changed(AugmentationChange("crop", by: 2), row, key: UInt64(key)).floats()) }
        #expect(seen == [[0, 1, 2, 3], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 3, 2], [2, 3, 2, 1]])
    }

    /// Brightness keeps black, contrast the mean, saturation the grey; each by one factor for the whole image.
    @Test func coloursKeepWhatTheyTurnAround() throws {
        let picture = images(1)
        let bright = try changed(AugmentationChange("brightness", by: 0.5), picture, black: -1)
        let factors = Set(zip(bright.doubles(), picture.doubles()).map { (($0 + 1) / ($1 + 1) * 1e4).rounded() })
        #expect(factors.count <= 2)
        let contrast = try changed(AugmentationChange("contrast", by: 0.9), picture)
        let means = [contrast, picture].map { $0.doubles().reduce(0, +) / 105 }
        #expect(abs(means[0] - means[1]) < 1e-5)
        let pale = try changed(AugmentationChange("saturation", by: 0.9), picture)
        let greys = [pale, picture].map { image -> [Double] in
            let x = image.doubles()
            return (0..<35).map { (place: Int) -> Double in
                let colours: Double = 0.299 * x[place] + 0.587 * x[35 + place]
                return colours + 0.114 * x[70 + place]
            }
        }
        #expect(zip(greys[0], greys[1]).allSatisfy { abs($0 - $1) < 1e-5 } && pale != picture)
        // What the model is compared with keeps its colours.
        #expect(try changed(AugmentationChange("brightness", by: 0.5), picture, isInput: false) == picture)
    }

    @Test func noiseHasItsDeviation() throws {
        let zeros = Tensor(zeros: [4, 5001])
        let noise = try changed(AugmentationChange("noise", by: 0.3), zeros).doubles()
        let mean = noise.reduce(0, +) / Double(noise.count)
        let deviation = (noise.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(noise.count)).squareRoot()
        #expect(abs(mean) < 0.01 && abs(deviation - 0.3) < 0.01)
    }

    @Test func tokensDropAtTheirRate() throws {
        for type in [ElementType.int64, .int32] {
            let tokens = Tensor([Double](repeating: 9, count: 20_000), shape: [4, 5000], as: type)
            let dropped = try changed(AugmentationChange("token-dropout", by: 0.2, replacement: 103), tokens).doubles().filter { $0 == 103 }.count
            #expect(abs(Double(dropped) / 20_000 - 0.2) < 0.02)
        }
    }

    /// λ follows Beta(α, α): mean ½, variance 1 ÷ (4·(2α + 1)); partners are a permutation.
    @Test(arguments: [0.05, 0.2, 1]) func mixupFollowsItsDistribution(_ alpha: Double) throws {
        let shares = (0..<20_000).map { MixupAugmentation.share(alpha, key: UInt64($0)) }
        let mean = shares.reduce(0, +) / 20_000
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        #expect(abs(mean - 0.5) < 0.01 && abs(variance - 1 / (4 * (2 * alpha + 1))) < 0.005 && shares.allSatisfy { (0...1).contains($0) })
        #expect(MixupAugmentation.partners(50, key: 3).sorted() == Array(0..<50))
    }

    /// Inputs and targets are blended alike, and the loss of blended targets is the blend of the losses.
    @Test func mixupBlendsLabelsToo() throws {
        let b = GraphBuilder("linear")
        let x = try b.input("x", .float32, ["N", 4])
        var random = Initialization(seed: 2)
        let model = try b.graph(outputs: [b.linear(x, b.constant("w", random.linear(inputs: 4, outputs: 3).weight))])
        var generator = RandomGenerator(seed: 1)
        let values = Tensor((0..<48).map { _ in generator.normal() }, shape: [12, 4])
        let data = try Dataset([.init(name: "x", values)], labels: (0..<12).map { $0 % 3 })
        func history(_ changes: [AugmentationChange], objective: Objective? = nil) throws -> [Double] {
            var configuration = TrainingConfiguration(epochs: 2, batchSize: 12, learningRate: 0, optimizer: .sgd(), seed: 1)
            configuration.augmentation = Augmentation(changes)
            let trainer = try objective.map { Trainer(model, objective: $0, configuration: configuration) } ?? Trainer(model, configuration: configuration)
            return try trainer.train(on: data, validation: data).history.map(\.loss)
        }
        let hard = try history([])
        let soft = try history([], objective: Loss.crossEntropy().attached(to: model, probabilities: true))
        #expect(zip(hard, soft).allSatisfy { abs($0 - $1) < 1e-5 }, "\(hard) \(soft)")
        let mixed = try history([AugmentationChange("mixup", by: 1)])
        #expect(mixed[0] != mixed[1] && zip(mixed, hard).allSatisfy { $0 != $1 })
        // Class indices cannot be blended.
        #expect(throws: WinnowError.self) { try history([AugmentationChange("mixup", by: 1)], objective: Loss.crossEntropy().attached(to: model)) }
    }

    @Test func whatFindsNothingIsSaid() throws {
        let b = GraphBuilder("vector")
        let model = try b.graph(outputs: [b.linear(b.input("x", .float32, ["N", 4]), b.constant("w", Tensor(zeros: [2, 4])))])
        let data = try Dataset([.init(name: "x", Tensor(zeros: [8, 4]))], labels: [Int](repeating: 0, count: 8))
        for change in [AugmentationChange("crop", by: 1), AugmentationChange("token-dropout", by: 1), AugmentationChange("noise", by: 1, input: "y")] {
            var configuration = TrainingConfiguration(epochs: 1)
            configuration.augmentation = Augmentation([change])
            let error = #expect(throws: WinnowError.self) { try Trainer(model, configuration: configuration).train(on: data) }
            #expect(error?.subject.contains(change.method) == true)
        }
    }

    /// A batch as a plan would take it.
    private func batch(_ data: Dataset, _ graph: Graph, _ objective: Objective, _ change: AugmentationChange) throws -> [ValueName: Tensor] {
        let assembler = try BatchAssembler(
            data, for: objective, inputs: graph.inputNames, batchSize: data.count, augmentation: Augmentation([change]), seed: 3)
        let plan = try Plan(objective.graph.lowered(), inputShapes: assembler.shapes(count: data.count))
        try assembler.fill(plan, samples: Array(0..<data.count)[...], step: 1)
        return try Dictionary(
            uniqueKeysWithValues: objective.graph.inputs.map { input in
                var tensor = Tensor(zeros: try #require(assembler.shapes(count: data.count)[input.name]), input.type.elementType)
                _ = plan.withInput(input.name) { bytes in
                    tensor.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(bytes)) }
                }
                return (input.name, tensor)
            })
    }

    /// Pixels of other floating-point types change as float32 does, and are rounded once.
    @Test(arguments: [ElementType.float16, .bfloat16, .float64], AugmentationCatalogue.all.map { $0.name })
    func otherTypesChangeAsFloat32(_ type: ElementType, _ name: String) throws {
        guard name != TokenDropoutAugmentation.name else { return }
        let method = try #require(AugmentationCatalogue.all.first { $0.name == name })
        let pictures = images(6, [3, 4, 5]).converted(to: type).converted(to: .float32)
        func changed(_ type: ElementType) throws -> Tensor {
            let b = GraphBuilder("typed")
            let x = try b.add(Cast(to: .float32), b.input("x", type, ["N", 3, 4, 5]))
            let graph = try b.graph(outputs: [b.linear(b.add(Flatten(), x), b.constant("w", .sample([2, 60])))])
            let data = try Dataset([.init(name: "x", pictures.converted(to: type))], labels: [0, 1, 0, 1, 0, 1])
            let objective = try Loss.crossEntropy().attached(to: graph, probabilities: method.blendsSamples)
            return try #require(try batch(data, graph, objective, AugmentationChange(name, by: method.usualStrength))["x"])
        }
        let own = try changed(type)
        #expect(own == (try changed(.float32).converted(to: type)) && own != pictures.converted(to: type))
    }

    /// Classes of pixels go where the pixels go, and what comes in is no class; where they are no map of them, moving is refused.
    @Test(arguments: ["flip", "shift", "crop"]) func classesOfPixelsMoveWithThem(_ name: String) throws {
        func objective(_ labels: Tensor) throws -> (Dataset, Graph, Objective) {
            let b = GraphBuilder("pixels")
            let size = Array(labels.shape.dropFirst())
            let x = try b.input("image", .float32, ["N", 1, 4, 6])
            let scores = try b.conv(x, b.constant("w", .sample([30, 1, 1, 1])))
            let graph = try b.graph(outputs: [size == [4, 6] ? scores : b.maxPool(scores, size: 2)])
            let codes = Tensor((0..<120).map { Float($0 % 24) }, shape: [5, 1, 4, 6])
            let data = try Dataset([.init(name: "image", codes), .init(name: "labels", labels)])
            return (data, graph, try Loss.crossEntropy().attached(to: graph, places: ClassLabels(of: data, for: graph).places))
        }
        let change = AugmentationChange(name, by: name == "flip" ? 0.5 : 2, input: "image")
        let (data, graph, loss) = try objective(Tensor((0..<120).map { Int64($0 % 24) }, shape: [5, 4, 6]))
        let moved = try batch(data, graph, loss, change)
        let (pixels, labels) = (try #require(moved["image"]).doubles(), try #require(moved["labels"]).doubles())
        #expect(try pixels != data.features[0].tensor.doubles())
        for (pixel, label) in zip(pixels, labels) { #expect(label == pixel || label == -1 && pixel == 0 && name == "shift") }
        let (small, other, half) = try objective(Tensor((0..<30).map { Int64($0) }, shape: [5, 2, 3]))
        let error = #expect(throws: WinnowError.self) { try batch(small, other, half, change) }
        #expect(error?.description.contains("moves pixels of image, [1×4×6], and labels are [2×3] a sample") == true, "\(error?.description ?? "")")
    }

    /// Waves and steps in time are no pictures, though they have two axes; pictures that another layer reads later as steps are.
    @Test(arguments: [("wave", [1, 16], false), ("channels", [4, 16], false), ("steps", [6, 16], false), ("row", [1, 4, 1], false), ("picture", [1, 4, 6], true)])
    func wavesAreNoPictures(kind: String, sample: [Int], isPicture: Bool) throws {
        let b = GraphBuilder(kind)
        func weight(_ shape: Shape) -> ValueName { b.constant("w\(shape.elementCount)", .sample(shape)) }
        let x = try b.input("x", .float32, ["N"] + sample.map { .fixed($0) })
        let scaled = try b.add(Mul(), x, b.constant("scale", Tensor(scalar: Float(2))))
        let y: ValueName
        switch kind {
        case "steps":
            let steps = try b.add(Transpose([1, 0, 2]), scaled)
            let all = try b.add(GRU(RecurrentParameters(hiddenSize: 2)), inputs: [steps, weight([1, 6, 16]), weight([1, 6, 2])], outputs: 2)
            y = try b.add(Squeeze(), all[1], b.constant("first", Tensor([Int64(0)])))
        case "picture":
            let maps = try b.add(Conv(stride: 1, padding: 1), scaled, weight([2, 1, 3, 3]))
            y = try b.add(Conv(stride: 1, padding: 1, rank: 1), b.add(Reshape(), maps, b.constant("rows", Tensor([0, 8, 6] as [Int64]))), weight([2, 8, 3]))
        case "row": y = scaled
        default: y = try b.add(Conv(stride: 1, padding: 1, rank: 1), scaled, weight([2, sample[0], 3]))
        }
        let flat = try b.add(Flatten(), y)
        let width = try #require(b.type(of: flat)?.extents?.last?.value)
        let model = try b.graph(outputs: [b.linear(flat, b.constant("head", .sample([2, width])))])
        let data = try Dataset([.init(name: "x", .sample(Shape([8] + sample)))], labels: (0..<8).map { $0 % 2 })
        func train(_ method: String) throws {
            var configuration = TrainingConfiguration(epochs: 1, batchSize: 8)
            configuration.augmentation = Augmentation([AugmentationChange(method, by: 1)])
            _ = try Trainer(model, configuration: configuration).train(on: data)
        }
        for method in ["flip", "shift", "crop", "brightness"] {
            if isPicture { try train(method); continue }
            let error = #expect(throws: WinnowError.self) { try train(method) }
            #expect(error?.subject == "augmentation \(method)")
        }
        try train("noise")
    }
}
