import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// What holds for every pass on models of every kind, without labels.
struct ZooLawTests {
    @Test(arguments: CatalogueEntry.all)
    func everyModelGoesThrough(_ entry: CatalogueEntry) throws {
        for make in Zoo.all {
            let graph = try make()
            let place = "\(entry.type.name) \(graph.name)"
            guard let result = attempt(place, entry, [:], graph) else { continue }
            let reported = Set(result.findings.map(\.subject))
            for tensor in graph.weightTensors { #expect(reported.contains(tensor), "\(place): \(tensor)") }
            for finding in result.findings where finding.status != .done {
                #expect(!finding.reason.isEmpty, "\(place): \(finding)")
            }
            #expect(result.graph.inputs == graph.inputs && result.graph.outputNames == graph.outputNames)
            for (name, tensor) in try Zoo.outputs(of: result.graph, like: graph) {
                #expect(tensor.finiteness == nil, "\(place): \(name)")
            }
            try WrittenModels.keep(result.graph, "passes", place)
            let again = attempt(place, entry, [:], graph)?.graph
            #expect(again.map { Self.areEqual($0, result.graph) } == true, "\(place): another run gives other bytes")
        }
    }

    /// The result, or a note of where something was thrown.
    private func attempt(
        _ place: String, _ entry: CatalogueEntry, _ values: [String: HyperparameterValue], _ graph: Graph
    ) -> PassResult? {
        do {
            let pass = try entry.make(values)
            return try pass(graph, in: Zoo.context(for: graph))
        } catch is WinnowError where entry.type.init().needs == .training && Zoo.partlyTrained.contains(graph.name) {
            return nil
        } catch {
            Issue.record("\(place): \(error)")
            return nil
        }
    }

    private static func areEqual(_ a: Graph, _ b: Graph) -> Bool { a.text == b.text && a.initializers == b.initializers }

    /// Models with control flow train toward what they are themselves, computed by control flow too.
    @Test func controlFlowStandsBeforeWhatIsTrained() throws {
        for make in Zoo.all {
            let graph = try make()
            guard Zoo.partlyTrained.contains(graph.name) else { continue }
            let result = try training(with: [])(graph, in: Zoo.context(for: graph))
            let held = result.findings.filter { $0.reason.contains("runs between plans") }.map(\.subject)
            #expect(held.contains("fc1.weight") && !held.contains("fc2.weight"), "\(graph.name): \(held)")
        }
    }

    /// Where nothing is selected nothing changes, and of two weights the one that is not selected stays as it is.
    @Test(arguments: CatalogueEntry.all.filter { $0.has("except") && $0.type.init().needs != .training })
    func whatIsNotSelectedStays(_ entry: CatalogueEntry) throws {
        for make in Zoo.all {
            let graph = try make()
            let place = "\(entry.type.name) \(graph.name)"
            guard let first = graph.weightTensors.first(where: { (graph.initializers[$0]?.rank ?? 0) > 1 }) else { continue }
            let none = attempt(place, entry, ["except": ["*"]], graph)?.graph
            #expect(none.map { Self.areEqual($0, graph) } == true, "\(place): except all")
            guard entry.type.name != StructuredPruning.name else { continue }
            let one = attempt(place, entry, ["only": [.string(first)]], graph)?.graph
            let sites = Set(graph.weightSites.filter { graph.initializers[$0.tensor].map { $0.rank > 1 } == true }.map(\.tensor))
            for name in sites.sorted() where name != first {
                #expect(one?.initializers[name] == graph.initializers[name], "\(place): only \(first), but \(name)")
            }
        }
    }

    @Test(arguments: CatalogueEntry.all.filter { $0.type.isIdempotent })
    func twiceIsOnce(_ entry: CatalogueEntry) throws {
        for make in Zoo.all + TestModels.makers {
            let graph = try make()
            let place = "\(entry.type.name) \(graph.name)"
            guard let once = attempt(place, entry, [:], graph)?.graph, let twice = attempt(place, entry, [:], once)?.graph else {
                continue
            }
            #expect(Self.areEqual(once, twice), "\(place)")
        }
    }

    private static let strengths = CatalogueEntry.all.flatMap { entry in entry.type.strengths.map { (entry, $0) } }

    /// With no strength a pass changes nothing; one that trains trains as if it were not there.
    @Test(arguments: strengths.indices.filter { strengths[$0].1.none != nil })
    func noStrengthChangesNothing(_ index: Int) throws {
        let (entry, strength) = Self.strengths[index]
        for make in Zoo.all + TestModels.makers {
            let graph = try make()
            let context = try Zoo.context(for: graph)
            let pass = try entry.make([strength.hyperparameter: strength.none ?? .none])
            if pass.needs == .training, Zoo.partlyTrained.contains(graph.name) { continue }
            let passenger = pass as? any TrainingPass
            let result = try (passenger.map { try training(with: [$0])(graph, in: context) } ?? pass(graph, in: context)).graph
            let expected = passenger == nil ? graph : try training(with: [])(graph, in: context).graph
            #expect(Self.areEqual(result, expected), "\(entry.type.name) \(strength.hyperparameter) \(graph.name)")
        }
    }

    @Test func whatOnePassDecidesNoOtherDoes() throws {
        let graph = try TestModels.perceptron()
        let context = try Zoo.context(for: graph)
        let passes = try CatalogueEntry.all.compactMap { try $0.make([:]) as? any TrainingPass }.filter { type(of: $0).decides != nil }
        #expect(passes.count > 4)
        for first in passes {
            for second in passes where type(of: first).decides == type(of: second).decides {
                let error = #expect(throws: WinnowError.self) { try training(with: [first, second])(graph, in: context) }
                #expect(error?.kind == .recipe && error?.subject.contains(type(of: second).name) == true)
            }
        }
    }

    private func training(with passes: [any TrainingPass]) -> Finetune {
        var finetune = Finetune(carrying: passes)
        (finetune.epochs, finetune.batchSize, finetune.keepBest) = (1, 16, false)
        return finetune
    }

    /// A model never grows with strength: its bytes do not, and where they stay, neither do its numbers that are not zero.
    @Test(arguments: strengths.indices.filter { strengths[$0].1.rising.count > 1 })
    func moreStrengthIsNeverLarger(_ index: Int) throws {
        let (entry, strength) = Self.strengths[index]
        for make in Zoo.all + TestModels.makers {
            let graph = try make()
            if entry.type.init().needs == .training, Zoo.partlyTrained.contains(graph.name) { continue }
            let sizes = try ((strength.none.map { [$0] } ?? []) + strength.rising).map { value in
                let pass = try entry.make([strength.hyperparameter: value])
                let result = try (pass as? any TrainingPass).map { try training(with: [$0])(graph, in: Zoo.context(for: graph)) }
                    ?? pass(graph, in: Zoo.context(for: graph))
                return Self.size(of: result.graph)
            }
            let place = "\(entry.type.name) \(strength.hyperparameter) \(graph.name)"
            #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 >= $1 }, "\(place): \(sizes)")
        }
    }

    private static func size(of graph: Graph) -> (bytes: Int, numbers: Int) {
        graph.initializers.values.reduce(into: (0, 0)) { sum, tensor in
            sum.0 += tensor.byteCount
            sum.1 += tensor.elementType.isFloatingPoint ? tensor.elementCount - tensor.zeroCount : 0
        }
    }
}
