import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// A pass in the catalogue, named for test output.
struct CatalogueEntry: CustomTestStringConvertible, Sendable {
    let type: any Pass.Type
    var testDescription: String { type.name }
    static var all: [CatalogueEntry] { PassCatalogue.all.map { CatalogueEntry(type: $0) } }

    /// A quick instance: passes that train do so for one epoch.
    func make(_ values: [String: HyperparameterValue] = [:]) throws -> any Pass {
        let known = type.init().hyperparameterDescriptions.map(\.name)
        var all = values
        if known.contains("epochs"), all["epochs"] == nil { all["epochs"] = 1 }
        if known.contains("finetune"), all["finetune"] == nil { all["finetune"] = ["epochs": 1, "batch-size": 64] }
        if known.contains("candidates"), all["candidates"] == nil { all["candidates"] = 3 }
        if known.contains("rounds"), all["rounds"] == nil { all["rounds"] = 2 }
        return try type.init(hyperparameters: all)
    }

    func has(_ hyperparameter: String) -> Bool {
        type.init().hyperparameterDescriptions.contains { $0.name == hyperparameter }
    }
}

/// What holds for every pass.
struct PassLawTests {
    @Test(arguments: CatalogueEntry.all)
    func isDescribed(_ entry: CatalogueEntry) {
        #expect(entry.type.name == entry.type.name.lowercased() && !entry.type.name.contains("_"))
        #expect(!entry.type.summary.isEmpty && entry.type.summary.count <= 120)
        for hyperparameter in entry.type.init().hyperparameterDescriptions { #expect(!hyperparameter.help.isEmpty) }
    }

    @Test func namesDiffer() { #expect(Set(PassCatalogue.all.map { $0.name }).count == PassCatalogue.all.count) }

    @Test(arguments: CatalogueEntry.all)
    func hyperparametersRoundTrip(_ entry: CatalogueEntry) throws {
        let step = PassStep(try entry.make())
        let copy = try JSONDecoder().decode(PassStep.self, from: JSONEncoder().encode(step))
        #expect(copy.pass.hyperparameters == step.pass.hyperparameters)
    }

    @Test(arguments: CatalogueEntry.all)
    func resultRunsAndEveryWeightIsReported(_ entry: CatalogueEntry) throws {
        for graph in try TestModels.all {
            let pass = try entry.make()
            let result = try pass(graph, in: TestModels.context(for: graph))
            let reported = Set(result.findings.map(\.subject))
            for tensor in graph.weightTensors { #expect(reported.contains(tensor), "\(graph.name): \(tensor)") }
            for finding in result.findings where finding.status != .done {
                #expect(!finding.reason.isEmpty, "\(finding)")
            }
            #expect(result.graph.inputs == graph.inputs && result.graph.outputNames == graph.outputNames)
            try WrittenModels.keep(result.graph, "passes", "\(entry.type.name) \(graph.name)")
            let samples = try TestModels.dataset(for: graph, count: 4).features[0].tensor
            #expect(try TestModels.predictions(of: result.graph, on: samples).allSatisfy { $0.allSatisfy(\.isFinite) })
        }
    }

    /// A constant that is an output, or that something else reads, is there what it was, however layers change that read it too.
    @Test(arguments: CatalogueEntry.all.filter { !$0.has("epochs") && !$0.has("finetune") && $0.type.init().needs != .training })
    func whatIsSeenElsewhereStays(_ entry: CatalogueEntry) throws {
        let repairs: [HyperparameterValue?] = entry.has("repair") ? ["none", "bias", "ridge"] : [nil]
        for make in TestModels.makers + [ScaledModels.transformer, ScaledModels.biased] {
            let graph = try make()
            // Weights may be pruned or rounded for all that read them; what layers add and multiply with besides is not theirs alone.
            var apart = GraphEdit()
            let vectors = graph.initializerNames.filter { graph.initializers[$0]?.rank == 1 }
            apart.addedNodes = vectors.map { Node(name: "minus.\($0)", op: Neg(), inputs: [$0], outputs: ["minus.\($0)"]) }
            apart.outputs = graph.outputs + vectors.map { "minus.\($0)" }
            let read = try graph.applying(apart)
            for repair in repairs {
                let pass = try entry.make(repair.map { ["repair": $0] } ?? [:])
                let outputs = try Zoo.outputs(of: pass(read, in: Zoo.context(for: read)).graph, like: read)
                for name in vectors {
                    let negated = Tensor(try #require(graph.initializers[name]).floats().map { -$0 })
                    let found = try #require(outputs["minus.\(name)"])
                    #expect(negated.relativeError(of: found) < 5e-3, "\(graph.name): \(name)")
                }
            }
            var edit = GraphEdit()
            edit.outputs = graph.outputs + graph.initializerNames
            let seen = try graph.applying(edit)
            for repair in repairs {
                let pass = try entry.make(repair.map { ["repair": $0] } ?? [:])
                let result = try pass(seen, in: Zoo.context(for: seen)).graph
                let outputs = try Zoo.outputs(of: result, like: seen)
                for (name, place) in zip(graph.initializerNames, graph.outputs.count...) {
                    #expect(outputs[result.outputNames[place]] == graph.initializers[name], "\(graph.name): \(name)")
                }
            }
        }
    }

    @Test(arguments: CatalogueEntry.all)
    func sameSeedSameBytes(_ entry: CatalogueEntry) throws {
        let graph = try TestModels.convolutional()
        let pass = try entry.make()
        let first = try pass(graph, in: TestModels.context(for: graph, seed: 5))
        let second = try pass(graph, in: TestModels.context(for: graph, seed: 5))
        #expect(first.graph.text == second.graph.text)
        #expect(first.graph.initializers == second.graph.initializers)
    }

    @Test(arguments: CatalogueEntry.all.filter { $0.has("only") })
    func unmatchedPatternsAreErrors(_ entry: CatalogueEntry) throws {
        let graph = try TestModels.perceptron()
        for key in ["only", "except"] {
            let pass = try entry.make([key: ["nothing-like-this*"]])
            #expect(throws: WinnowError.self) { try pass(graph, in: TestModels.context(for: graph)) }
        }
    }
}
