import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

@testable import Winnow

/// What a model gives of all samples of a data set.
@Suite struct PredictionTests {
    private let weight = Tensor((0..<20).map { Float($0 * 7 % 20) - 9 }, shape: [4, 5])
    private let samples = Tensor((0..<12).map { Float($0) }, shape: [3, 4])

    private func model(_ extents: [Extent], isSummed: Bool = false) throws -> Model {
        let b = GraphBuilder("product")
        let y = try b.add(MatMul(), b.input("x", .float32, extents), b.constant("w", weight))
        return Model(try b.graph(outputs: [isSummed ? b.add(ReduceSum(keepsAxes: false), y) : y]))
    }

    private func run(_ model: Model, on x: Tensor) throws -> Tensor? {
        let data = try Dataset(arrays: [.init(name: "x", x)], for: model.graph)
        return try model.run(on: data)[model.graph.outputNames[0]]
    }

    /// Rows are run one by one where the model takes no samples at a time, and come out as rows.
    @Test func samplesWithoutAnAxisComeInRows() throws {
        let expected = try run(model(["N", 4]), on: samples)
        #expect(expected?.shape == [3, 5])
        #expect(try run(model([4]), on: samples) == expected)
        let one = samples.rows(1..<2).reshaped([4])
        #expect(try run(model([4]), on: one) == expected?.rows(1..<2))
        #expect(try Dataset(arrays: [.init(name: "x", one)], for: model([4]).graph).words.hasPrefix("1 sample of x float32 4, "))
        #expect(try run(model([4], isSummed: true), on: samples)?.shape == [3])
    }

    /// That there are no samples is said, unless the model takes none.
    @Test func noSamplesAreNamed() throws {
        #expect(try model(["N", 4]).run(["x": Tensor(zeros: [0, 4])]).values.first?.shape == [0, 5])
        let b = GraphBuilder("flat")
        let flat = try b.add(Reshape(), b.input("x", .float32, ["N", 2, 2]), b.constant("shape", Tensor([Int64(0), -1])))
        let flattening = Model(try b.graph(outputs: [b.add(MatMul(), flat, b.constant("w", weight))]))
        #expect(try flattening.run(["x": Tensor(zeros: [1, 2, 2])]).values.first?.shape == [1, 5])
        let error = #expect(throws: WinnowError.self) { try flattening.run(["x": Tensor(zeros: [0, 2, 2])]) }
        #expect(error?.problem == "has no samples")
    }

    /// A number that stands alone, such as a rate, is that of every sample, whether the model takes one a sample or one for all.
    @Test(arguments: [[], [1], ["N"], ["N", 1], ["S"]] as [[Extent]]) func oneNumberServesAllSamples(_ extents: [Extent]) throws {
        let b = GraphBuilder("rate")
        let (x, rate) = (try b.input("x", .float32, ["N", 4]), try b.input("rate", .int64, extents))
        let factor = try b.add(Reshape(), b.add(Cast(to: .float32), rate), b.constant("column", Tensor([-1, 1] as [Int64])))
        let model = Model(try b.graph(outputs: [b.add(Mul(), x, factor)]))
        for shape in [[], [1]] as [Shape] {
            let data = try Dataset(
                arrays: [.init(name: "x", samples), .init(name: "rate", Tensor([Int64(3)], shape: shape))], for: model.graph)
            #expect(try model.run(on: data)[model.graph.outputNames[0]]?.floats() == samples.floats().map { 3 * $0 }, "\(shape)")
        }
    }

    /// One number for all samples is told of in words.
    @Test func oneNumberForAllIsRefused() throws {
        let error = #expect(throws: WinnowError.self) { try run(model(["N", 4], isSummed: true), on: samples) }
        #expect(error?.problem.hasPrefix("is a single number") == true)
        #expect(error?.remedy.contains("--input") == true && error?.remedy.contains("one shape") == false)
    }
}
