import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining

/// One loss with its gradient, as torch has it; settings by the names of recipes.
private struct LossFixture: Decodable {
    var name: String
    var shape: [Int]
    var prediction: [Float]
    var targetShape: [Int]
    var isClasses: Bool
    var target: [Double]
    var settings: [String: Setting]
    var loss: Double
    var gradient: [Double]

    enum Setting: Decodable {
        case number(Double)
        case list([Double])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self = try (try? container.decode(Double.self)).map { .number($0) } ?? .list(container.decode([Double].self))
        }
    }

    var lossSettings: LossSettings {
        var result = LossSettings()
        for (name, value) in settings {
            switch (LossSetting(rawValue: name), value) {
            case (.labelSmoothing, .number(let number)): result.labelSmoothing = number
            case (.ignore, .number(let number)): result.ignore = Int(number)
            case (.delta, .number(let number)): result.delta = number
            case (.margin, .number(let number)): result.margin = number
            case (.temperature, .number(let number)): result.temperature = number
            case (.blank, .number(let number)): result.blank = Int(number)
            case (.zeroInfinity, .number(let number)): result.zeroInfinity = number != 0
            case (.classWeights, .list(let list)): result.classWeights = list
            default: Issue.record("\(name) is no setting")
            }
        }
        return result
    }
}

