import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowPasses
import WinnowTensor
import WinnowTestSupport
import WinnowTraining
@testable import Winnow

/// What torch.nn.utils.prune does to the same numbers; `Fixtures/make_pruning.py` made the file.
struct TorchPruning: Decodable {
    struct Single: Decodable {
        var shape: [Int]
        var amount: Double
        var isCount: Bool
        var method: String
        var norm: String?
        var axis: Int?
        var left: Int?
        var mask: String?
        var error: Bool?

        var budget: Budget { isCount ? .count(Int(amount)) : .fraction(amount) }
        var pruning: PruningMethod {
            axis.map { .lnStructured(budget, norm: Self.norm(norm ?? ""), axis: $0) } ?? .l1Unstructured(budget)
        }

        static func norm(_ text: String) -> ChannelNorm {
            switch text {
            case "nuc": .nuclear
            case "fro": 2
            default: .order(Double(text) ?? .nan)
            }
        }
    }
    struct Sequence: Decodable {
        struct Step: Decodable {
            var left: Int
            var mask: String
        }
        var shape: [Int]
        var masks: [Step]
        var length: Int
    }
    struct Together: Decodable {
        struct Case: Decodable {
            var amounts: [Double]
            var isCount: [Bool]
            var left: [Int]
            var masks: [String]
        }
        var shapes: [[Int]]
        var cases: [Case]
    }
    struct Scores: Decodable {
        var shape: [Int]
        var l1: String
        var ln: String
    }
    var single: [Single]
    var sequence: Sequence
    var together: Together
    var scores: Scores
    var training: [String: [Float]]

    static func read() throws -> TorchPruning {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/pruning", withExtension: "json"))
        return try JSONDecoder().decode(TorchPruning.self, from: Data(contentsOf: url))
    }

    /// The numbers of the script: of distinct magnitudes, signs mixed.
    static func tensor(_ shape: [Int], start: Int = 0) -> Tensor {
        let shape = Shape(shape)
        let values = (start..<(start + shape.elementCount)).map { index -> Float in
            var x = UInt64(index) & 0xFFFFF
            for (shift, factor) in [(7, 0x9E375), (9, 0x2C1B3), (11, 0x97D2D)] as [(UInt64, UInt64)] {
                x = ((x ^ (x >> shift)) &* factor) & 0xFFFFF
            }
            x ^= x >> 10
            return ((x >> 3) & 1 == 1 ? -1 : 1) * Float(x + 1) / 1_048_576
        }
        return Tensor(values, shape: shape)
    }

