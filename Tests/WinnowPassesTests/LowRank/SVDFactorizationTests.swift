import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct SVDFactorizationTests {
    /// A network whose weights have low rank, so that factors can be exact.
    private func lowRank() throws -> Graph {
        var random = RandomGenerator(seed: 4)
        func product(_ rows: Int, _ columns: Int, rank: Int) -> Tensor {
            let a = Matrix((0..<(rows * rank)).map { _ in random.normal() }, rows: rows, columns: rank)
            let b = Matrix((0..<(rank * columns)).map { _ in random.normal() }, rows: rank, columns: columns)
            return Tensor((a * b).elements, shape: [rows, columns])
        }
        let b = GraphBuilder("low-rank")
        var x = try b.input("image", .float32, ["N", 4, 9, 8])
        let channel = product(8, 36, rank: 2).reshaped([8, 4, 3, 3])
        x = try b.conv(
            x, b.constant("conv.weight", channel), b.constant("conv.bias", Tensor(repeating: Float(0.5), shape: [8])),
            stride: 2, padding: 1, name: "conv")
        let spatial = product(24, 24, rank: 2).reshaped([8, 3, 8, 3]).transposed([2, 0, 1, 3])
        x = try b.conv(x, b.constant("second.weight", spatial), padding: 1, name: "second")
        x = try b.add(Flatten(), x, name: "flatten")
        let fc = product(12, 160, rank: 3)
        x = try b.linear(
            x, b.constant("fc.weight", fc), b.constant("fc.bias", Tensor(repeating: Float(1), shape: [12])), name: "fc")
        x = try b.add(MatMul(), x, b.constant("mm.weight", product(12, 12, rank: 2)), name: "mm")
        return try b.graph(outputs: [x])
    }

    @Test(arguments: ["channel", "spatial"])
    func exactFactorsChangeNothing(_ mode: String) throws {
        let graph = try lowRank()
        let result = try SVDFactorization(hyperparameters: ["energy": 0.999999, "convolutions": .string(mode)])(graph)
        #expect(result.graph.parameterCount < graph.parameterCount)
        let factorized = result.findings.filter { $0.quantity == .rank }.map(\.subject)
        #expect(
            Set(factorized).isSuperset(of: [
                "fc.weight", "mm.weight", mode == "channel" ? "conv.weight" : "second.weight",
            ]))
        let samples = try TestModels.dataset(for: graph, count: 4).features[0].tensor
        let spread = try TestModels.predictions(of: graph, on: samples).flatMap { $0 }.map { abs($0) }.max() ?? 1
        #expect(try TestModels.largestDifference(graph, result.graph) < 1e-3 * spread)
    }

    /// What is told of the energy by rank rises to all of it, and has the rank that was taken.
    @Test func energiesByRankAreTold() throws {
        let result = try SVDFactorization(hyperparameters: ["energy": 0.9])(lowRank())
        let ranks = result.findings.filter { $0.quantity == .rank }
        #expect(!ranks.isEmpty)
        for finding in ranks {
            let curve = try #require(finding.energy)
            let rank = try #require(finding.after)
            let place = try #require(curve.ranks.firstIndex(of: Int(rank)))
            #expect(curve.energies[place] >= 0.9 && curve.energies == curve.energies.sorted() && curve.ranks == Array(Set(curve.ranks)).sorted())
            #expect(curve.ranks.last == finding.before.map { Int($0) } && curve.energies.last.map { abs($0 - 1) < 1e-3 } == true)
            #expect(curve.ranks.count <= 25)
        }
        #expect(Finding.EnergyCurve(Spectrum([3, 1], rows: 2, columns: 5), through: 1) == Finding.EnergyCurve(ranks: [1, 2], energies: [0.75, 1]))
        let bytes = try JSONEncoder().encode(ranks)
        #expect(try JSONDecoder().decode([Finding].self, from: bytes) == ranks)
    }

    /// ‖W − W_r‖² is the sum of the squared singular values left out (Eckart–Young).
    @Test func truncationErrorIsTheTail() throws {
        let graph = try TestModels.perceptron()
        let result = try SVDFactorization(hyperparameters: ["rank-fraction": 0.4, "only": ["fc1.weight"]])(graph).graph
        let (first, second) = (
            try #require(result.initializers["fc1.weight.first"]),
            try #require(result.initializers["fc1.weight.second"])
        )
        let product = Matrix(second.floats(), rows: 16, columns: 5) * Matrix(first.floats(), rows: 5, columns: 12)
        let weight = try #require(graph.initializers["fc1.weight"]).floats()
        let error = zip(weight, product.elements).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        let values = try SingularValueDecomposition(Matrix(weight, rows: 16, columns: 12)).values
        let tail = values.dropFirst(5).reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(error - tail) < 1e-4 * tail)
    }

    @Test func layersThatWouldGrowStay() throws {
        let graph = try TestModels.perceptron()
        let result = try SVDFactorization(hyperparameters: ["energy": 1])(graph)
        #expect(result.graph.text == graph.text)
        #expect(
            result.findings.contains {
                $0.subject == "fc1.weight" && $0.status == .skipped && $0.reason.contains("parameters")
            })
    }

    @Test func moreEnergyIsNeverSmaller() throws {
        let graph = try TestModels.convolutional()
        let counts = try [0.3, 0.5, 0.7, 0.9, 1].map {
            try SVDFactorization(hyperparameters: ["energy": .number($0)])(graph).graph.parameterCount
        }
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 <= $1 }, "\(counts)")
    }

    /// The cost of the whole model is what was asked for, as near as a rank comes to it, whatever counts.
    @Test(arguments: ["macs", "parameters", "bytes"], ["channel", "tucker-2"]) func sizesAreMet(
        _ budget: String, _ convolutions: String
    ) throws {
        for graph in [try TestModels.perceptron(), try TestModels.convolutional(), try TestModels.residual()] {
            let context = try TestModels.context(for: graph)
            var former = 1.0
            for size in [0.9, 0.7, 0.5] {
                let pass = try SVDFactorization(
                    hyperparameters: [
                        "budget": .string(budget), "size": .number(size), "convolutions": .string(convolutions),
                    ])
                let result = try pass(graph, in: context)
                let finding = try #require(result.findings.first { $0.subject == "graph" })
                let (before, after) = (try #require(finding.before), try #require(finding.after))
                #expect(after <= size * before + 1e-6 || finding.status == .fellBack, "\(graph.name) \(finding)")
                #expect(after / before <= former)
                former = after / before
                let cost = try #require(ModelCost(rawValue: budget))
                #expect(try cost.value(of: result.graph, on: context.sample(for: graph)) == after)
            }
        }
    }

    /// Of two layers that cost the same the one goes first whose energy lies in few components.
    @Test func componentsThatHoldLittleGoFirst() throws {
        let b = GraphBuilder("two")
        var x = try b.input("x", .float32, ["N", 32])
        let (flat, steep) = (TestModels.normal([32, 32]), lowRank(32, 32, rank: 2))
        x = try b.linear(x, b.constant("flat", flat), nil, name: "first")
        x = try b.linear(b.add(Relu(), x), b.constant("steep", steep), nil, name: "second")
        let graph = try b.graph(outputs: [x])
        let result = try SVDFactorization(hyperparameters: ["size": 0.6])(graph)
        #expect(result.graph.initializers["flat"] != nil && result.graph.initializers["steep"] == nil)
    }

    private func lowRank(_ rows: Int, _ columns: Int, rank: Int) -> Tensor {
        let (a, b) = (TestModels.normal([rows, rank], seed: 3), TestModels.normal([rank, columns], seed: 4))
        return Tensor(
            (Matrix(a.floats(), rows: rows, columns: rank) * Matrix(b.floats(), rows: rank, columns: columns)).elements,
            shape: [rows, columns])
    }

    @Test func ranksAreWhatIsAsked() throws {
        let graph = try TestModels.residual()
        func ranks(_ values: [String: HyperparameterValue]) throws -> [Double] {
            try SVDFactorization(hyperparameters: values)(graph).findings.filter { $0.quantity == .rank }.compactMap(
                \.after)
        }
        #expect(try Set(ranks(["rank": 3])) == [3])
        #expect(try ranks(["rank-fraction": 0.45, "round-to": 4]).allSatisfy { Int($0) % 4 == 0 })
        #expect(try !ranks(["ranks": "evbmf"]).isEmpty)
        let b = GraphBuilder("wide")
        let x = try b.input("x", .float32, ["N", 128])
        let wide = try b.graph(outputs: [b.linear(x, b.constant("w", TestModels.normal([128, 128])), nil)])
        let found = try SVDFactorization(hyperparameters: ["rank": 13, "round-to": 0])(wide).findings.first { $0.quantity == .rank }
        #expect(found.map { Int($0.after ?? 1) % KernelWidth.channels } == 0)
        for pair in [["rank": 3, "size": 0.5], ["ranks": "evbmf", "rank-fraction": 0.5], ["max-drop": 1, "rank": 2]]
            as [[String: HyperparameterValue]]
        {
            #expect(throws: WinnowError.self) { try ranks(pair) }
        }
    }

    /// The smallest size that loses no more, and none larger than another that would do.
    @Test func dropsAreBounded() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let before = try context.evaluate(graph, #require(context.validation))
        for drop in [0.0, 10] {
            let result = try SVDFactorization(hyperparameters: ["max-drop": .number(drop)])(graph, in: context)
            let after = try context.evaluate(result.graph, #require(context.validation))
            #expect((before - after) * 100 <= drop + 1e-6)
            #expect(result.findings.contains { $0.quantity.name.contains("validation") })
        }
        #expect(SVDFactorization { $0.ranking.maxDrop = 1 }.needs == .calibration)
    }

    /// A strided 1×1 before the window works on more places than it saves: parameters fall, arithmetic does not.
    @Test func whatWouldBeSlowerStays() throws {
        let b = GraphBuilder("strided")
        let x = try b.input("x", .float32, ["N", 16, 32, 32])
        let y = try b.conv(x, b.constant("w", TestModels.normal([16, 16, 3, 3])), stride: 4, padding: 1, name: "conv")
        let graph = try b.graph(outputs: [y])
        let result = try SVDFactorization(hyperparameters: ["convolutions": "tucker-2", "rank-fraction": 0.75])(graph)
        #expect(result.graph.text == graph.text)
        #expect(result.findings.contains { $0.status == .skipped && $0.reason.contains("multiply-accumulates") })
        #expect(
            try SVDFactorization(hyperparameters: ["convolutions": "tucker-2", "rank-fraction": 0.25])(graph).graph.text
                != graph.text)
    }
}