struct LossFunctionTests {
    /// The loss of a prediction that is a constant, and its gradient.
    private func evaluate(
        _ prediction: Tensor, _ target: Tensor, isClasses: Bool, _ loss: any LossFunction.Type, _ settings: LossSettings = LossSettings()
    ) throws -> (loss: Double, gradient: [Float]) {
        let b = GraphBuilder("model")
        let own = b.constant("own", prediction)
        let model = try b.graph(outputs: [b.add(Identity(), own, name: "p")])
        let builder = GraphBuilder(extending: model)
        let goal = builder.constant("goal", target)
        let value = try loss.add(
            at: LossPlace(builder, output: "p", of: model, settings), LossTarget(isClasses ? .classes : .values, goal))
        var edit = builder.edit()
        edit.outputs = [value]
        let (graph, gradients) = try Differentiation.gradients(of: value, withRespectTo: ["own"], in: model.applying(edit))
        let gradient = try #require(gradients["own"])
        var end = GraphEdit()
        end.outputs = [value, gradient]
        let results = try Session(graph.applying(end), options: SessionOptions(lowers: false)).run([:])
        return (try #require(results[value]).doubles()[0], try #require(results[gradient]).floats())
    }

    @Test func everyLossAndGradientIsTorchs() throws {
        let fixtures: [LossFixture] = try fixture("losses")
        #expect(Set(fixtures.map(\.name)) == Set(LossCatalogue.all.map { $0.name }))
        for example in fixtures {
            let loss = try #require(LossCatalogue.all.first { $0.name == example.name })
            let target = example.isClasses
                ? Tensor(example.target.map { Int64($0) }, shape: Shape(example.targetShape))
                : Tensor(example.target, shape: Shape(example.targetShape), as: .float32)
            let (value, gradient) = try evaluate(
                Tensor(example.prediction, shape: Shape(example.shape)), target, isClasses: example.isClasses, loss, example.lossSettings)
            #expect(abs(value - example.loss) < 1e-5 * max(1, abs(example.loss)), "\(example.name) \(example.settings)")
            let size = max(1, example.gradient.map(abs).max() ?? 1)
            for (own, wanted) in zip(gradient, example.gradient) {
                #expect(abs(Double(own) - wanted) < 1e-5 * size, "\(example.name) \(example.settings)")
            }
        }
    }

    /// Where every place is ignored there is nothing to learn, and nothing that is no number.
    @Test(arguments: [0, 0.2]) func nothingCountedIsZero(_ smoothing: Double) throws {
        var settings = LossSettings(labelSmoothing: smoothing)
        settings.ignore = -1
        let scores = Tensor([1, 2, 3, 0, -1, 2] as [Float], shape: [2, 3])
        for weights in [[], [1, 2, 3]] as [[Double]] {
            settings.classWeights = weights
            let (loss, gradient) = try evaluate(scores, Tensor([-1, -1] as [Int64]), isClasses: true, CrossEntropyLoss.self, settings)
            #expect(loss == 0 && gradient == [Float](repeating: 0, count: 6))
        }
    }

    /// One sample has no other to be compared with.
    @Test func oneSampleHasNoPairs() throws {
        let (loss, gradient) = try evaluate(
            Tensor([1, 2, 3] as [Float], shape: [1, 3]), Tensor([0] as [Int64]), isClasses: true, ContrastiveLoss.self)
        #expect(loss < 1e-9 && gradient.allSatisfy { $0 == 0 })
    }

    /// All ways to write down what a path of classes spells: repetitions as one, then no blanks.
    private static func spelled(_ path: [Int], blank: Int) -> [Int] {
        path.enumerated().filter { index, letter in letter != blank && (index == 0 || path[index - 1] != letter) }.map(\.element)
    }

    @Test(arguments: 0..<12) func temporalClassificationIsTheSumOverAllPaths(_ seed: UInt64) throws {
        var random = RandomGenerator(seed: seed)
        let (times, classes, blank) = (4, 3, Int(seed % 3))
        let scores = (0..<(times * classes)).map { _ in random.normal() }
        let letters = (0..<Int(seed % 4)).map { _ in (blank + 1 + Int(random.next() % 2)) % 3 }
        var (sum, count) = (0.0, 1)
        for _ in 0..<times { count *= classes }
        for number in 0..<count {
            var (rest, path) = (number, [Int]())
            for _ in 0..<times { path.append(rest % classes); rest /= classes }
            guard Self.spelled(path, blank: blank) == letters else { continue }
            sum += path.enumerated().reduce(1) { product, step in
                let row = scores[(step.offset * classes)..<((step.offset + 1) * classes)].map { exp(Double($0)) }
                return product * row[step.element] / row.reduce(0, +)
            }
        }
        var settings = LossSettings()
        settings.blank = blank
        let padded = letters.map { Int64($0) } + [Int64](repeating: -1, count: 4 - letters.count)
        let (loss, gradient) = try evaluate(
            Tensor(scores, shape: [1, times, classes]), Tensor(padded, shape: [1, 4]), isClasses: true, TemporalClassificationLoss.self, settings)
        guard sum > 0 else { #expect(loss == .infinity); return }
        #expect(abs(loss + log(sum) / Double(max(letters.count, 1))) < 1e-5)
        // Moving all scores of a time alike changes nothing.
        for time in 0..<times { #expect(abs(gradient[(time * classes)..<((time + 1) * classes)].reduce(0, +)) < 1e-5) }
    }

    /// Numbers that lie between 0 and 1 by what computes them are probabilities, however a sigmoid is spelled.
    @Test(arguments: 0..<4) func binaryLossTakesProbabilities(_ form: Int) throws {
        func loss(_ close: (GraphBuilder, ValueName) throws -> ValueName) throws -> Float {
            let b = GraphBuilder("binary")
            let x = try b.input("x", .float32, ["N", 4])
            let model = try b.graph(outputs: [close(b, x)])
            let builder = GraphBuilder(extending: model)
            let target = builder.constant("target", Tensor([1, 0, 1, 0, 1, 1, 0, 0] as [Float], shape: [2, 4]))
            let value = try BinaryCrossEntropyLoss.add(at: LossPlace(builder, output: model.outputs[0], of: model), LossTarget(.values, target))
            var edit = builder.edit()
            edit.outputs = [value]
            let data = Tensor([0.5, -1, 2, 3, -2, 0.1, 0.2, -0.7] as [Float], shape: [2, 4])
            return try #require(try Session(model.applying(edit)).run(["x": data])[value]).floats()[0]
        }
        let own = try loss { b, x in
            switch form {
            case 0: return try b.add(Reciprocal(), b.add(Add(), b.add(Exp(), b.add(Neg(), x)), b.constant("one", scalar: Float(1))))
            case 1: return try b.add(Cast(to: .float32), b.add(Sigmoid(), b.add(Cast(to: .float16), x)))
            case 2:
                let halves = try b.add(Split(axis: 1, sizes: [2, 2], outputCount: 2), inputs: [x], outputs: 2)
                return try b.add(Concat(axis: 1), b.add(Sigmoid(), halves[0]), b.add(Sigmoid(), halves[1]))
            default: return try b.add(Transpose([1, 0]), b.add(Transpose([1, 0]), b.add(Sigmoid(), x)))
            }
        }
        #expect(abs(own - (try loss { $1 })) < 2e-3)
    }

    /// What a model closes with is left out, so that the loss works on logits.
    @Test func closingSigmoidAndSoftmaxAreLeftOut() throws {
        let b = GraphBuilder("closed")
        let x = try b.input("x", .float32, ["N", 7, 5])
        let bits = try b.add(Transpose([0, 1, 2]), b.add(Sigmoid(), x))
        let model = try b.graph(outputs: [b.add(Identity(), b.add(Softmax(axis: 2), x), name: "text"), b.add(Identity(), bits, name: "bits")])
        let builder = GraphBuilder(extending: model)
        let letters = builder.constant("letters", Tensor([Int64](repeating: 1, count: 4), shape: [2, 2]))
        _ = try TemporalClassificationLoss.add(at: LossPlace(builder, output: "text", of: model), LossTarget(.classes, letters))
        _ = try BinaryCrossEntropyLoss.add(at: LossPlace(builder, output: "bits", of: model), LossTarget(.values, "bits"))
        let added = builder.edit().addedNodes
        #expect(added.first { $0.op is CTCLoss }?.inputs[0] == "x" && added.first { $0.op is Softplus }?.inputs[0] == "x")
    }
}
