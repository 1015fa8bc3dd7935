import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// What of a model's outputs can be compared element by element, and what determines the rest.
struct ComparableValuesTests {
    private func determining(_ outputs: (GraphBuilder, ValueName) throws -> [ValueName]) throws -> [ValueName] {
        let b = GraphBuilder("ranks")
        let x = try b.input("x", .float32, ["N", 12])
        let scores = try b.linear(x, b.constant("w", TestModels.normal([8, 12])), name: "scores")
        return try ComparableValues(b.graph(outputs: outputs(b, scores))).determiningOutputs
    }

    private func top(_ b: GraphBuilder, _ scores: ValueName) throws -> [ValueName] {
        try b.add(TopK(axis: 1), inputs: [scores, b.constant("k", Tensor([Int64(4)]))], outputs: 2, name: "top")
    }

    @Test func ranksLeadToWhatWasRanked() throws {
        let found = try determining { b, scores in
            let top = try top(b, scores)
            let boxes = try b.add(Tanh(), scores, name: "boxes")
            return try top + [b.add(GatherElements(axis: 1), boxes, top[1], name: "found")]
        }
        #expect(found == ["scores", "boxes"])
    }

    @Test func classesLeadToTheirScores() throws {
        #expect(try determining { b, scores in [try b.add(ArgMax(axis: 1), scores, name: "class")] } == ["scores"])
        let numbers = try determining { b, scores in [try b.add(Cast(to: .float32), b.add(ArgMax(axis: 1), scores), name: "class")] }
        #expect(numbers == ["scores"])
    }

    /// What an output that can be compared is made of says no more than the output does.
    @Test func comparableOutputsStandForWhatTheyAreMadeOf() throws {
        let found = try determining { b, scores in
            [try b.add(Softmax(axis: 1), scores, name: "probabilities"), try b.add(ArgMax(axis: 1), scores, name: "class")]
        }
        #expect(found == ["probabilities"])
    }

    @Test func suppressionLeadsToBoxesAndScores() throws {
        let b = GraphBuilder("boxes")
        let x = try b.input("x", .float32, [1, 12])
        func part(_ name: String, _ shape: [Int64], seed: UInt64) throws -> ValueName {
            let weight = TestModels.normal([Int(shape.reduce(1, *)), 12], seed: seed)
            let flat = try b.linear(x, b.constant("\(name).weight", weight), name: "\(name).flat")
            return try b.add(Reshape(), flat, b.constant("\(name).shape", Tensor(shape)), name: name)
        }
        let (boxes, scores) = (try part("boxes", [1, 8, 4], seed: 1), try part("scores", [1, 2, 8], seed: 2))
        let chosen = try b.add(NonMaxSuppression(), boxes, scores, b.constant("count", Tensor([Int64(3)])), name: "chosen")
        #expect(try ComparableValues(b.graph(outputs: [chosen])).determiningOutputs == ["boxes", "scores"])
    }

    @Test func peaksLeadToTheValues() throws {
        let found = try determining { b, scores in
            let peak = try b.add(ReduceMax(axes: [1], keepsAxes: true), scores, name: "largest")
            return [try b.add(Mul(), scores, b.add(Cast(to: .float32), b.add(Equal(), scores, peak)), name: "peaks")]
        }
        #expect(found == ["scores", "largest"])
    }

    /// Sums over ranks, and activations that compare, have their elements in fixed places.
    @Test func whatHasFixedPlacesIsCompared() throws {
        let sum = try determining { b, scores in [try b.add(ReduceSum(axes: [1], keepsAxes: false), top(b, scores)[0], name: "sum")] }
        #expect(sum == ["sum"])
        let limited = try determining { b, scores in
            let zero = b.constant("zero", Tensor([Float(0)]))
            return [try b.add(Where(), b.add(Greater(), scores, zero), scores, zero, name: "limited")]
        }
        #expect(limited == ["limited"])
    }
}
