import Testing
import WinnowPasses
import WinnowTensor
@testable import Winnow

/// Recipes print as the YAML that they can be read from.
@Suite struct RecipeTextTests {
    /// Values of every kind, among them texts that YAML takes for something else.
    private static let candidates: [HyperparameterValue] = [
        .list(["a: b", "*.weight", "#1", "12", "true", "null", "he said \"no\" \\ once", "ü", " x ", "0x1F", "1e3", "-", "a\nb\u{1}"]),
        "2:4", .bool(true), .bool(false), .int(1), .int(3), .int(4), .number(0.25), .number(1e-7), .list([.number(0.5), .int(1)]), .list([]),
        "a, b: [c]", "none", .list(["distillation"]), .list(["quantization-aware-training", ["distillation": ["alpha": 0.5]]]),
        ["epochs": 2, "with": ["feature-hint"]], "start", .list([["weights": ["a: b", "*"], "sparsity": 0.5, "pattern": "1x4"]]),
        .list([["weights": ["a: b", "*"], "scheme": "nf4"]]), .list([["loss": "huber", "delta": 0.5, "target": "a: b"]]),
        ["*.weight": 0.25, "a, b: [c]": 0], ["sparsity": 0.25, "rules": ["conv1*": 0.5]], ["samples": 7], ["bits": 8],
    ]

    private static func words(_ kind: String) -> [HyperparameterValue] {
        guard kind.contains("one of ") else { return [] }
        return kind.replacing(" or none", with: "").split(separator: "one of ").last?.split(separator: ", ").map { .string(String($0)) } ?? []
    }

    /// A value of its own for a hyperparameter that goes with others; nil: none does.
    private func own(
        _ parameter: HyperparameterDescription, of type: any Pass.Type, beside others: [String: HyperparameterValue]
    ) -> HyperparameterValue? {
        let inRange = parameter.range.map { [HyperparameterValue.number($0.lowerBound + 1), .int(Int($0.lowerBound) + 1)] } ?? []
        return (Self.words(parameter.kind) + Self.candidates + inRange).first { value in
            guard let pass = try? type.init(hyperparameters: others.merging([parameter.name: value]) { $1 }) else { return false }
            return pass.hyperparameters[parameter.name] != parameter.value
        }
    }

    /// Passes of this name: one for each hyperparameter with a value of its own, and what it counts with, and one with as many as go
    /// together.
    private func changed(_ name: String) throws -> [any Pass] {
        let type = try PassCatalogue.pass(named: name)
        let parameters = type.init().hyperparameterDescriptions
        var (passes, together): ([any Pass], [String: HyperparameterValue]) = ([], [:])
        for parameter in parameters {
            var values: [String: HyperparameterValue] = [:]
            for condition in parameter.conditions {
                switch condition {
                case .with(let other, let words): values[other] = HyperparameterValue(text: words[0])
                case .given(let others):
                    let other = try #require(parameters.first { $0.name == others[0] }, "\(name): \(others[0])")
                    values[other.name] = own(other, of: type, beside: values)
                case .absent: break
                }
            }
            let found: HyperparameterValue = try #require(
                own(parameter, of: type, beside: values), "\(name): \(parameter.name), \(parameter.kind)")
            values[parameter.name] = found
            passes.append(try type.init(hyperparameters: values))
            if let value = own(parameter, of: type, beside: together) { together[parameter.name] = value }
        }
        return passes + [try type.init(hyperparameters: together)]
    }

    @Test(arguments: PassCatalogue.all.map { $0.name }) func everyPassReadsBack(name: String) throws {
        for pass in try changed(name) + [PassCatalogue.pass(named: name).init()] {
            let recipe = Recipe { pass }
            let again = try Recipe(yaml: "\(recipe)")
            #expect(again.passes.first?.hyperparameters == pass.hyperparameters)
            #expect("\(again)" == "\(recipe)")
        }
        #expect("\(try PassCatalogue.pass(named: name).init())" == name, "defaults are left out")
    }

    @Test func stepsAreALineEach() throws {
        let recipe = Recipe {
            FoldBatchNorm()
            StructuredPruning { $0.sparsity = 0.7; $0.importance = "fpgm"; $0.choice.except = ["conv1*"] }
            Save("pruned")
        }
        let text = """
            version: 1
            steps:
              - fold-batch-norm
              - structured-pruning: { except: ["conv1*"], importance: fpgm, sparsity: 0.7 }
              - save: pruned
            """
        #expect("\(recipe)" == text)
        #expect("\(try Recipe(yaml: text))" == text)
        #expect("\(try Recipe(yaml: "\(Recipe {})"))" == "version: 1\nsteps: []")
    }
}
