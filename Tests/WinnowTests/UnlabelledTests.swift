import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
@testable import Winnow

/// Data without labels, and models with open extents, go through everything.
@Suite struct UnlabelledTests {
    /// Open height and width, halved by pooling.
    private func pictures() throws -> Graph {
        var random = RandomGenerator(seed: 4)
        func normal(_ shape: Shape) -> Tensor { Tensor((0..<shape.elementCount).map { _ in 0.3 * random.normal() }, shape: shape) }
        let b = GraphBuilder("pictures")
        var x = try b.input("x", .float32, ["N", 1, "H", "W"])
        x = try b.add(Conv(stride: 1, padding: 1), x, b.constant("w1", normal([8, 1, 3, 3])))
        x = try b.add(MaxPool(window: Window(size: 2)), b.add(Relu(), x))
        return try b.graph(outputs: [b.add(Conv(stride: 1, padding: 1), x, b.constant("w2", normal([2, 8, 3, 3])))])
    }

    private func classifier() throws -> Model { Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [8, 32, 16, 4])) }

    private func samples(_ shape: Shape, name: String) throws -> DataSplits {
        var random = RandomGenerator(seed: 6)
        let values = Tensor((0..<shape.elementCount).map { _ in random.normal() }, shape: shape)
        return try DataSplits(splitting: Dataset([.init(name: name, values)]))
    }

    private func shapes(_ texts: [String]) -> MeasuringOptions {
        var options = MeasuringOptions()
        options.shapes = texts
        return options
    }

    @Test func comparisonNeedsNoLabels() throws {
        let model = Model(try pictures())
        let small = try model.applying("weight-only-quantization").model
        let comparison = try Comparison(model, small, data: samples([40, 1, 12, 16], name: "x"))
        let output = try #require(comparison.outputs.first)
        #expect(output.agreement == nil && output.deviation.cosine > 0.99 && output.deviation.cosine < 1)
        #expect(comparison.models[1].metrics?.contains { $0.metric == "SQNR" } == true)
        #expect(comparison.models[0].latency != nil && comparison.models[1].speedup != nil)
        #expect((comparison.models[0].multiplyAccumulates ?? 0) == 12 * 16 * 72 + 6 * 8 * 144)
    }

    /// Without data and shapes, what hangs on them is left out and asked for; never measured at size 1.
    @Test func openExtentsAreAskedFor() throws {
        let model = Model(try pictures())
        let error = #expect(throws: WinnowError.self) { try Comparison(model, model) }
        #expect(error?.description.contains("--shape x=1x1xHxW") == true)
        #expect(throws: WinnowError.self) { try LayerTable(model.graph) }
        let summary = try ModelSummary(model.graph)
        #expect(summary.multiplyAccumulates == nil && summary.passByteCount == nil && summary.text.contains("needs --shape x=1x1xHxW"))
        let known = try ModelSummary(model.graph, shapes: ["x=1x1x12x16"])
        #expect(known.multiplyAccumulates == 12 * 16 * 72 + 6 * 8 * 144 && known.missingShapes == nil)
        #expect(try Comparison(model, model, options: shapes(["x=1x1x12x16"])).outputs.first?.deviation.cosine == 1)
        #expect(throws: WinnowError.self) { try ModelTimer(model, batchSize: 1) }
        let measured = try model.measured(as: "a")
        #expect(measured.latency == nil && measured.notes?.first?.contains("--shape") == true)
    }

    /// Extents that a model does not take are those of its inputs, not of a node somewhere inside.
    @Test func extentsThatDoNotFitAreNamed() throws {
        let b = GraphBuilder("skip")
        let x = try b.input("x", .float32, ["N", 1, "H", "W"])
        let small = try b.add(MaxPool(window: Window(size: 2, stride: 2)), x)
        let large = try b.add(ConvTranspose(window: Window(size: 2)), small, b.constant("w", Tensor([1, 1, 1, 1] as [Float], shape: [1, 1, 2, 2])))
        let model = Model(try b.graph(outputs: [b.add(Add(), x, large)]))
        #expect(throws: Never.self) { try Comparison(model, model, options: shapes(["x=1x1x6x8"])) }
        let error = #expect(throws: WinnowError.self) { try Comparison(model, model, options: shapes(["x=1x1x7x9"])) }
        #expect(error?.subject.contains("x 1×1×7×9") == true && error?.remedy.contains("extents") == true)
    }

    /// The scales that weights are multiplied with at run time are no parameters, whatever node reads them.
    @Test func dynamicScalesAreNoParameters() throws {
        let model = try classifier()
        #expect(try model.applying("dynamic-quantization").model.graph.parameterCount == model.graph.parameterCount)
    }

    /// Masked weights print as the framework's masked layers, without the masks among the parameters.
    @Test func layersUnderAMask() throws {
        let masked = try classifier().applying("magnitude-pruning", ["keep-mask": true]).model
        let (plain, table) = (try LayerTable(classifier().graph), try LayerTable(masked.graph))
        #expect(table.totalParameterCount == plain.totalParameterCount)
        #expect(table.rows.map(\.name) == plain.rows.map { $0.name.replacing("Linear", with: "MaskedLinear") })
        #expect(table.rows.map(\.parameterCount) == plain.rows.map(\.parameterCount))
        let half = try masked.measured(as: "masked")
        #expect(abs(half.sparsity - 0.5) < 0.01 && half.parameters == plain.totalParameterCount)
    }

    /// Training without labels brings a pruned model's outputs back toward the original's.
    @Test(arguments: [true, false]) func finetuningTowardTheOriginal(isClassifier: Bool) throws {
        let model = isClassifier ? try classifier() : Model(try pictures())
        let data = try isClassifier ? samples([400, 8], name: "input") : samples([120, 1, 8, 8], name: "x")
        let pruned = try model.applying("magnitude-pruning", ["sparsity": 0.6]).model
        let (tuned, findings) = try pruned.applying(
            "finetune", ["epochs": 6, "batch-size": 20, "learning-rate": 0.01], data: data, teacher: model)
        #expect(findings.contains { $0.reason.contains("toward the original's outputs") })
        #expect(findings.contains { $0.quantity == .validation("loss") })
        let errors = try [pruned, tuned].map { try Comparison(model, $0, data: data).outputs[0].deviation.relativeError }
        #expect(errors[1] < 0.8 * errors[0], "\(errors)")
        #expect(abs(try tuned.measured(as: "t").sparsity - pruned.measured(as: "p").sparsity) < 1e-9)
    }

    /// Toward its own outputs no step makes a model better.
    @Test func trainingTowardItselfGivesTheModelBack() throws {
        let model = Model(try pictures())
        let tuned = try model.applying("finetune", ["epochs": 2, "batch-size": 20], data: samples([120, 1, 8, 8], name: "x")).model
        #expect(tuned.graph.initializers == model.graph.initializers)
    }

    /// The bound of iterative pruning is agreement with the original, which the dense model has wholly.
    @Test func iterativePruningByAgreement() throws {
        let pass: [String: HyperparameterValue] = ["sparsities": [0.3, 0.95], "max-drop": 20, "finetune": ["epochs": 1, "batch-size": 50]]
        let (result, findings) = try classifier().applying("iterative-pruning", pass, data: samples([400, 8], name: "input"))
        let quality = findings.filter { $0.subject == "graph" && $0.quantity.name.contains("agreement") }
        #expect(quality.first?.after == 1 && quality.count == 3)
        #expect(try result.measured(as: "r").sparsity > 0.25)
    }
}
