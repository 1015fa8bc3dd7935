import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

struct ObjectiveTermTests {
    /// Two heads on one layer: scores of three classes, and two numbers.
    private func heads() throws -> Graph {
        let b = GraphBuilder("heads")
        let x = try b.input("x", .float32, ["N", 12])
        let h = try b.add(Relu(), b.linear(x, b.constant("fc.weight", TestModels.normal([16, 12], seed: 1)), name: "fc"), name: "hidden")
        let scores = try b.linear(h, b.constant("class.weight", TestModels.normal([3, 16], seed: 2)), name: "scores")
        let box = try b.linear(h, b.constant("box.weight", TestModels.normal([2, 16], seed: 3)), name: "box")
        return try b.graph(outputs: [scores, box])
    }

    private func data() throws -> Dataset {
        let x = TestModels.normal([96, 12], seed: 4)
        let rows: [Float] = x.floats()
        var (boxes, kinds, labels) = ([Float](), [Int64](), [Int]())
        for sample in 0..<96 {
            let row: ArraySlice<Float> = rows[(sample * 12)..<((sample + 1) * 12)]
            let first = row.startIndex
            boxes.append(row[first])
            boxes.append(row[first + 1] - row[first + 2])
            kinds.append(Int64(sample % 3))
            labels.append(row[first + 3] > 0 ? 1 : 0)
        }
        let features: [Dataset.Feature] = [
            .init(name: "x", x), .init(name: "boxes", Tensor(boxes, shape: [96, 2])), .init(name: "kinds", Tensor(kinds, shape: [96])),
        ]
        return try Dataset(features, labels: labels)
    }

    private func trained(_ graph: Graph, _ objective: HyperparameterValue, _ others: [String: HyperparameterValue] = [:]) throws -> PassResult {
        let data = try data()
        let pass = try Finetune(hyperparameters: ["objective": objective, "epochs": 12, "batch-size": 32, "learning-rate": 0.01].merging(others) { $1 })
        return try pass(graph, in: PassContext(training: data, validation: data))
    }

    private func losses(_ result: PassResult) -> [Double] {
        result.findings.filter { $0.subject.hasPrefix("epoch") && $0.quantity == .trainingLoss }.compactMap(\.after)
    }

    /// Classes are numbers whatever they are stored as: masks mostly as bytes.
    @Test(arguments: [ElementType.uint8, .int8, .int32, .uint16]) func classesOfAnyWidthAreTheSame(_ type: ElementType) throws {
        let wide = try data()
        var narrow = wide
        narrow.features[2] = .init(name: "kinds", try wide.features[2].tensor.converted(to: type))
        let pass = try Finetune(hyperparameters: ["objective": [["loss": "cross-entropy", "target": "kinds"]], "epochs": 1, "batch-size": 32])
        let results = try [wide, narrow].map { try pass(heads(), in: PassContext(training: $0, validation: $0)).graph }
        #expect(results[0].initializers == results[1].initializers)
    }

    /// That only float32 is trained is said before anything is made of other numbers.
    @Test func othersThanFloatAreRefused() throws {
        let b = GraphBuilder("whole")
        let y = try b.add(
            Cast(to: .int64), b.add(MatMul(), b.input("x", .float32, ["N", 12]), b.constant("w", TestModels.normal([12, 3]))))
        let pass = try Finetune(hyperparameters: ["objective": [["loss": "mse", "target": "boxes"]], "epochs": 1])
        let error = #expect(throws: WinnowError.self) { try pass(b.graph(outputs: [y]), in: PassContext(training: data())) }
        #expect(error?.description.contains("only float32 is trained") == true)
    }

