import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct Float16ConversionTests {
    private static let models: [@Sendable () throws -> Graph] = [
        { try TestModels.perceptron() }, { try TestModels.convolutional() }, { try TestModels.residual() }, { try TestModels.conditional() },
        Zoo.tokens, Zoo.twoHeads, Zoo.conv1d, Zoo.lstm, Zoo.branches, Zoo.loop, Zoo.half,
    ]

    /// Inputs and outputs keep their types, and numbers move by what 11 bits lose.
    @Test(arguments: models.indices, [Float16Conversion.Arithmetic.float16, .float32])
    func outputsStay(_ place: Int, _ arithmetic: Float16Conversion.Arithmetic) throws {
        let graph = try Self.models[place]()
        var pass = Float16Conversion()
        pass.arithmetic = arithmetic
        let result = try pass(graph).graph
        #expect(result.inputs.map(\.type) == graph.inputs.map(\.type))
        #expect(result.outputs.map { result.infos[$0]?.elementType } == graph.outputs.map { graph.infos[$0]?.elementType })
        let (before, after) = (try Zoo.outputs(of: graph, like: graph), try Zoo.outputs(of: result, like: graph))
        for (name, value) in before where value.elementType == .float32 {
            #expect(value.relativeError(of: try #require(after[name])) < 0.02, "\(name)")
        }
    }

    @Test func weightsTakeHalf() throws {
        let graph = try TestModels.convolutional()
        let result = try Float16Conversion()(graph).graph
        for site in graph.weightSites { #expect(result.initializers["\(site.tensor).half"]?.elementType == .float16) }
        #expect(!result.initializers.values.contains { $0.elementType == .float32 })
        #expect(result.nodes.filter { $0.op is Conv }.allSatisfy { result.infos[$0.outputs[0]]?.elementType == .float16 })
    }

    /// What is below the least of float16 would vanish, whatever makes it large again; a small bias beside larger sums may.
    @Test(arguments: [1e-20, 1e-9, 1e-7], [true, false]) func whatUnderflowsStaysInFloat32(_ scale: Float, _ storesAlone: Bool) throws {
        let b = GraphBuilder("small")
        let x = try b.input("x", .float32, ["N", 12])
        func scaled(_ shape: Shape, by factor: Float) -> Tensor { Tensor(TestModels.normal(shape, seed: 1).floats().map { $0 * factor }, shape: shape) }
        let small = try b.linear(x, b.constant("w1", scaled([8, 12], by: scale)), b.constant("b1", Tensor(zeros: [8])), name: "small")
        let tiny = b.constant("b2", Tensor([Float](repeating: 1e-7, count: 5)))
        let large = try b.linear(small, b.constant("w2", scaled([5, 8], by: 1 / scale)), tiny, name: "large")
        let graph = try b.graph(outputs: [large])
        let inputs = ["x": TestModels.normal([16, 12], seed: 3)]
        var pass = Float16Conversion()
        pass.arithmetic = storesAlone ? .float32 : .float16
        let data = try Dataset([.init(name: "x", inputs["x"] ?? Tensor(zeros: [1]))])
        for context in [PassContext(), PassContext(calibration: data)] {
            let result = try pass(graph, in: context)
            // Without data a product with what is too small is known, and not what becomes of it.
            if storesAlone || context.calibration != nil {
                #expect(try StrangeWeights.distance(graph, result.graph, on: inputs) < 0.02)
            }
            #expect(result.graph.initializers["w1"]?.elementType == .float32)
            try WrittenModels.keep(result.graph, "passes", "float16 small \(scale) \(storesAlone) \(context.calibration != nil)")
        }
    }

    /// As torch writes a layer: what is behind a Transpose is the weight all the same.
    @Test(arguments: [1e-9, 1e6] as [Float]) func misfitsAreSeenThroughTransposes(_ scale: Float) throws {
        let b = GraphBuilder("turned")
        let weight = b.constant("w", Tensor(TestModels.normal([8, 12], seed: 1).floats().map { $0 * scale }, shape: [8, 12]))
        let product = try b.add(MatMul(), b.input("x", .float32, ["N", 12]), b.add(Transpose([1, 0]), weight))
        let graph = try b.graph(outputs: [product])
        let result = try Float16Conversion()(graph)
        #expect(try StrangeWeights.distance(graph, result.graph, on: ["x": TestModels.normal([16, 12], seed: 3)]) < 0.02)
        #expect(result.findings.contains { $0.status == .kept && $0.reason.contains("computes in float32: w ") })
    }

    /// Whatever reads a constant reads the same number.
    @Test(arguments: [true, false]) func constantsHaveOneValue(_ isCaptured: Bool) throws {
        let b = GraphBuilder("constants")
        let x = try b.input("x", .float32, ["N", 8])
        let number = b.constant("k", Tensor([0.1 as Float]))
        let most = try b.add(Max(), b.linear(x, b.constant("w", TestModels.normal([8, 8], seed: 1)), name: "linear"), number)
        let y =
            isCaptured ? try b.add(If(then: TestModels.comparing(most, number), else: TestModels.comparing(most, number)), b.input("condition", .bool, []))
            : try b.add(Cast(to: .float32), b.add(Equal(), most, number))
        let graph = try b.graph(outputs: [y])
        let result = try Float16Conversion()(graph).graph
        var inputs = ["x": TestModels.normal([16, 8], seed: 3)]
        if isCaptured { inputs["condition"] = Tensor([true], shape: []) }
        #expect(try StrangeWeights.distance(graph, result, on: inputs) == 0)
        try WrittenModels.keep(result, "passes", "float16 constant \(isCaptured)")
    }

    /// A weight of which one reader stays in float32 is stored once.
    @Test func sharedWeightsAreStoredOnce() throws {
        let b = GraphBuilder("shared")
        let weight = b.constant("w", TestModels.normal([8, 8], seed: 1))
        let first = try b.add(MatMul(), b.input("x", .float32, ["N", 8]), weight, name: "first")
        let graph = try b.graph(outputs: [b.add(MatMul(), first, weight, name: "second")])
        var pass = Float16Conversion()
        pass.choice.except = ["second"]
        let result = try pass(graph)
        #expect(result.graph.initializers.count == 1)
        #expect(!result.findings.contains { $0.subject == "w" && $0.quantity == .elementSize && $0.status == .done })
    }

    /// What float32 makes wrong of rounded numbers is made of numbers that are not rounded, or told.
    @Test(arguments: [true, false]) func errorsAreSoughtAbove(_ isNear: Bool) throws {
        let b = GraphBuilder("angles")
        let x = try b.input("x", .float32, ["N", 4])
        let angle = try b.add(Mul(), x, b.constant("rates", Tensor([1, 0.1, 0.01, 0.001] as [Float])), name: "angle")
        let weight = b.constant("w", TestModels.normal([4, 4], seed: 2))
        let deep = isNear ? angle : try b.add(MatMul(), b.add(MatMul(), angle, weight, name: "one"), weight, name: "two")
        let graph = try b.graph(outputs: [b.add(Sin(), deep, name: "sine")])
        let numbers = (0..<64).map { Float(1000 + $0) + 0.3 }
        let result = try Float16Conversion()(graph, in: PassContext(calibration: Dataset([.init(name: "x", Tensor(numbers, shape: [16, 4]))])))
        let error = try StrangeWeights.distance(graph, result.graph, on: ["x": Tensor(numbers, shape: [16, 4])])
        #expect(isNear == (error < 0.01))
        #expect(isNear != result.findings.contains { $0.subject == "sine" && $0.status == .fellBack })
    }

    /// (3e4 · x)² is beyond float16; what reads it must too, and what is small again need not.
    @Test func whatOverflowsStaysInFloat32() throws {
        let b = GraphBuilder("large")
        let x = try b.input("x", .float32, ["N", 4])
        let large = try b.add(Mul(), x, b.constant("thousand", scalar: Float(3e4)), name: "grow")
        let square = try b.add(Mul(), large, large, name: "square")
        let y = try b.add(Div(), square, b.constant("hundred", scalar: Float(6e4)), name: "shrink")
        let z = try b.add(Relu(), y, name: "relu")
        let graph = try b.graph(outputs: [z])
        let result = try Float16Conversion()(graph, in: TestModels.context(for: graph))
        let kept = result.findings.filter { $0.status == .kept }.map(\.subject)
        #expect(kept.contains("square") && !kept.contains("relu"))
        #expect(try TestModels.outputsAgree(graph, result.graph, within: 0.02))
        #expect(result.findings.contains { $0.subject == "square" && $0.reason.contains("infinite") })
    }

    /// Sums of integers are beyond float16 on their way to a scale, with data and without.
    @Test(arguments: [false, true]) func integerSumsStayInFloat32(_ hasData: Bool) throws {
        let graph = try DynamicQuantization()(TestModels.perceptron()).graph
        let result = hasData ? try Float16Conversion()(graph, in: TestModels.context(for: graph)) : try Float16Conversion()(graph)
        let casts = Set(result.graph.nodes.filter { ($0.op as? Cast)?.target == .float16 }.compactMap { $0.input(0) })
        for node in result.graph.nodes where node.op is MatMulInteger {
            let sum = try #require(result.graph.nodes.first { $0.input(0) == node.output(0) })
            #expect((sum.op as? Cast)?.target == .float32 && casts.isDisjoint(with: sum.outputs))
        }
        let outputs = try [graph, result.graph].map { try Zoo.outputs(of: $0, like: graph) }
        for (name, value) in outputs[0] { #expect(value.relativeError(of: try #require(outputs[1][name])) < 0.02) }
        #expect(result.findings.contains { $0.status == .kept && $0.reason.contains("65504") })
    }

    /// Layers of 8-bit codes stay as runtimes fuse them, with what lies between their codes; the rest becomes float16.
    @Test(arguments: [false, true], [false, true]) func integerLayersStay(_ writesOperators: Bool, _ isResidual: Bool) throws {
        let profile = Chosen<ExportProfiles>(name: "onnxruntime").member
        let graph = try isResidual ? TestModels.residual() : TestModels.convolutional()
        var settings: [String: HyperparameterValue] = ["output-sqnr": 0, "quantized-operators": .bool(writesOperators)]
        if !isResidual { settings["except"] = ["fc1.weight"] }
        let coded = try StaticQuantization(hyperparameters: settings)(graph, in: TestModels.context(for: graph)).graph
        let result = try Float16Conversion()(coded)
        let (before, after) = (try #require(RuntimePrediction(coded, on: profile)), try #require(RuntimePrediction(result.graph, on: profile)))
        #expect(before.integerLayerCount > 0 && before.integerLayerCount == after.integerLayerCount && after.floatLayers.count == before.floatLayers.count)
        #expect(result.findings.contains { $0.status == .kept && $0.reason.contains("is stored as int8 codes already") })
        if isResidual { #expect(before.floatNodes == after.floatNodes) }
        if !isResidual { #expect(result.graph.initializers["fc1.weight.half"]?.elementType == .float16) }
        let outputs = try [coded, result.graph].map { try Zoo.outputs(of: $0, like: graph) }
        for (name, value) in outputs[0] { #expect(value.relativeError(of: try #require(outputs[1][name])) < 0.02, "\(name)") }
        try WrittenModels.keep(result.graph, "passes", "float16 codes \(graph.name) \(writesOperators)")
    }

    /// What was converted has nothing left to convert, and that is said.
    @Test func convertingTwiceSaysSo() throws {
        let once = try Float16Conversion()(TestModels.convolutional())
        let twice = try Float16Conversion()(once.graph)
        #expect(once.findings.contains { $0.subject == "graph" && $0.status == .done })
        #expect(twice.graph.text == once.graph.text && !twice.findings.contains { $0.status == .done })
    }

    @Test func weightsBeyondFloat16StayAndSayWhy() throws {
        let graph = try TestModels.perceptron().settingInitializers(["fc1.weight": Tensor([Float](repeating: 1e6, count: 192), shape: [16, 12])])
        let result = try Float16Conversion()(graph)
        #expect(result.findings.contains { $0.subject == "fc1" && $0.reason.contains("65504") })
        #expect(result.graph.initializers["fc1.weight"]?.elementType == .float32)
    }

    @Test func whatIsNotChosenStays() throws {
        let graph = try TestModels.perceptron()
        let result = try Float16Conversion(hyperparameters: ["except": ["fc2.weight"]])(graph).graph
        #expect(result.initializers["fc2.weight"] == graph.initializers["fc2.weight"])
        #expect(result.initializers["fc1.weight.half"] != nil)
    }

    /// ONNX Runtime 1.31 crashes where it fuses a Transpose that is not float32 with the MatMul behind it.
    @Test func transposesBeforeProductsStay() throws {
        let b = GraphBuilder("transposed")
        let x = try b.input("x", .float32, ["A", "B", 6])
        let t = try b.add(Transpose([1, 0, 2]), b.add(Relu(), x, name: "relu"), name: "swap")
        let y = try b.add(MatMul(), t, b.constant("w", TestModels.normal([6, 4])), name: "product")
        let graph = try b.graph(outputs: [y])
        let result = try Float16Conversion()(graph).graph
        try WrittenModels.keep(result, "passes", "float16-conversion transposed")
        func type(_ node: String) throws -> ElementType? { result.infos[try #require(result.node(named: node)).outputs[0]]?.elementType }
        #expect(try type("relu") == .float16 && type("swap") == .float32 && type("product") == .float16)
    }

    /// Resize reads its scales, Range all it reads, as float32.
    @Test func whatONNXHasNoFloat16For() {
        #expect(Resize().float32Inputs == [2] && Upsample().float32Inputs == [1])
        #expect(NumberRange().float32Inputs == [0, 1, 2] && NonMaxSuppression().float32Inputs == [0, 1, 3, 4])
    }
}

extension TestModels {
    fileprivate static func outputsAgree(_ a: Graph, _ b: Graph, within limit: Double) throws -> Bool {
        let inputs = ["x": Tensor([0.5, -1, 2, 1.5, 1, 0.25, -0.75, 0.1] as [Float], shape: [2, 4])]
        let (wanted, found) = (try Session(a).run(inputs), try Session(b).run(inputs))
        return wanted.allSatisfy { name, value in found[name].map { value.relativeError(of: $0) < limit } ?? false }
    }

    /// A branch that tells where a value around it is a constant.
    fileprivate static func comparing(_ value: ValueName, _ constant: ValueName) throws -> Graph {
        let nodes = [
            Node(name: "equal", op: Equal(), inputs: [value, constant], outputs: ["same"]),
            Node(name: "number", op: Cast(to: .float32), inputs: ["same"], outputs: ["number"]),
        ]
        return try Graph(
            name: "branch", inputs: [], outputs: ["number"], nodes: nodes,
            captures: [value: ValueType(.float32, ["N", 8]), constant: ValueType(.float32, [1])])
    }
}
