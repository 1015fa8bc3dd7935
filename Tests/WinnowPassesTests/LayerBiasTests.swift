import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Biases in all forms in which layers have them, moved so that the layer's outputs move by what is asked for.
struct LayerBiasTests {
    /// A layer of 8 inputs and 6 outputs over 12 samples, and what is added to its outputs.
    struct Form: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Whether the weight lies on the left, so that outputs are the first axis.
        var isLeft = false
        /// Whether it is a Conv over one place.
        var isImage = false
        /// Gemm's; nil: a product with an Add behind it.
        var factors: (alpha: Float, beta: Float)?
        var shape: Shape

        func graph() throws -> Graph {
            let b = GraphBuilder("biased")
            let bias = b.constant("b", TestModels.normal(shape, seed: 4))
            if isImage {
                let product = try b.add(Conv(), b.input("x", .float32, [12, 8, 1, 1]), b.constant("w", TestModels.normal([6, 8, 1, 1], seed: 3)))
                return try b.graph(outputs: [b.add(Add(), product, bias)])
            }
            let (data, weight) = (try b.input("x", .float32, [12, 8]), b.constant("w", TestModels.normal([6, 8], seed: 3)))
            guard let factors else { return try b.graph(outputs: [b.add(Add(), bias, b.add(Gemm(transposesRight: true), data, weight))]) }
            if isLeft {
                let product = Gemm(alpha: factors.alpha, beta: factors.beta)
                return try b.graph(outputs: [b.add(Transpose([1, 0]), b.add(product, weight, b.add(Transpose([1, 0]), data), bias))])
            }
            return try b.graph(outputs: [b.add(Gemm(transposesRight: true, alpha: factors.alpha, beta: factors.beta), data, weight, bias)])
        }

