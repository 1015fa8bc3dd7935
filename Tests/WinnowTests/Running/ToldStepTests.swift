import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
import WinnowTraining
@testable import Winnow

/// Steps that findings give for a recipe, as a reader pastes them.
@Suite struct ToldStepTests {
    /// Codes that weight-only quantization found for a bound come out of the step that it tells, without looking for them again.
    @Test(arguments: [["scheme": "uint2-g16"], ["bits": 4, "size": 0.1]] as [[String: HyperparameterValue]], [0, 3.0])
    func codesComeOutAgain(_ settings: [String: HyperparameterValue], _ drop: Double) throws {
        var random = RandomGenerator(seed: 2)
        func numbers(_ shape: Shape) -> Tensor { Tensor((0..<shape.elementCount).map { _ in random.normal() }, shape: shape) }
        let b = GraphBuilder("model")
        var x = try b.input("x", .float32, ["N", 64])
        for (place, (from, to)) in [(64, 96), (96, 96), (96, 64), (64, 10)].enumerated() {
            x = try b.linear(x, b.constant("fc\(place).weight", numbers([to, from])), name: "fc\(place)")
            if to > 10 { x = try b.add(Relu(), x, name: "relu\(place)") }
        }
        let graph = try b.graph(outputs: [x])
        let data = try Dataset([.init(name: "x", numbers([128, 64]))])
        let context = PassContext(calibration: data, validation: data)
        let found = try WeightOnlyQuantization(hyperparameters: settings.merging(["max-drop": .number(drop)]) { $1 })(graph, in: context)
        let words = try #require(found.findings.last { $0.reason.contains("for a recipe, the same codes") }).reason
        let step = try #require(words.split(separator: ": - ", maxSplits: 1).last)
        let recipe = try Recipe(yaml: "version: 1\nsteps:\n  - \(step)")
        let told = try #require(recipe.passes.first)
        #expect(told.hyperparameters["max-drop"] == WeightOnlyQuantization().hyperparameters["max-drop"])
        func codes(_ graph: Graph) -> [ValueName: Tensor] {
            graph.initializers.filter { name, _ in ["codes", "scale", "zero_point"].contains { name.hasSuffix($0) } }
        }
        #expect(try codes(told(graph, in: context).graph) == codes(found.graph))
    }
}
