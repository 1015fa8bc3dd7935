import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowEngine

/// Labels of tokens, (N, T), and of pixels, (N, H, W), beside sums over all places that have a class.
@Suite struct PlaceLabelTests {
    private static let samples = 5

    /// A model that gives what it is given.
    private func echo(_ extents: [Extent], _ op: any Operator = Identity()) throws -> Graph {
        let b = GraphBuilder("echo")
        return try b.graph(outputs: [b.add(op, b.input("x", .float32, extents), name: "y")])
    }

    private func normal(_ shape: Shape, seed: UInt64) -> Tensor {
        var random = RandomGenerator(seed: seed)
        return Tensor((0..<shape.elementCount).map { _ in random.normal() }, shape: shape)
    }

    /// Classes below four, every third place without one.
    private func labels(_ places: Int, _ shape: Shape, none: Int64) -> Tensor {
        let classes = (0..<places).map { place -> Int64 in
            if place % 3 == 2 { return none }
            let label = (place * 5 + place / 4) % 4
            return Int64(label)
        }
        return Tensor(classes, shape: shape)
    }

    private struct Sums {
        var (count, right, several, loss, predictions) = (0, 0, 0, 0.0, [Int]())

        mutating func add(_ scores: [Double], _ label: Int) {
            let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
            count += 1
            right += order[0] == label ? 1 : 0
            several += order.prefix(2).contains(label) ? 1 : 0
            loss += log(scores.reduce(0) { $0 + exp($1) }) - scores[label]
            predictions.append(order[0])
        }
    }

    private func check(_ evaluation: Evaluation, _ sums: Sums) {
        #expect(evaluation.sampleCount == sums.count && evaluation.predictions == sums.predictions)
        #expect(abs(evaluation.top1 - Double(sums.right) / Double(sums.count)) < 1e-12)
        #expect(abs(evaluation.topK - Double(sums.several) / Double(sums.count)) < 1e-12)
        #expect(abs(evaluation.loss - sums.loss / Double(sums.count)) < 1e-5)
    }

    @Test(arguments: [-100, -1, 255, .max] as [Int64], ["T", .fixed(6)] as [Extent])
    func tokensCountWhereTheyHaveAClass(_ none: Int64, _ extent: Extent) throws {
        let (scores, labels) = (normal([Self.samples, 6, 4], seed: 1), labels(Self.samples * 6, [Self.samples, 6], none: none))
        var sums = Sums()
        let (values, classes) = (scores.doubles(), labels.integers())
        for place in classes.indices where (0..<4).contains(classes[place]) { sums.add(Array(values[(place * 4)..<(place * 4 + 4)]), classes[place]) }
        let data = try Dataset([.init(name: "x", scores), .init(name: "labels", labels)])
        for (graph, isClosed) in [(try echo(["N", extent, 4]), false), (try echo(["N", extent, 4], LogSoftmax(axis: 2)), true)] {
            let own = ClassLabels(of: data, for: graph)
            #expect(own.objection == nil, "closed: \(isClosed)")
            #expect(own.places?.words(of: "y") == "labels, int64 [6] a sample, are taken for classes of places, along axis 2 of output y")
            check(try Evaluation(of: graph, on: data, batchSize: 2, k: 2), sums)
            check(try Evaluation(of: graph, on: data, labels: own, batchSize: 2, k: 2), sums)
        }
        // As a data set is once it was fitted to the model.
        let fitted = try data.adapted(to: echo(["N", extent, 4]))
        check(try Evaluation(of: echo(["N", extent, 4]), on: fitted.selecting(Array(0..<Self.samples)), batchSize: 3, k: 2), sums)
    }

    @Test func pixelsHaveClassesFirst() throws {
        let (scores, labels) = (normal([Self.samples, 4, 2, 3], seed: 2), labels(Self.samples * 6, [Self.samples, 2, 3], none: 255))
        var sums = Sums()
        let (values, classes) = (scores.doubles(), labels.integers())
        for place in classes.indices where classes[place] < 4 {
            let first = place / 6 * 24 + place % 6
            sums.add((0..<4).map { values[first + $0 * 6] }, classes[place])
        }
        let data = try Dataset([.init(name: "x", scores), .init(name: "labels", labels)])
        check(try Evaluation(of: echo(["N", 4, 2, 3]), on: data, batchSize: 2, k: 2), sums)
    }