/// Factors that look at a layer's inputs.
struct FactorWeightingTests {
    /// One layer, so that its outputs are the model's.
    private static let layers: [(name: String, make: @Sendable (GraphBuilder) throws -> ValueName)] = [
        (
            "gemm",
            { b in try b.linear(b.input("x", .float32, ["N", 24]), b.constant("w", TestModels.normal([16, 24])), nil) }
        ),
        (
            "matmul",
            { b in
                try b.add(MatMul(), b.input("x", .float32, ["N", 24]), b.constant("w", TestModels.normal([24, 16])))
            }
        ),
        (
            "conv",
            { b in
                try b.conv(
                    b.input("x", .float32, ["N", 6, 8, 8]), b.constant("w", TestModels.normal([12, 6, 3, 3])),
                    stride: 2, padding: 1)
            }
        ),
        (
            "groups",
            { b in
                try b.conv(
                    b.input("x", .float32, ["N", 12, 8, 8]), b.constant("w", TestModels.normal([16, 6, 3, 3])),
                    padding: 1, groups: 2)
            }
        ),
        (
            "transposed",
            { b in
                try b.add(
                    ConvTranspose(window: Window(strides: [2, 2])), b.input("x", .float32, ["N", 6, 5, 5]),
                    b.constant("w", TestModels.normal([6, 12, 3, 3])))
            }
        ),
        (
            "matrices",
            { b in
                try b.add(MatMul(), b.input("x", .float32, ["N", 4, 5, 16]), b.constant("w", TestModels.normal([4, 16, 12])))
            }
        ),
        (
            "einsum",
            { b in
                try b.add(
                    Einsum("nhds,hdo->nso"), b.input("x", .float32, ["N", 4, 6, 5]), b.constant("w", TestModels.normal([4, 6, 16])))
            }
        ),
    ]

