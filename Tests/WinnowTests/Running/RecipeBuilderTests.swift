import Testing
import WinnowPasses
import WinnowTensor
@testable import Winnow

@Suite struct RecipeBuilderTests {
    private func recipe(isQuantized: Bool, bits: [Int]) -> Recipe {
        let start = Recipe { FoldBatchNorm(); FoldConstants() }
        return Recipe {
            start
            for bits in bits {
                FixedPointQuantization { $0.bits = bits }
                Save("bits-\(bits)")
            }
            if isQuantized { StaticQuantization { $0.calibration.range = "entropy" } } else { RemoveIdentity() }
        }
    }

    @Test func conditionsAndLoopsStandAmongSteps() {
        #expect(recipe(isQuantized: true, bits: []).passes.map { type(of: $0).name } == ["fold-batch-norm", "fold-constants", "static-quantization"])
        let steps = recipe(isQuantized: false, bits: [8, 4]).steps.map { "\($0)" }
        #expect(
            steps == [
                "fold-batch-norm", "fold-constants", "fixed-point-quantization", "save: bits-8", "fixed-point-quantization: { bits: 4 }",
                "save: bits-4", "remove-identity",
            ])
    }

    /// What YAML would refuse is refused when the recipe runs.
    @Test func whatIsWrongIsRefusedByRunning() throws {
        let model = Model(try Architecture.named("mlp").makeGraph(widths: [4, 3]))
        let error = #expect(throws: WinnowError.self) { try Pipeline(Recipe { Save("../away") }).run(on: model) }
        #expect(error?.kind == .recipe && error?.description.contains("away") == true)
        let wrong = Recipe { MagnitudePruning { $0.sparsity = 7 } }
        #expect(throws: WinnowError.self) { try Pipeline(wrong).run(on: model) }
    }
}