        func rows() throws -> Tensor {
            var random = RandomGenerator(seed: 6)
            return Tensor((0..<96).map { _ in random.normal() + 1 }, shape: isImage ? [12, 8, 1, 1] : [12, 8])
        }
    }

    static let movable: [Form] = [
        Form(testDescription: "alpha and beta", factors: (0.5, -2), shape: [6]),
        Form(testDescription: "one number", factors: (1, 3), shape: [1]),
        Form(testDescription: "a scalar", factors: (2, 1), shape: []),
        Form(testDescription: "a row", factors: (1, 1), shape: [1, 6]),
        Form(testDescription: "a number for each element", factors: (1, 0.5), shape: [12, 6]),
        Form(testDescription: "a column", isLeft: true, factors: (1, 2), shape: [6, 1]),
        Form(testDescription: "one number on the left", isLeft: true, factors: (1, 1), shape: [1]),
        Form(testDescription: "an Add", shape: [6]),
        Form(testDescription: "an Add of a row", shape: [1, 6]),
        Form(testDescription: "an Add of one number", shape: [1]),
        Form(testDescription: "an Add of planes", isImage: true, shape: [6, 1, 1]),
        Form(testDescription: "an Add of images", isImage: true, shape: [1, 6, 1, 1]),
    ]

    private func means(_ graph: Graph, _ form: Form) throws -> [Double] {
        let values = try #require(Session(graph).run(["x": form.rows()])[graph.outputNames[0]]).floats()
        return (0..<6).map { column in stride(from: column, to: values.count, by: 6).reduce(0.0) { $0 + Double(values[$1]) } / 12 }
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } }

    private func context(_ form: Form) throws -> PassContext {
        PassContext(calibration: try Dataset([.init(name: "x", form.rows())]))
    }

    @Test(arguments: movable) func pruningGivesTheMeanBack(form: Form) throws {
        let graph = try form.graph()
        let settings: [String: HyperparameterValue] = ["sparsity": 0.6, "repair": "bias"]
        let result = try MagnitudePruning(hyperparameters: settings)(graph, in: context(form))
        #expect(result.findings.contains { $0.subject == "w" && $0.quantity == .layerError && $0.status == .done })
        let plain = try MagnitudePruning(hyperparameters: ["sparsity": 0.6])(graph, in: context(form)).graph
        let wanted = try means(graph, form)
        #expect(try distance(means(plain, form), wanted) > 0.05)
        #expect(try distance(means(result.graph, form), wanted) < 1e-4)
    }

    @Test(arguments: movable) func whatIsAddedComesOut(form: Form) throws {
        let graph = try form.graph()
        let site = try #require(graph.weightSites.first)
        let shift = (0..<6).map { Double($0) - 2.5 }
        var names = FreshNames(graph)
        let edit = try #require(GraphIndex(graph).addingToBias(of: site, shift, &names))
        let (before, after) = (try means(graph, form), try means(graph.applying(edit), form))
        #expect(distance(after, zip(before, shift).map { $0 + $1 }) < 1e-4, "\(before) \(after)")
    }

    /// A layer without a bias of its own gets one that its beta brings back, or an Add where beta leaves biases out.
    @Test(arguments: [1, -2, 0] as [Float]) func layersWithoutABiasGetOne(beta: Float) throws {
        let b = GraphBuilder("plain")
        let weight = b.constant("w", TestModels.normal([6, 8], seed: 3))
        let y = try b.add(Gemm(transposesRight: true, beta: beta), b.input("x", .float32, [12, 8]), weight)
        let (graph, form) = (try b.graph(outputs: [y]), Self.movable[0])
        let shift = (0..<6).map { Double($0) - 2.5 }
        var names = FreshNames(graph)
        let site = try #require(graph.weightSites.first)
        let edit = try #require(GraphIndex(graph).addingToBias(of: site, shift, &names))
        let moved = try graph.applying(edit)
        #expect(moved.nodes.count == (beta == 0 ? 2 : 1))
        #expect(try distance(means(moved, form), zip(means(graph, form), shift).map { $0 + $1 }) < 1e-4)
    }

    /// Where nothing can take the mean, the outputs are those of pruning alone, and the report says why.
    @Test(arguments: [
        (Form(testDescription: "beta 0", factors: (1, 0), shape: [6]), "beta of 0"),
        (Form(testDescription: "along the samples", isLeft: true, factors: (1, 1), shape: [12]), "does not lie along its outputs"),
    ]) func whatTakesNoMeanIsSaid(form: Form, words: String) throws {
        let graph = try form.graph()
        func pruned(_ method: String) throws -> PassResult {
            try MagnitudePruning(hyperparameters: ["sparsity": 0.6, "repair": .string(method)])(graph, in: context(form))
        }
        let (plain, repaired) = (try pruned("none"), try pruned("bias"))
        #expect(plain.graph.initializers == repaired.graph.initializers)
        #expect(repaired.findings.contains { $0.subject == "w" && $0.status == .skipped && $0.reason.contains(words) }, "\(repaired.findings)")
    }

    /// The numbers of all outputs are cut with the outputs, so one number stays one.
    @Test func oneNumberIsNotSpreadWhereChannelsGo() throws {
        let b = GraphBuilder("one")
        func layer(_ x: ValueName, _ weight: ValueName, _ shape: Shape, _ bias: ValueName? = nil) throws -> ValueName {
            try b.linear(x, b.constant(weight, TestModels.normal(shape, seed: UInt64(weight.utf8.first ?? 0))), bias)
        }
        let hidden = try b.add(Relu(), layer(b.input("x", .float32, ["N", 8]), "w", [6, 8], b.constant("b", TestModels.normal([6]))))
        let last = try b.add(Relu(), layer(hidden, "v", [6, 6], b.constant("c", Tensor([0.25] as [Float]))))
        let graph = try b.graph(outputs: [layer(last, "u", [3, 6])])
        let form = Self.movable[0]
        let result = try StructuredPruning(hyperparameters: ["sparsity": 0.5, "repair": "bias"])(graph, in: context(form))
        #expect(result.graph.initializers["v"]?.shape == [3, 3] && result.graph.initializers["c"]?.shape == [1])
        #expect(result.findings.contains { $0.subject == "v" && $0.reason.contains("one number for all outputs") }, "\(result.findings)")
    }

    @Test(arguments: [(0.5, -2), (1, 3), (-1.5, 0.25)] as [(Float, Float)]) func correctionDividesByBeta(alpha: Float, beta: Float) throws {
        let form = Form(testDescription: "", factors: (alpha, beta), shape: [6])
        let graph = try form.graph()
        var context = try context(form)
        let coarse = try FixedPointQuantization(hyperparameters: ["bits": 3])(graph).graph
        context.teacher = graph
        let corrected = try BiasCorrection()(coarse, in: context)
        let wanted = try means(graph, form)
        #expect(try distance(means(coarse, form), wanted) > 0.01)
        #expect(try distance(means(corrected.graph, form), wanted) < 1e-4)
    }

    /// A bias that a beta of 0 leaves out is not moved, and the report says so.
    @Test func correctionLeavesABiasWithoutPartAlone() throws {
        let form = Form(testDescription: "", factors: (1, 0), shape: [6])
        let graph = try form.graph()
        var context = try context(form)
        let coarse = try FixedPointQuantization(hyperparameters: ["bits": 3])(graph).graph
        context.teacher = graph
        let corrected = try BiasCorrection()(coarse, in: context)
        #expect(corrected.graph.initializers["b"] == graph.initializers["b"])
        #expect(corrected.findings.contains { $0.reason.contains("beta of 0") }, "\(corrected.findings)")
    }

    /// E[Wx] − E[Ŵx̂] of a layer that multiplies its sums with alpha.
    @Test func normalizationsTellMeansOfScaledSums() throws {
        let b = GraphBuilder("normalized")
        let (means, variances) = (Tensor(zeros: [8]), Tensor([Float](repeating: 1, count: 8)))
        let vectors = [
            ("scale", TestModels.normal([8], seed: 1)), ("shift", TestModels.normal([8], seed: 2)), ("mean", means), ("variance", variances),
        ]
        let x = try b.add(BatchNormalization(epsilon: 0), inputs: [b.input("x", .float32, ["N", 8])] + vectors.map { b.constant($0.0, $0.1) })[0]
        let (weight, bias) = (b.constant("w", TestModels.normal([6, 8], seed: 3)), b.constant("b", TestModels.normal([6], seed: 4)))
        let y = try b.add(Gemm(transposesRight: true, alpha: 4, beta: 0.5), x, weight, bias)
        let graph = try b.graph(outputs: [y])
        let coarse = try FixedPointQuantization(hyperparameters: ["bits": 3])(graph).graph
        var context = PassContext()
        context.teacher = graph
        let corrected = try BiasCorrection(hyperparameters: ["method": "analytic"])(coarse, in: context).graph
        // At the mean of the inputs the layer gives the means of its outputs.
        func outputs(_ graph: Graph) throws -> [Double] { try #require(Session(graph).run(["x": Tensor(zeros: [1, 8])])[y]).doubles() }
        let wanted = try outputs(graph)
        #expect(try distance(outputs(coarse), wanted) > 0.05)
        #expect(try distance(outputs(corrected), wanted) < 1e-4)
    }
}
