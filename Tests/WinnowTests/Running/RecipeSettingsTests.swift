import Testing
import WinnowPasses
import WinnowTensor
@testable import Winnow

/// What `--set` reaches: of recipes every step and the passes that train along, of commands every pass they run.
@Suite struct RecipeSettingsTests {
    private let text = """
        version: 1
        steps:
          - magnitude-pruning
          - finetune: { with: [ distillation: { temperature: 2 }, mutual-learning ] }
          - iterative-pruning: { finetune: { epochs: 2 } }
        """

    @Test(arguments: ["steps[1].with[0].alpha=0.5", "steps[1].finetune.with[0].distillation.alpha=0.5"])
    func passesThatTrainAlongAreSet(_ setting: String) throws {
        let finetune = try #require(Recipe(yaml: text, settings: [setting]).passes[1] as? Finetune)
        let along = finetune.with.map(\.pass.hyperparameters)
        #expect(along.count == 2 && along[0]["alpha"] == .number(0.5) && along[0]["temperature"] == .number(2))
    }

    @Test(arguments: ["steps[1].with[2].alpha=0.5", "steps[0].with[0].alpha=0.5", "steps[2].with[0].alpha=0.5"])
    func whatIsNotThereIsNotSet(_ setting: String) {
        let error = #expect(throws: WinnowError.self) { try Recipe(yaml: text, settings: [setting]) }
        #expect(error?.kind == .usage && error?.subject == "--set \(setting)")
    }

    private func recipe(_ settings: [String]) throws -> Recipe {
        let own = Recipe.Draft("finetune", defaults: ["epochs": 3], settings: ["batch-size=8"], with: [.init("distillation", defaults: ["alpha": 0.7])])
        return try Recipe([.init("magnitude-pruning"), .init("structured-pruning"), own], settings: settings)
    }

    @Test func keysGoToTheOnlyPassThatHasThem() throws {
        let recipe = try recipe(["epochs=5", "by=decoupled", "beta=4", "distillation.alpha=0.5", "magnitude-pruning.sparsity=0.3", "round_to=8"])
        let passes = recipe.passes.map(\.hyperparameters)
        #expect(passes[0]["sparsity"] == .number(0.3) && passes[1]["round-to"] == .int(8))
        #expect(passes[1]["sparsity"] == StructuredPruning().hyperparameters["sparsity"])
        #expect(passes[2]["epochs"] == .int(5) && passes[2]["batch-size"] == .int(8))
        let along = try #require((recipe.passes[2] as? Finetune)?.with.first).pass.hyperparameters
        #expect(along["alpha"] == .number(0.5) && along["beta"] == .number(4))
    }

    @Test(arguments: [
        ("sparsity=0.3", WinnowError.Kind.usage, ["magnitude-pruning.sparsity", "structured-pruning.sparsity"]),
        ("static-quantization.samples=3", .usage, ["not run here", "distillation"]),
        ("epoch=3", .recipe, ["did you mean epochs?", "finetune: ", "distillation: "]),
        ("batch-size=9", .usage, ["contradict"]),
    ])
    func othersAreRefused(_ setting: String, _ kind: WinnowError.Kind, _ words: [String]) {
        let error = #expect(throws: WinnowError.self) { try recipe([setting]) }
        #expect(error?.kind == kind && words.allSatisfy { "\(error.map { "\($0)" } ?? "")".contains($0) })
    }
}
