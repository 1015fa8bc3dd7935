import Foundation
import Testing
import WinnowGraph
import WinnowPasses
import WinnowTensor
@testable import Winnow

/// Masks as values of a model: listed, saved, taken out, refused.
@Suite struct ModelPruningTests {
    private func model() throws -> Model { Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [12, 8, 4])) }

    private func outputs(_ model: Model) throws -> [Float] {
        try #require(model.run(["input": TorchPruning.tensor([5, 12])])["logits"]).floats()
    }

    private func ulps(_ a: [Float], _ b: [Float]) -> Int {
        zip(a, b).map { abs(Int($0.bitPattern) - Int($1.bitPattern)) }.max() ?? 0
    }

    @Test func removingMasksKeepsOutputsAndUndoingRestoresWeights() throws {
        let dense = try model()
        var pruned = dense
        try pruned.prune("fc1.weight", .l1Unstructured(0.5))
        try pruned.prune("fc2.bias", .l1Unstructured(1))
        #expect(pruned.isPruned() && pruned.isPruned("fc1.weight") && !pruned.isPruned("fc2.weight") && !dense.isPruned())
        var (permanent, restored) = (pruned, pruned)
        try permanent.unprune()
        try restored.unprune("fc1.weight", by: .restoreDense)
        #expect(restored.masks.map(\.tensor) == ["fc2.bias"])
        try restored.unprune("fc2.bias", by: .restoreDense)
        #expect(try ulps(outputs(permanent), outputs(pruned)) == 0 && outputs(pruned) != outputs(dense))
        #expect(!permanent.isPruned() && permanent.graph.initializerNames.sorted() == dense.graph.initializerNames.sorted())
        #expect(restored.graph.text == dense.graph.text && restored.graph.initializers == dense.graph.initializers)
    }

    @Test func identityOnlyPutsAMask() throws {
        let dense = try model()
        var pruned = dense
        let mask = try pruned.prune("fc1.weight", .identity)
        #expect(mask.sparsity == 0 && mask.methods == ["identity"])
        #expect(try outputs(pruned) == outputs(dense))
    }

    @Test func masksOfOnesOwnMultiply() throws {
        var pruned = try model()
        let first = Tensor((0..<96).map { $0 % 2 == 0 ? Float(1) : 0 }, shape: [8, 12])
        let second = Tensor((0..<96).map { $0 % 3 == 0 ? Float(1) : 0 }, shape: [8, 12])
        try pruned.prune("fc1.weight", .mask(first))
        #expect(try pruned.prune("fc1.weight", .mask(second)).values.floats() == (0..<96).map { $0 % 6 == 0 ? 1 : 0 })
    }

    /// Masks, what made them and the weights beneath are in the file, and are known by their role whatever they are called.
    @Test func filesKeepMasks() throws {
        var pruned = try model()
        try pruned.prune("fc1.weight", .l1Unstructured(0.5))
        try pruned.prune("fc1.weight", .lnStructured(2, norm: 2, axis: 0))
        try pruned.prune(["fc1.weight", "fc2.weight"], .l1Unstructured(10))
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("masks-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try pruned.write(to: path)
        let read = try Model(reading: path)
        #expect(read.masks.map(\.tensor) == pruned.masks.map(\.tensor) && read.masks.map(\.values) == pruned.masks.map(\.values))
        #expect(
            read.masks.map(\.methods) == [
                ["l1-unstructured 0.5", "ln-structured 2, norm 2, axis 0", "l1-unstructured 10 of 2 tensors"],
                ["l1-unstructured 10 of 2 tensors"],
            ])
        let summary = try ModelSummary(read.graph)
        #expect(summary.masks?.map(\.tensor) == ["fc1.weight", "fc2.weight"])
        #expect(summary.text.contains("l1-unstructured 0.5; ln-structured 2, norm 2, axis 0"))
        #expect(try ModelSummary(model().graph).masks == nil && !ModelSummary(model().graph).text.contains("masked tensor"))
        #expect(read.masks.allSatisfy { $0.name.hasSuffix(".mask") })
        let node = try #require(read.graph.maskNodes.first)
        #expect(node.node.notes.isMask, "the role is in the file")
    }

    /// Counts, uniform choice and seeds; not torch's stream of random numbers.
    @Test func randomMethodsAreUniform() throws {
        let weights = Tensor(repeating: Float(1), shape: [10, 4])
        var (elements, channels) = ([Int](repeating: 0, count: 40), [Int](repeating: 0, count: 10))
        for seed in 0..<1000 {
            let mask = try PruningMethod.randomUnstructured(0.25).mask(for: weights, seed: UInt64(seed)).floats()
            #expect(mask.count { $0 == 0 } == 10)
            for index in mask.indices where mask[index] == 0 { elements[index] += 1 }
            let rows = try PruningMethod.randomStructured(3, axis: -2).mask(for: weights, seed: UInt64(seed)).floats()
            #expect(rows.count { $0 == 0 } == 12)
            for row in 0..<10 where rows[4 * row] == 0 { channels[row] += 1 }
        }
        // χ² of 39 and 9 degrees of freedom; each draw leaves none twice, so that it is smaller than for independent ones.
        func chi(_ counts: [Int], _ expected: Double) -> Double {
            counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        }
        #expect(chi(elements, 250) < 62 && chi(channels, 300) < 21)
        func mask(_ seed: UInt64) throws -> Tensor { try PruningMethod.randomUnstructured(0.5).mask(for: weights, seed: seed) }
        #expect(try mask(3) == mask(3) && mask(3) != mask(4))
        var model = try model()
        try model.prune("fc1.weight", .randomUnstructured(0.5))
        #expect(try model.prune("fc1.weight", .randomUnstructured(0.5)).values.zeroCount == 72)
    }

    @Test func tiesOnlyCount() throws {
        let mask = try PruningMethod.l1Unstructured(0.5).mask(for: Tensor(repeating: Float(2), shape: [7]))
        #expect(mask.zeroCount == 4, "halves go to even: 3.5 is 4")
    }

    private static let refused: [(PruningMethod, String)] = [
        (.l1Unstructured(1.5), "amount: is 1.5, outside 0…1"),
        (.l1Unstructured(.fraction(-0.1)), "amount: is -0.1, outside 0…1"),
        (.l1Unstructured(.fraction(.nan)), "amount: is nan, outside 0…1"),
        (.l1Unstructured(.count(-1)), "amount: is -1, a negative number"),
        (.l1Unstructured(97), "amount: is 97, but only 96 are left"),
        (.lnStructured(9, norm: 2, axis: 0), "amount: is 9, but only 8 are left"),
        (.lnStructured(0.5, norm: 2, axis: 2), "axis 2: is none of fc1.weight"),
        (.randomStructured(0.5, axis: -3), "axis -3: is none of fc1.weight"),
        (.lnStructured(0.5, norm: .nuclear, axis: 0), "nuclear norm: is of matrices"),
        (.mask(Tensor(repeating: Float(1), shape: [12, 8])), "mask of fc1.weight: is 12×8, but the weights are 8×12"),
    ]

    @Test(arguments: refused.indices) func whatDoesNotFitIsRefused(_ index: Int) throws {
        let (method, words) = Self.refused[index]
        var model = try model()
        let before = model
        let error = #expect(throws: WinnowError.self) { try model.prune("fc1.weight", method) }
        #expect(error?.description.hasPrefix(words) == true, "\(error.map { "\($0)" } ?? "")")
        #expect(error?.remedy.isEmpty == false || error?.kind != .usage)
        #expect(
            model.graph.text == before.graph.text && model.graph.initializers == before.graph.initializers, "nothing half done")
    }

    private func refusal(_ words: String, _ body: (inout Model) throws -> Void) throws {
        var model = try model()
        let error = #expect(throws: WinnowError.self) { try body(&model) }
        #expect(error?.description.contains(words) == true, "\(error.map { "\($0)" } ?? "")")
    }

    @Test func countsAreOfWhatIsLeft() throws {
        try refusal("is 49, but only 48 are left") { model in
            try model.prune("fc1.weight", .l1Unstructured(0.5))
            try model.prune("fc1.weight", .l1Unstructured(49))
        }
    }
    @Test func vectorsHaveNoChannels() throws {
        try refusal("fc1.bias: is a vector of 8 and has no channels") { try $0.prune("fc1.bias", .lnStructured(0.5, norm: 1, axis: 0)) }
    }
    @Test func channelsAreOfOneTensor() throws {
        try refusal("compares the channels of one tensor") {
            try $0.prune(["fc1.weight", "fc2.weight"], .lnStructured(0.5, norm: 1, axis: 0))
        }
    }
    @Test func noTensorsAreRefused() throws { try refusal("tensors: are none") { try $0.prune([], .identity) } }
    @Test func tensorsNamedTwiceAreRefused() throws {
        try refusal("tensor fc1.weight: is named twice") { try $0.prune(["fc1.weight", "fc2.weight", "fc1.weight"], .identity) }
    }
    @Test func unknownTensorsAreRefused() throws {
        try refusal("tensor fc1.wieght: is not in the model; did you mean fc1.weight?") { try $0.prune("fc1.wieght", .identity) }
    }
    @Test func masksAreNotPruned() throws {
        try refusal("tensor fc1.weight.mask: is no weight") { model in
            try model.prune("fc1.weight", .identity)
            try model.prune("fc1.weight.mask", .identity)
        }
    }
    @Test func scoresOfOtherShapesAreRefused() throws {
        try refusal("importance of fc1.weight: is 96, but the weights are 8×12") {
            try $0.prune("fc1.weight", .l1Unstructured(1), importance: Tensor(zeros: [96]))
        }
    }
    @Test func scoresOfOtherTensorsAreRefused() throws {
        try refusal("importance of fc2.weight: is of no tensor that is pruned") {
            try $0.prune(["fc1.weight"], .l1Unstructured(1), importance: ["fc2.weight": Tensor(zeros: [4, 8])])
        }
    }
    @Test func whatIsNotPrunedIsNotUnpruned() throws {
        try refusal("tensor fc1.weight: has no mask") { try $0.unprune("fc1.weight") }
        try refusal("pruned are fc2.weight") { model in
            try model.prune("fc2.weight", .identity)
            try model.unprune("fc1.weight")
        }
    }
    @Test func codesAreNotPruned() throws {
        #expect(throws: WinnowError.self) { try PruningMethod.l1Unstructured(1).mask(for: Tensor([1, 2] as [Int64])) }
    }
}
