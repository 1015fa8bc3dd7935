import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Codes become the numbers they stand for, and what computes on them computes on floats.
struct DequantizationTests {
    private func hasCodes(_ graph: Graph) -> Bool {
        graph.nodes.contains { $0.op is QuantizeLinear || $0.op is DequantizeLinear || $0.op is DynamicQuantizeLinear || $0.op is any CodedOperator }
    }

    /// ‖a − b‖ / ‖a‖ of all outputs.
    private func error(_ a: Graph, _ b: Graph) throws -> Double {
        let (wanted, found) = (try Zoo.outputs(of: a, like: a), try Zoo.outputs(of: b, like: a))
        return try wanted.map { name, tensor in tensor.relativeError(of: try #require(found[name])) }.max() ?? .infinity
    }

    private static let weightSettings: [(String, [String: HyperparameterValue])] = [
        ("weight-only-quantization", [:]), ("weight-only-quantization", ["bits": 4]), ("weight-only-quantization", ["bits": 4, "block-size": 4]),
        ("weight-only-quantization", ["scheme": "int16"]), ("weight-only-quantization", ["scheme": "nf4"]),
        ("weight-only-quantization", ["scheme": "mxfp8"]), ("weight-only-quantization", ["scheme": "nvfp4"]),
        ("palettization", ["bits": 3]), ("palettization", ["bits": 2, "vector-size": 2, "group-size": 4]),
        ("fixed-point-quantization", ["bits": 3]), ("float4-quantization", ["block-size": 4]),
    ]

    /// Exactly what the codes stood for, under the name that the weight had.
    @Test(arguments: weightSettings.indices) func weightsAreWhatCodesStandFor(_ place: Int) throws {
        let (name, values) = Self.weightSettings[place]
        for graph in try TestModels.all {
            let coded = try PassStep(named: name, hyperparameters: values).pass(graph).graph
            let result = try Dequantization()(coded)
            #expect(!hasCodes(result.graph) && result.graph.inputs == graph.inputs && result.graph.outputNames == graph.outputNames)
            var count = 0
            for node in coded.nodes where node.op.quantization == .contraction {
                guard let value = node.input(1), coded.initializers[value] == nil, let numbers = coded.constantValue(of: value) else { continue }
                count += 1
                let read = try #require(result.graph.node(named: node.name)?.input(1))
                let weight = try #require(result.graph.constantValue(of: read))
                #expect(weight == numbers, "\(graph.name) \(node.name)")
                #expect(graph.initializers[read] != nil, "\(graph.name): \(read) is another name")
            }
            #expect((count > 0 || !hasCodes(coded)) && result.findings.count { $0.status == .done } >= count)
            #expect(try error(coded, result.graph) < 1e-5)
            #expect(try Dequantization()(result.graph).graph.text == result.graph.text)
        }
    }

    @Test func packedMatricesAndTablesBecomeFloats() throws {
        let b = GraphBuilder("tokens")
        let rows = try b.add(Gather(axis: 0), b.constant("table", TestModels.normal([20, 32])), b.input("tokens", .int64, ["N", 3]), name: "rows")
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.constant("w", TestModels.normal([32, 16], seed: 2)), name: "product")])
        let settings: [[String: HyperparameterValue]] = [
            ["bits": 4, "block-size": 16, "matrices": "matmul-nbits"], ["scheme": "uint4-g16", "tables": "gather-block-quantized"],
            ["scheme": "int8"],
        ]
        for values in settings {
            let coded = try WeightOnlyQuantization(hyperparameters: values)(graph).graph
            let result = try Dequantization()(coded)
            #expect(!hasCodes(result.graph) && result.graph.initializers["w"]?.elementType == .float32, "\(values)")
            #expect(!result.graph.initializers.values.contains { $0.elementType.isInteger && $0.elementType.bitWidth <= 8 }, "\(values)")
            #expect(try error(coded, result.graph) < 1e-5, "\(values)")
            #expect(result.findings.contains { $0.subject == "w.codes" && $0.status == .done })
        }
    }

    /// Layers that compute in integers are layers of floats again: those that the model had, but for the rounding of weights.
    @Test(arguments: [false, true]) func staticModelsBecomeFloat(_ quantizedOperators: Bool) throws {
        for graph in try TestModels.all {
            let context = try TestModels.context(for: graph)
            let pass = StaticQuantization { ($0.quantizedOperators, $0.precision.outputSqnr) = (quantizedOperators, 0) }
            let coded = try pass(graph, in: context).graph
            let result = try Dequantization()(coded)
            #expect(!hasCodes(result.graph), "\(graph.name): \(result.findings)")
            #expect(!result.findings.contains { $0.status == .skipped }, "\(result.findings)")
            #expect(!result.graph.initializers.values.contains { $0.elementType.isInteger && $0.elementType.bitWidth <= 8 })
            #expect(try error(coded, result.graph) < 0.06, "\(graph.name)")
            #expect(try error(graph, result.graph) < 0.02, "\(graph.name)")
            try WrittenModels.keep(result.graph, "passes", "dequantize static \(quantizedOperators) \(graph.name)")
            let again = try pass(result.graph, in: context)
            #expect(again.graph.nodes.count { $0.op is QuantizeLinear } == coded.nodes.count { $0.op is QuantizeLinear }, "\(graph.name)")
            #expect(try error(graph, again.graph) < 1.5 * error(graph, coded) + 1e-3, "\(graph.name)")
        }
    }

    @Test(arguments: [true, false]) func dynamicModelsBecomeFloat(_ perChannel: Bool) throws {
        let pass = DynamicQuantization { $0.perChannel = perChannel }
        for graph in try TestModels.all {
            let coded = try pass(graph).graph
            let result = try Dequantization()(coded)
            #expect(!hasCodes(result.graph) && hasCodes(coded), "\(graph.name): \(result.findings)")
            #expect(try error(graph, result.graph) < 0.03, "\(graph.name)")
        }
        for graph in [try TestModels.recurrent(), try TestModels.recurrent(direction: .bidirectional)] {
            let result = try Dequantization()(pass(graph).graph).graph
            #expect(result.nodes.contains { $0.op is LSTM } && !hasCodes(result) && result.initializers["W"]?.shape == graph.initializers["W"]?.shape)
            let x = ["x": TestModels.normal([5, 3, 6], seed: 8)]
            let (wanted, found) = (try #require(Session(graph).run(x)["y"]), try #require(Session(result).run(x)["y"]))
            #expect(wanted.relativeError(of: found) < 0.03)
        }
    }

    /// A second quantization says what it leaves, and by what it would not.
    @Test func codesAreNotRoundedTwiceInSilence() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let twice = try StaticQuantization()(StaticQuantization()(graph, in: context).graph, in: context)
        #expect(twice.findings.contains { $0.status == .skipped && $0.reason.contains("dequantize") })
    }

    // MARK: limits

    /// Data, a layer, codes of its output from code 0 on in steps of `step`, and a layer behind.
    private func limited(step: Float, zeroPoint: UInt8 = 0, by op: (any Operator)? = nil) throws -> Graph {
        let b = GraphBuilder("limited")
        let first = try b.add(MatMul(), b.input("x", .float32, ["N", 12]), b.constant("v", TestModels.normal([12, 8])), name: "first")
        let value = try op.map { try b.add($0, first, name: "limit") } ?? first
        let (scale, zero) = (b.constant("s", Tensor(scalar: step)), b.constant("z", Tensor(scalar: zeroPoint)))
        let codes = try b.add(QuantizeLinear(), value, scale, zero)
        let second = try b.add(DequantizeLinear(), codes, scale, zero, name: "numbers")
        return try b.graph(outputs: [b.add(MatMul(), second, b.constant("w", TestModels.normal([8, 4], seed: 3)), name: "second")])
    }

    private func limits(_ graph: Graph, _ choice: Dequantization.Limits = .activations) throws -> [String] {
        let result = try Dequantization { $0.limits = choice }(graph).graph
        #expect(!hasCodes(result))
        return result.nodes.map(\.op.type.name).filter { $0 != "MatMul" }
    }

    @Test func whatRoundingLimitedIsPutBack() throws {
        #expect(try limits(limited(step: 0.0123)) == ["Relu"])
        #expect(try limits(limited(step: 6 / 255)) == ["Clip"])
        #expect(try limits(limited(step: 0.0123, zeroPoint: 128)) == [])
        #expect(try limits(limited(step: 2 / 255, zeroPoint: 128)) == ["Clip"])
        #expect(try limits(limited(step: 0.0123), .none) == [])
        #expect(try limits(limited(step: 0.0123, zeroPoint: 128), .all) == ["Clip"])
        // What limits already is enough.
        #expect(try limits(limited(step: 0.0123, by: Relu())) == ["Relu"])
        #expect(try limits(limited(step: 1 / 255, by: Sigmoid())) == ["Sigmoid"])
        let graph = try limited(step: 6 / 255)
        #expect(try error(graph, Dequantization()(graph).graph) < 0.02)
        let finding = try #require(Dequantization()(graph).findings.first { $0.subject == "first" })
        #expect(finding.reason.contains("Clip") && finding.reason.contains("0.0 to 6.0"))
    }

    /// What the caller supplies is not limited, whatever range was seen.
    @Test func inputsAreNotLimited() throws {
        let b = GraphBuilder("input")
        let (scale, zero) = (b.constant("s", Tensor(scalar: Float(0.01))), b.constant("z", Tensor(scalar: UInt8(0))))
        let codes = try b.add(QuantizeLinear(), b.input("x", .float32, ["N", 4]), scale, zero)
        let moved = try b.add(Transpose([1, 0]), codes, name: "moved")
        let graph = try b.graph(outputs: [b.add(DequantizeLinear(), moved, scale, zero, name: "y")])
        let result = try Dequantization()(graph).graph
        #expect(result.nodes.map(\.name) == ["moved"] && result.outputNames == graph.outputNames)
    }

    /// Codes that callers supply or ask for stay, as do those that are read under another scale; each is named.
    @Test func codesAtTheEdgesStay() throws {
        let b = GraphBuilder("edges")
        let (scale, other) = (b.constant("s", Tensor(scalar: Float(0.01))), b.constant("t", Tensor(scalar: Float(0.02))))
        let given = try b.add(DequantizeLinear(), b.input("codes", .uint8, ["N", 4]), scale, name: "given")
        let asked = try b.add(QuantizeLinear(), b.add(Tanh(), given), scale, name: "asked")
        let scaled = try b.add(DequantizeLinear(), b.add(QuantizeLinear(), given, other, name: "made"), scale, name: "scaled")
        let graph = try b.graph(outputs: [asked, scaled])
        let result = try Dequantization()(graph)
        #expect(result.graph.text == graph.text)
        for (name, status) in [("given", Finding.Status.kept), ("asked", .kept), ("made", .skipped), ("scaled", .skipped)] {
            #expect(result.findings.contains { $0.subject == name && $0.status == status && !$0.reason.isEmpty }, "\(name)")
        }
    }

    /// Weights of both branches, each with their own codes.
    @Test func bodiesBecomeFloat() throws {
        for make in [Zoo.branches, Zoo.loop] {
            let graph = try make()
            let coded = try WeightOnlyQuantization()(graph).graph
            let result = try Dequantization()(coded).graph
            func all(_ graph: Graph) -> [Graph] { [graph] + graph.nodes.flatMap { $0.op.bodies.values.flatMap(all) } }
            #expect(all(coded).contains { hasCodes($0) } && !all(result).contains { hasCodes($0) })
            #expect(try error(coded, result) < 1e-5)
        }
    }

    @Test func halvesBecomeFloat32WhereAsked() throws {
        for make in [Zoo.half, Zoo.widened] {
            let graph = try make()
            #expect(try Dequantization()(graph).graph.text == graph.text)
            let result = try Dequantization { $0.halves = true }(graph)
            #expect(result.graph.inputs == graph.inputs && result.graph.outputNames == graph.outputNames)
            for name in graph.outputNames { #expect(result.graph.type(of: name)?.elementType == graph.type(of: name)?.elementType) }
            #expect(!result.graph.initializers.values.contains { $0.elementType == .float16 })
            #expect(result.findings.contains { $0.status == .done && $0.before == 16 && $0.after == 32 })
            #expect(try error(graph, result.graph) < 2e-3)
        }
        let narrow = try Float16Conversion()(TestModels.perceptron()).graph
        #expect(try Dequantization { $0.halves = true }(narrow).graph.nodes.count == TestModels.perceptron().nodes.count)
    }
}
