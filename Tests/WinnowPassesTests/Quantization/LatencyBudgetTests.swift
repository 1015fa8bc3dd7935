import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Layers in integers and bits of weights by the latency that may be left.
struct LatencyBudgetTests {
    @Test(arguments: [
        ("0.6", .part(0.6)), ("60%", .part(0.6)), ("3ms", .milliseconds(3)), ("250us", .milliseconds(0.25)), ("1 s", .milliseconds(1000)),
    ] as [(String, LatencyLimit)]) func limitsAreRead(_ text: String, _ limit: LatencyLimit) throws {
        let pass = try StaticQuantization(hyperparameters: ["latency": HyperparameterValue(text: text)])
        guard let read = pass.precision.latency else { Issue.record("no limit"); return }
        #expect(abs(read.share(of: 4) - limit.share(of: 4)) < 1e-12)
        let again = try StaticQuantization(hyperparameters: pass.hyperparameters)
        #expect(again.precision.latency == read)
    }

    @Test(arguments: ["3", "fast", "3 parsecs", "-1ms", "0%", "120%"]) func otherLimitsAreRefused(_ text: String) {
        for pass in [StaticQuantization.self, WeightOnlyQuantization.self] as [any Pass.Type] {
            let error = #expect(throws: WinnowError.self) { try pass.init(hyperparameters: ["latency": HyperparameterValue(text: text)]) }
            #expect(error?.subject.contains("latency") == true)
        }
    }

    /// Where integers take half the time of the work they do: the limit is kept, and no further value could be float.
    @Test func asFewBecomeIntegersAsTheLimitAllows() throws {
        for graph in [try TestModels.convolutional(), try TestModels.perceptron()] {
            let context = try TestModels.context(for: graph)
            let arithmetic = try LayerCodes().arithmetic(weightBits: 8, storedAs: .int8)
            let folded = try FoldBatchNorm()(graph, in: context).graph
            let layers = try CalibratedLayers(arithmetic, CalibrationChoice(), WeightChoice(), graph: folded, context: context)
            let search = try PrecisionSearch(layers, [], correctsBiases: false, context, sampleCount: 8)
            let shapes = try context.calibrationData(for: layers.graph).batchShapes(count: 1)
            let work = layers.graph.multiplyAccumulates(inputShapes: shapes).compactMapValues { $0.map(Double.init) }
            let whole = layers.plan().sites.reduce(0) { $0 + (work[$1.node.name] ?? 0) }
            func share(_ plan: QuantizationPlan) -> Double { 1 - 0.5 * plan.sites.reduce(0) { $0 + (work[$1.node.name] ?? 0) } / whole }
            for limit in [0.55, 0.7, 0.85, 0.95] {
                let found = try search.barring(within: CostBudget(cost: .latency, share: limit)) { share($0) }
                let reached = share(layers.plan(barred: found.barred))
                #expect(found.reason == nil && reached <= limit && found.share == reached, "\(graph.name) at \(limit)")
                for value in layers.plan(barred: found.barred).groups.compactMap(\.values.first) {
                    #expect(share(layers.plan(barred: found.barred.union([value]))) > limit, "\(graph.name) at \(limit): \(value)")
                }
            }
            let floats = try search.barring(within: CostBudget(cost: .latency, share: 1)) { share($0) }.barred
            #expect(layers.plan(barred: floats).sites.isEmpty)
            let missed = try search.barring(within: CostBudget(cost: .latency, share: 0.3)) { share($0) }
            #expect(missed.reason?.contains("fastest") == true && share(layers.plan(barred: missed.barred)) < 0.53)
        }
    }

    private func isFloat(_ graph: Graph) -> Bool { !graph.nodes.contains { $0.op is DequantizeLinear } }

    /// All of the time leaves floats; next to none is told not to be reached.
    @Test(arguments: ["static-quantization", "weight-only-quantization"]) func endsOfTheRangeAreToldOf(_ name: String) throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        func result(_ latency: HyperparameterValue) throws -> PassResult {
            try PassStep(named: name, hyperparameters: ["latency": latency]).pass(graph, in: context)
        }
        let slow = try result(1)
        #expect(isFloat(slow.graph) && slow.findings.contains { $0.quantity.name == "latency" && $0.status == .done })
        #expect(try isFloat(result("1000s").graph))
        let missed = try result(0.01)
        let finding = try #require(missed.findings.first { $0.quantity.name == "latency" })
        #expect(finding.status == .fellBack && (finding.reason.contains("fastest") || finding.reason.contains("faster")), "\(finding)")
        let (before, after) = try (#require(finding.before), #require(finding.after))
        #expect(after < before || isFloat(missed.graph))
    }

    @Test(arguments: ["static-quantization", "weight-only-quantization"]) func oneBoundIsEnough(_ name: String) throws {
        let error = #expect(throws: WinnowError.self) { try PassStep(named: name, hyperparameters: ["latency": 0.5, "max-drop": 1]) }
        #expect(error?.description.contains("max-drop") == true)
    }

    /// The step that is told for a recipe gives the same weights without measuring.
    @Test func theStepThatIsToldMeasuresNothing() throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        let found = try StaticQuantization(hyperparameters: ["latency": 1])(graph, in: context)
        let told = try #require(found.findings.first { $0.reason.hasPrefix("for a recipe") }).reason
        #expect(told.contains("output-sqnr: 0") && told.contains("except: [") && !told.contains("latency:"))
    }
}
