import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

@Suite struct BatchAssemblerTests {
    @Test func everyEpochOrdersAllSamplesAnew() {
        let first = sampleOrder(count: 1000, seed: 1, epoch: 0)
        let second = sampleOrder(count: 1000, seed: 1, epoch: 1)
        #expect(first.sorted() == Array(0..<1000) && second.sorted() == Array(0..<1000))
        #expect(first != second && first != Array(0..<1000))
        #expect(first == sampleOrder(count: 1000, seed: 1, epoch: 0))
        #expect(first != sampleOrder(count: 1000, seed: 2, epoch: 0))
        #expect(sampleOrder(count: 0, seed: 1, epoch: 0).isEmpty)
    }

    @Test func augmentedTrainingIsSeededAndNeedsImages() throws {
        let b = GraphBuilder("pixels")
        let x = try b.input("image", .float32, ["N", 16])
        var random = Initialization(seed: 2)
        let weight = b.constant("w", random.linear(inputs: 16, outputs: 2).weight)
        let model = try b.graph(outputs: [b.linear(x, weight)])
        let pixels = Tensor((0..<(20 * 16)).map { UInt8($0 * 7 % 251) }, shape: [20, 4, 4])
        let data = try Dataset([.init(pixels, scale: 1 / 255)], labels: (0..<20).map { $0 % 2 })
        func losses(_ augmentation: Augmentation, seed: UInt64 = 1) throws -> [Double] {
            var configuration = TrainingConfiguration(epochs: 3, batchSize: 8, learningRate: 0, optimizer: .sgd(), seed: seed)
            configuration.augmentation = augmentation
            return try Trainer(model, configuration: configuration).train(on: data).history.map(\.loss)
        }
        let still = try losses(Augmentation())
        #expect(still.allSatisfy { abs($0 - still[0]) < 1e-6 })
        let moved = try losses(Augmentation(shiftPixels: 1, flipsHorizontally: true))
        #expect(moved.allSatisfy { abs($0 - still[0]) > 1e-6 } && Set(moved).count == 3)
        #expect(try moved == losses(Augmentation(shiftPixels: 1, flipsHorizontally: true)))
        #expect(try moved != losses(Augmentation(shiftPixels: 1, flipsHorizontally: true), seed: 2))
        let flat = try Dataset([.init(pixels.reshaped([20, 16]), scale: 1 / 255)], labels: data.labels)
        var configuration = TrainingConfiguration(epochs: 1)
        configuration.augmentation = Augmentation(shiftPixels: 1)
        #expect(throws: WinnowError.self) { try Trainer(model, configuration: configuration).train(on: flat) }
    }
}