    /// Inputs of which some are large, some small, some alike.
    private static func data(for graph: Graph) throws -> Dataset {
        let shape = Shape([48] + (graph.inputs[0].type.extents ?? []).dropFirst().compactMap(\.value))
        var values = TestModels.normal(shape, seed: 21).floats()
        let inner = shape.dropFirst(2).reduce(1, *)
        for index in values.indices {
            let channel = index / inner % shape[1]
            if channel % 3 == 1, index >= inner { values[index] = values[index - inner] + 0.2 * values[index] }
            values[index] *= channel % 4 == 0 ? 3 : channel % 4 == 1 ? 0.1 : 1
        }
        return try Dataset([.init(name: graph.inputNames[0], Tensor(values, shape: shape))])
    }

    /// The outputs on calibration data are never further off than those of the plain decomposition.
    @Test(arguments: layers.indices, ["channel", "spatial", "tucker-2", "cp"]) func outputsOnCalibrationDataAreNearer(
        _ index: Int, _ convolutions: String
    ) throws {
        let b = GraphBuilder(Self.layers[index].name)
        let graph = try b.graph(outputs: [Self.layers[index].make(b)])
        let data = try Self.data(for: graph)
        let inputs = [data.features[0].name: try data.features[0].tensor]
        func error(_ weighting: String, rank: Double) throws -> (error: Double, told: Double) {
            let pass = try SVDFactorization(
                hyperparameters: [
                    "weighting": .string(weighting), "rank-fraction": .number(rank),
                    "convolutions": .string(convolutions),
                ])
            let result = try pass(graph, in: PassContext(calibration: data))
            #expect(result.findings.contains { $0.quantity == .rank }, "\(result.findings)")
            if graph.name == "matrices" || graph.name == "einsum" { #expect(result.findings.allSatisfy { $0.status == .done }) }
            let output = graph.outputNames[0]
            let (before, after) = (try Session(graph).run(inputs), try Session(result.graph).run(inputs))
            let told = result.findings.first { $0.quantity == .layerError }?.after ?? -1
            return (try #require(before[output]).relativeError(of: #require(after[output])), told)
        }
        for rank in [0.15, 0.3] {
            let (plain, weighted) = (try error("none", rank: rank), try error("activations", rank: rank))
            #expect(weighted.error <= plain.error * 1.001, "\(graph.name) \(rank): \(weighted) \(plain)")
            #expect(abs(weighted.told - weighted.error) < 0.02, "\(graph.name) \(rank): \(weighted)")
        }
    }

    /// Inputs that several matrices share are not those of each: the plain decomposition is told.
    @Test func sharedInputsAreTold() throws {
        let b = GraphBuilder("shared")
        let x = try b.input("x", .float32, ["N", 16])
        let graph = try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", TestModels.normal([4, 16, 12])))])
        let context = PassContext(calibration: try Self.data(for: graph))
        let result = try SVDFactorization(hyperparameters: ["weighting": "activations", "rank": 2])(graph, in: context)
        #expect(result.findings.contains { $0.subject == "w" && $0.status == .fellBack && $0.reason.contains("nothing is known") })
        #expect(result.graph.initializers["w.first"]?.shape == [4, 16, 2])
    }

    /// Weights of inputs that matter for the loss come out nearer than others.
    @Test func fisherInformationWeightsInputs() throws {
        let b = GraphBuilder("layer")
        let x = try b.input("x", .float32, ["N", 24])
        let graph = try b.graph(outputs: [b.linear(x, b.constant("w", TestModels.normal([16, 24])), nil)])
        let data = try Self.data(for: graph)
        func errors(_ weighting: String) throws -> [Double] {
            let pass = try SVDFactorization(hyperparameters: ["weighting": .string(weighting), "rank": 4])
            let result = try pass(graph, in: PassContext(calibration: data)).graph.initializers
            let (first, second) = (try #require(result["w.first"]), try #require(result["w.second"]))
            let product = Matrix(second.floats(), rows: 16, columns: 4) * Matrix(first.floats(), rows: 4, columns: 24)
            let change = zip(try #require(graph.initializers["w"]).floats(), product.elements).map { Double($0 - $1) }
            var sums = [Double](repeating: 0, count: 24)
            for (index, value) in change.enumerated() { sums[index % 24] += value * value }
            return sums
        }
        let (plain, fisher) = (try errors("none"), try errors("fisher"))
        let (large, small) = ((0..<24).filter { $0 % 4 == 0 }, (0..<24).filter { $0 % 4 == 1 })
        #expect(large.reduce(0) { $0 + fisher[$1] } < large.reduce(0) { $0 + plain[$1] })
        #expect(small.reduce(0) { $0 + fisher[$1] } > small.reduce(0) { $0 + plain[$1] })
    }
}