    /// The same class as the original's is counted where there are labels, and distances over everything.
    @Test func agreementIsThatOfLabelledPlaces() throws {
        let (scores, labels) = (normal([Self.samples, 6, 4], seed: 3), labels(Self.samples * 6, [Self.samples, 6], none: -1))
        let b = GraphBuilder("turned")
        let x = try b.input("x", .float32, ["N", 6, 4])
        let factors = Tensor([1, -1, 0.5, 2] as [Float])
        let graph = try b.graph(outputs: [b.add(Mul(), x, b.constant("factors", factors), name: "y")])
        let data = try Dataset([.init(name: "x", scores), .init(name: "labels", labels)])
        let run = try MetricRun(of: graph, original: echo(["N", 6, 4]), on: data)
        let (values, classes) = (scores.doubles(), labels.integers())
        func best(_ row: [Double]) -> Int { row.firstIndex(of: row.max() ?? 0) ?? 0 }
        let same = classes.indices.filter { classes[$0] >= 0 }.map { place in
            let row = Array(values[(place * 4)..<(place * 4 + 4)])
            return best(row) == best(zip(row, factors.doubles()).map { $0 * $1 })
        }
        #expect(run[Top1Agreement.self]?.value == Double(same.count { $0 }) / Double(same.count))
        let largest = zip(values, (0..<values.count).map { factors.doubles()[$0 % 4] }).map { abs($0 - $0 * $1) }.max() ?? 0
        #expect(abs((run[LargestDifference.self]?.value ?? 0) - largest) < 1e-5)
    }

    /// Counting that began with 1, several numbers that are no class, texts, and inputs of that name are no classes of places.
    @Test func whatIsNoClassJudgesNothing() throws {
        let scores = normal([2, 5, 4], seed: 4)
        func objection(_ labels: [Int64], _ count: Int) throws -> String? {
            let data = try Dataset([.init(name: "x", scores), .init(name: "labels", Tensor(labels, shape: [2, count]))])
            return try ClassLabels(of: data, for: echo(["N", "T", 4])).objection
        }
        #expect(try objection([0, 1, 2, 3, 0, 1, 2, 3, 0, 255], 5) == nil)
        #expect(try objection([1, 2, 3, 4, 1, 2, 3, 4, 1, 2], 5) != nil)
        #expect(try objection([0, 1, 2, 3, 0, 1, 2, 3, 254, 255], 5) != nil)
        #expect(try objection([1, 2, -1, 3, 2, 1], 3)?.contains("not one class") == true)
    }

    /// What is known to be texts is none of places, though there are as many letters as times.
    @Test func textsAreNoClassesOfPlaces() throws {
        let labels = labels(12, [2, 6], none: -1)
        var data = try Dataset([.init(name: "x", normal([2, 6, 4], seed: 5)), .init(name: "labels", labels)])
        let graph = try echo(["N", "T", 4])
        #expect(ClassLabels(of: data, for: graph).objection == nil)
        let other = try data.fingerprint
        data.labelsAreTexts = true
        #expect(ClassLabels(of: data, for: graph).objection == "labels are int64 [6] a sample, texts")
        #expect(try ClassLabels(of: data.adapted(to: graph).selecting([1]), for: graph).objection?.hasSuffix("texts") == true)
        #expect(try data.fingerprint != other)
    }

    /// Labels count among what tells data apart, also once they are no array of the model's.
    @Test func fingerprintsTellLabelsOfPlaces() throws {
        let graph = try echo(["N", "T", 4])
        let texts = try ([-1, -2] as [Int64]).map { none in
            let data = try Dataset([.init(name: "x", normal([2, 6, 4], seed: 5)), .init(name: "labels", labels(12, [2, 6], none: none))])
            return try data.adapted(to: graph).fingerprint
        }
        #expect(texts[0] != texts[1])
    }
}
