import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Weights of other floating-point types and ranks than float32 matrices.
struct FloatTypeTests {
    /// x · W with W of rank 4, stored in this type with these axes in front.
    private func product(_ type: ElementType, batch: [Int] = []) throws -> Graph {
        func matrix(_ rows: Int, _ columns: Int, _ seed: UInt64) -> Matrix<Float> {
            Matrix(TestModels.normal([rows, columns], seed: seed).floats(), rows: rows, columns: columns)
        }
        var elements: [Float] = []
        for place in 0..<UInt64(batch.reduce(1, *)) {
            let product = matrix(32, 4, 2 * place + 1) * matrix(4, 32, 2 * place + 2)
            elements += product.elements
        }
        let weight = Tensor(elements, shape: Shape(batch + [32, 32])).converted(to: type)
        let b = GraphBuilder("product")
        var extents: [Extent] = ["N"]
        for extent in batch { extents.append(.fixed(extent == 1 ? 5 : extent)) }
        if !batch.isEmpty { extents.append(.fixed(2)) }
        extents.append(.fixed(32))
        return try b.graph(outputs: [b.add(MatMul(), b.input("x", type, extents), b.constant("w", weight), name: "mm")])
    }

    @Test(arguments: [ElementType.float32, .float16, .bfloat16, .float64])
    func factorsHaveTheWeightsType(_ type: ElementType) throws {
        let graph = try product(type)
        let result = try SVDFactorization(hyperparameters: ["rank-fraction": 0.125])(graph)
        let factors = result.graph.initializers.filter { $0.key.hasPrefix("w.") }.values
        #expect(factors.count == 2 && factors.allSatisfy { $0.elementType == type })
        #expect(result.graph.parameterCount == 2 * 32 * 4 && result.findings.allSatisfy { $0.status != .skipped })
        let inputs = ["x": TestModels.normal([7, 32], seed: 9).converted(to: type)]
        let outputs = try [graph, result.graph].map { try #require(Session($0).run(inputs).values.first).converted(to: .float32) }
        #expect(outputs[0].relativeError(of: outputs[1]) < (type.bitWidth == 16 ? 0.03 : 1e-4))
        let merged = try MergeFactors(hyperparameters: ["always": true])(result.graph).graph
        let (weight, again) = (try #require(graph.initializers["w"]), try #require(merged.initializers["w"]))
        #expect(again.elementType == type && merged.nodes.count == 1)
        #expect(weight.converted(to: .float32).relativeError(of: again.converted(to: .float32)) < (type.bitWidth == 16 ? 0.03 : 1e-4))
    }

    /// Axes in front of a matrix stay, whether they are of one or of several.
    @Test func axesInFront() throws {
        let graph = try product(.float32, batch: [1])
        let result = try SVDFactorization(hyperparameters: ["rank-fraction": 0.125])(graph)
        #expect(result.graph.initializers["w.first"]?.shape == [1, 32, 4] && result.graph.initializers["w.second"]?.shape == [1, 4, 32])
        let inputs = ["x": TestModels.normal([3, 5, 2, 32], seed: 9)]
        let outputs = try [graph, result.graph].map { try #require(Session($0).run(inputs).values.first) }
        #expect(outputs[0].shape == outputs[1].shape && outputs[0].relativeError(of: outputs[1]) < 1e-4)
        let batches = try product(.float32, batch: [3])
        let several = try SVDFactorization(hyperparameters: ["rank-fraction": 0.125])(batches)
        #expect(several.graph.initializers["w.first"]?.shape == [3, 32, 4] && several.graph.initializers["w.second"]?.shape == [3, 4, 32])
        let own = ["x": TestModels.normal([4, 3, 2, 32], seed: 9)]
        let results = try [batches, several.graph].map { try #require(Session($0).run(own).values.first) }
        #expect(results[0].shape == results[1].shape && results[0].relativeError(of: results[1]) < 1e-4)
    }

    /// A matrix on the left of its data becomes two on the left.
    @Test func matricesOnTheLeft() throws {
        let weight = try #require(product(.float32).initializers["w"])
        let b = GraphBuilder("left")
        let graph = try b.graph(outputs: [b.add(MatMul(), b.constant("w", weight), b.input("x", .float32, ["N", 32, 5]), name: "mm")])
        let result = try SVDFactorization(hyperparameters: ["rank-fraction": 0.125])(graph)
        #expect(result.graph.initializers["w.first"]?.shape == [4, 32] && result.graph.initializers["w.second"]?.shape == [32, 4])
        let inputs = ["x": TestModels.normal([3, 32, 5], seed: 9)]
        let outputs = try [graph, result.graph].map { try #require(Session($0).run(inputs).values.first) }
        #expect(outputs[0].relativeError(of: outputs[1]) < 1e-4)
    }

    /// A teacher of another floating-point type reads and gives what its student has, behind Casts.
    @Test(arguments: [ElementType.float16, .float64]) func teachersOfOtherTypesAreCast(_ type: ElementType) throws {
        let student = try product(.float32)
        let joined = try Teacher(product(type)).joined(to: student)
        #expect(joined.outputs.allSatisfy { joined.graph.infos[$0]?.elementType == .float32 })
        let results = try Session(joined.graph).run(["x": TestModels.normal([7, 32], seed: 9)])
        let (own, other) = (try #require(results[student.outputs[0]]), try #require(results[joined.outputs[0]]))
        #expect(own.relativeError(of: other) < 0.01)
    }
}