    /// FNV-1a of the mask's bits, eight to a byte.
    static func hash(_ mask: Tensor) -> String {
        let bits = mask.floats()
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for start in stride(from: 0, to: bits.count, by: 8) {
            var byte: UInt64 = 0
            for place in 0..<8 where start + place < bits.count && bits[start + place] != 0 { byte |= 0x80 >> UInt64(place) }
            value = (value ^ byte) &* 0x100_0000_01B3
        }
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

@Suite struct TorchPruningTests {
    /// A model that multiplies its inputs with nothing but holds these tensors as weights.
    private func model(_ tensors: [Tensor]) throws -> Model {
        let b = GraphBuilder("holder")
        var sums: [ValueName] = []
        for (index, tensor) in tensors.enumerated() {
            let x = try b.input("x\(index)", .float32, tensor.shape.map { .fixed($0) })
            sums.append(try b.add("Mul", x, b.constant("w\(index)", tensor)))
        }
        return Model(try b.graph(outputs: sums))
    }

    @Test func masksAreBitForBit() throws {
        let cases = try TorchPruning.read().single
        #expect(cases.count > 500)
        for single in cases {
            let place = "\(single.pruning) of \(single.shape)"
            let weights = TorchPruning.tensor(single.shape)
            if single.error == true {
                #expect(throws: WinnowError.self, "\(place)") { try single.pruning.mask(for: weights) }
                continue
            }
            let mask = try single.pruning.mask(for: weights)
            #expect(mask.floats().count { $0 != 0 } == single.left, "\(place)")
            #expect(TorchPruning.hash(mask) == single.mask, "\(place)")
        }
    }

    @Test func methodsFollowEachOther() throws {
        let expected = try TorchPruning.read().sequence
        var model = try model([TorchPruning.tensor(expected.shape)])
        let methods: [PruningMethod] = [
            .l1Unstructured(0.3), .lnStructured(0.5, norm: 2, axis: 0), .l1Unstructured(0.2),
            .lnStructured(0.25, norm: .order(.infinity), axis: -3),
        ]
        for (method, step) in zip(methods, expected.masks) {
            let mask = try model.prune("w0", method)
            #expect(
                mask.values.floats().count { $0 != 0 } == step.left && TorchPruning.hash(mask.values) == step.mask, "\(method)")
        }
        #expect(model.masks[0].methods == methods.map(\.description) && model.masks[0].methods.count == expected.length)
        try WrittenModels.keep(model.graph, "passes", "masks with their methods")
    }

    @Test func tensorsAreComparedTogether() throws {
        let together = try TorchPruning.read().together
        for expected in together.cases {
            var model = try model(together.shapes.enumerated().map { TorchPruning.tensor($1, start: 1000 * $0) })
            for (amount, isCount) in zip(expected.amounts, expected.isCount) {
                try model.prune(["w0", "w1", "w2"], .l1Unstructured(isCount ? .count(Int(amount)) : .fraction(amount)))
            }
            #expect(model.masks.map { $0.values.floats().count { $0 != 0 } } == expected.left)
            #expect(model.masks.map { TorchPruning.hash($0.values) } == expected.masks)
        }
    }

    @Test func givenScoresDecide() throws {
        let expected = try TorchPruning.read().scores
        let weights = TorchPruning.tensor(expected.shape)
        let order = weights.magnitudes.indices.sorted { weights.magnitudes[$0] > weights.magnitudes[$1] }
        var ranks = [Float](repeating: 0, count: order.count)
        for (rank, index) in order.enumerated() { ranks[index] = Float(rank + 1) }
        let scores = Tensor(ranks, shape: weights.shape)
        #expect(try TorchPruning.hash(PruningMethod.l1Unstructured(0.4).mask(for: weights, importance: scores)) == expected.l1)
        #expect(
            try TorchPruning.hash(PruningMethod.lnStructured(0.4, norm: 1, axis: 1).mask(for: weights, importance: scores))
                == expected.ln)
    }

    /// Pruned weights are exactly zero after 20 steps with momentum, the others are torch's.
    @Test func maskedTrainingIsTorchs() throws {
        let expected = try TorchPruning.read().training
        var model = Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [6, 5, 3]))
        let names = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
        model.graph = try model.graph.settingInitializers(
            Dictionary(
                uniqueKeysWithValues: names.enumerated().map { index, name in
                    (name, TorchPruning.tensor(model.graph.initializers[name]?.shape.extents ?? [], start: 100 * index))
                }))
        try model.prune("fc1.weight", .l1Unstructured(0.5))
        try model.prune("fc2.weight", .lnStructured(2, norm: 2, axis: 1))
        let data = try Dataset(
            [.init(name: "input", TorchPruning.tensor([16, 6], start: 5000))], labels: (0..<16).map { $0 % 3 })
        var configuration = TrainingConfiguration(epochs: 20, batchSize: 16, learningRate: 0.1, optimizer: .sgd(momentum: 0.9))
        configuration.keepsBest = false
        var trained = try model.trained(configuration, on: DataSplits(training: data)).model
        #expect(trained.masks.map { TorchPruning.hash($0.values) } == model.masks.map { TorchPruning.hash($0.values) })
        let masks = Dictionary(uniqueKeysWithValues: trained.masks.map { ($0.tensor, $0.values.floats()) })
        try trained.unprune()
        for name in names {
            let (own, theirs) = (try #require(trained.graph.initializers[name]).floats(), try #require(expected[name]))
            for index in own.indices {
                #expect(abs(own[index] - theirs[index]) < 1e-6, "\(name)[\(index)]")
                if masks[name]?[index] == 0 { #expect(own[index] == 0) }
            }
        }
    }
}