    @Test(arguments: [
        [["loss": "cross-entropy"], ["loss": "huber", "output": "box", "target": "boxes", "delta": 2]],
        [["output": "box", "loss": "l1", "target": "boxes", "weight": 0.5]],
        ["mse"], [["loss": "cosine", "output": "hidden", "target": "original"], ["loss": "mse", "output": "box", "target": "boxes"]],
        [["loss": "triplet", "output": "hidden", "target": "kinds"]], [["loss": "contrastive", "output": "hidden"]],
        [["loss": "cross-entropy", "target": "kinds", "class-weights": [1, 2, 3]], ["loss": "relation-angle", "output": "hidden", "target": "original", "weight": 0.1]],
    ] as [HyperparameterValue]) func eachSumOfTermsGetsSmaller(_ objective: HyperparameterValue) throws {
        let result = try trained(heads(), objective)
        let losses = losses(result)
        #expect(losses.count == 12)
        // Toward the original there is nothing to learn.
        if objective != ["mse"] { #expect(losses[11] < losses[0], "\(objective)") } else { #expect(losses[11] < 1e-9) }
        #expect(Set(result.graph.initializerNames) == Set(try heads().initializerNames))
    }

    @Test func termsAreWrittenAsTheyAreRead() throws {
        let text: HyperparameterValue = [
            ["loss": "cross-entropy", "output": "scores", "label-smoothing": 0.1, "weight": 2.0],
            ["loss": "ctc", "blank": 3, "target": "text", "zero-infinity": true],
            ["loss": "huber"],
        ]
        let pass = try Finetune(hyperparameters: ["objective": text])
        #expect(pass.hyperparameters["objective"] == text)
        #expect(pass.objective[0].settings.labelSmoothing == 0.1 && pass.objective[1].settings.blank == 3)
    }

    @Test(arguments: [
        ([["loss": "huber", "output": "bux", "target": "boxes"]], "bux"), ([["loss": "huber", "output": "box", "target": "boxen"]], "boxen"),
        ([["loss": "ctc", "target": "boxes"]], "ctc"), ([["loss": "mse", "target": "labels"]], "mse"),
        ([["loss": "ctc", "zero-infinity": 1]], "true or false"),
        ([["loss": "huber", "blank": 1]], "blank"), ([["loss": "huber", "delto": 1]], "delto"), ([["loss": "nothing"]], "objective"),
        ([["loss": "huber", "weight": "much"]], "weight"), ([["loss": "huber", "output": ["box"]]], "output"),
        ([["loss": "cross-entropy", "ignore": 1.5]], "ignore"), ([["loss": "cross-entropy", "class-weights": [1, "two", 3]]], "class-weights"),
        ([["loss": "huber", "weight": -1]], "weight -1"), ([["loss": "triplet", "output": "hidden", "margin": -1]], "margin -1"),
        ([["loss": "cross-entropy", "class-weights": [1, -2, 1]]], "-2 among"), ([["loss": "mser"]], "did you mean mse?"), (["mser"], "did you mean mse?"),
        ([["loss": "cross-entropy", "label-smoothing": 2]], "label-smoothing"), ([["loss": "cross-entropy", "class-weights": [1, 2]]], "class-weights"),
    ] as [(HyperparameterValue, String)]) func whatIsWrongIsNamed(_ objective: HyperparameterValue, _ word: String) throws {
        let error = try #require(throws: WinnowError.self) { try trained(heads(), objective) }
        #expect("\(error)".contains(word), "\(error)")
    }

    /// What is frozen stays bit for bit; a factor of the learning rate scales the first step.
    @Test func partsAreFrozenAndHaveRatesOfTheirOwn() throws {
        let graph = try heads()
        let objective: HyperparameterValue = [["loss": "huber", "output": "box", "target": "boxes"]]
        let frozen = try trained(graph, objective, ["freeze": ["fc*"]]).graph
        #expect(frozen.initializers["fc.weight"] == graph.initializers["fc.weight"] && frozen.initializers["box.weight"] != graph.initializers["box.weight"])
        let zero = try trained(graph, objective, ["learning-rates": ["fc*": 1, "fc.weight": 0]]).graph
        #expect(zero.initializers["fc.weight"] == graph.initializers["fc.weight"])
        let error = try #require(throws: WinnowError.self) { try trained(graph, objective, ["freeze": ["none*"]]) }
        #expect("\(error)".contains("none*"))
    }

    /// Embeddings that only look like scores are not judged by top-1.
    @Test func onlyClassesAreJudgedAsClasses() throws {
        let result = try trained(heads(), [["loss": "contrastive"]])
        #expect(!result.findings.contains { $0.quantity == .validation(Top1.name) })
        #expect(try trained(heads(), [["loss": "cross-entropy"]]).findings.contains { $0.quantity == .validation(Top1.name) })
    }

    /// A model that gives what it takes: the target is its own input.
    @Test func anInputMayBeTheTarget() throws {
        let b = GraphBuilder("autoencoder")
        let x = try b.input("x", .float32, ["N", 12])
        let h = try b.linear(x, b.constant("in", TestModels.normal([6, 12], seed: 1)), name: "code")
        let graph = try b.graph(outputs: [b.linear(h, b.constant("out", TestModels.normal([12, 6], seed: 2)), name: "y")])
        let data = try Dataset([.init(name: "x", TestModels.normal([96, 12], seed: 4))])
        let pass = try Finetune(hyperparameters: ["objective": [["loss": "mse", "target": "x"]], "epochs": 20, "batch-size": 32, "learning-rate": 0.01])
        let losses = losses(try pass(graph, in: PassContext(training: data, validation: data)))
        #expect(losses[19] < 0.5 * losses[0])
    }

    /// What editors are told: each loss with its own settings, their types and bounds.
    @Test func theSchemaHasTheBounds() throws {
        guard case .table(let schema) = ObjectiveTerm.schema(in: nil), let forms = schema["anyOf"]?.elements.dropFirst() else {
            Issue.record("no schema of tables")
            return
        }
        var seen: [String: HyperparameterValue] = [:]
        for (loss, form) in try zip(Losses.all, #require(forms.count == Losses.all.count ? forms : nil)) {
            guard case .table(let form) = form, case .table(let parts)? = form["properties"] else { Issue.record("\(loss.name)"); continue }
            let settings = loss.settings.map(\.rawValue)
            #expect(Set(parts.keys) == Set(settings + ["loss", "output", "target", "weight"]))
            seen.merge(parts) { $1 }
        }
        func part(_ name: String, _ key: String) -> HyperparameterValue? {
            if case .table(let table)? = seen[name] { table[key] } else { nil }
        }
        for name in ["weight", "margin", "blank"] { #expect(part(name, "minimum") == 0) }
        #expect(part("delta", "exclusiveMinimum") == 0 && part("label-smoothing", "maximum") == 1 && part("axis", "type") == "integer")
    }

    /// Scores of five classes at nine times, or however many there are.
    private func times(_ extent: Extent) throws -> Graph {
        let b = GraphBuilder("times")
        let x = try b.input("x", .float32, ["N", extent, 4])
        return try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", TestModels.normal([4, 5], seed: 1)), name: "y")])
    }

    private func trained(_ target: Tensor, _ objective: HyperparameterValue, _ extent: Extent = .fixed(9)) throws -> PassResult {
        let data = try Dataset([.init(name: "x", TestModels.normal([12, 9, 4], seed: 2)), .init(name: "t", target)])
        let pass = try Finetune(hyperparameters: ["objective": [objective], "epochs": 1, "batch-size": 4])
        return try pass(times(extent), in: PassContext(training: data, validation: data))
    }

    /// Twelve texts, the sixth as given.
    private func texts(_ sixth: [Int64]) -> Tensor {
        let others = [1, 2, 3] + [Int64](repeating: -1, count: sixth.count - 3)
        return Tensor((0..<12).flatMap { $0 == 5 ? sixth : others }, shape: [12, sixth.count])
    }

    /// The first sample that a loss says nothing of is named, whether that is known before or comes to light in a step.
    @Test(arguments: [
        ([1, 0, 3], .fixed(9), ["sample 5", "blank"]), ([1, 1, 1, 1, 1, 1], .fixed(9), ["sample 5", "9 times"]),
        ([1, 1, 1, 1, 1, 1], "T", ["sample 5", "9 times"]),
    ] as [([Int64], Extent, [String])]) func textsThatDoNotFitAreNamed(_ text: [Int64], _ extent: Extent, _ words: [String]) throws {
        let error = try #require(throws: WinnowError.self) { try trained(texts(text), ["loss": "ctc", "target": "t"], extent) }
        for word in words { #expect("\(error)".contains(word), "\(error)") }
        // As many letters as there are times fit, and so do blanks behind them.
        _ = try trained(texts([1, 2, 1, 2, 1, 2, 0, -1]), ["loss": "ctc", "target": "t"], extent)
    }

    /// Where it is asked for, texts that do not fit count for nothing, and it is told how many do.
    @Test(arguments: [.fixed(9), "T"] as [Extent]) func textsThatDoNotFitMayBeLeftOut(_ extent: Extent) throws {
        let objective: HyperparameterValue = ["loss": "ctc", "target": "t", "zero-infinity": true]
        let result = try trained(texts([1, 1, 1, 1, 1, 1]), objective, extent)
        let finding = try #require(result.findings.first { $0.subject == "target t" })
        #expect(finding.status == .fellBack && finding.before == 12 && finding.after == 11 && finding.reason.hasPrefix("1 of 12 samples"))
        #expect(losses(result).allSatisfy { $0.isFinite })
        let fitting = try trained(texts([1, 2, 1, 2, 1, 2]), objective, extent)
        #expect(!fitting.findings.contains { $0.subject == "target t" })
    }

    @Test(arguments: [
        ("binary-cross-entropy", 3, "outside"), ("cross-entropy", -0.5, "probability"), ("kl", -0.5, "probability"), ("kl", 0.9, "not to 1"),
        ("cross-entropy", 0.9, "not to 1"),
    ] as [(String, Float, String)]) func targetsThatAreNoProbabilitiesAreNamed(_ loss: String, _ wrong: Float, _ word: String) throws {
        var values = [Float](repeating: 0.2, count: 12 * 9 * 5)
        let objective: HyperparameterValue = ["loss": .string(loss), "target": "t"]
        _ = try trained(Tensor(values, shape: [12, 9, 5]), objective)
        values[7 * 45 + 11] = wrong
        let error = try #require(throws: WinnowError.self) { try trained(Tensor(values, shape: [12, 9, 5]), objective) }
        #expect("\(error)".contains("sample 7") && "\(error)".contains(word), "\(error)")
    }
}
