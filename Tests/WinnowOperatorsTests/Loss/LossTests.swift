import Foundation
import Testing
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

@Suite struct LossTests {
    @Test(arguments: CrossEntropyKernel.Reduction.allCases) func crossEntropyIsTheNegatedLogarithm(
        _ reduction: CrossEntropyKernel.Reduction
    ) throws {
        let scores = random([3, 4, 2], seed: 1, in: -5...5)
        let labels = Tensor([Int64(0), 3, 2, -1, 1, 1], shape: [3, 2])
        let weights: [Float] = [0.5, 1, 2, 3]
        let y = try run([("x", scores), ("l", labels)]) { b in
            let op = SoftmaxCrossEntropyLoss(CrossEntropyParameters(reduction: reduction, ignoredLabel: -1))
            return try b.add(op, inputs: ["x", "l", b.constant("w", Tensor(weights))], outputs: 2)
        }
        var losses: [Double] = []
        var total = 0.0
        let values = scores.doubles()
        for n in 0..<3 {
            for d in 0..<2 {
                let row = (0..<4).map { values[n * 8 + $0 * 2 + d] }
                let logSum = log(row.reduce(0) { $0 + exp($1) })
                for c in 0..<4 { #expect((y[1].doubles()[n * 8 + c * 2 + d] - (row[c] - logSum)).magnitude < 1e-5) }
                let label = labels.integers()[n * 2 + d]
                if label < 0 { losses.append(0); continue }
                losses.append(Double(weights[label]) * (logSum - row[label]))
                total += Double(weights[label])
            }
        }
        let sum = losses.reduce(0, +)
        let expected = reduction == .none ? losses : [reduction == .sum ? sum : sum / total]
        #expect(y[0].elementCount == expected.count)
        for (a, b) in zip(y[0].doubles(), expected) { #expect((a - b).magnitude < 1e-5) }
    }

    @Test func aLabelOutOfRangeIsAnError() {
        #expect(throws: WinnowError.self) {
            try run([("x", random([1, 3], seed: 1)), ("l", Tensor([Int64(3)]))]) { [try $0.add(SoftmaxCrossEntropyLoss(), "x", "l")] }
        }
    }

    /// Zero for equal scores, never negative, finite for huge ones.
    @Test(arguments: [1, 2, 10] as [Float]) func divergenceIsADistance(_ temperature: Float) throws {
        let a = random([5, 10], seed: 1, in: -3...3)
        let huge = Tensor(random([5, 10], seed: 2).floats().map { $0 * 1e4 }, shape: [5, 10])
        let y = try run([("a", a), ("h", huge)]) { b in
            let op = KullbackLeiblerDivergence(temperature: temperature)
            return [try b.add(op, "a", "a"), try b.add(op, "a", "h"), try b.add(op, "h", "a")]
        }.map { $0.floats()[0] }
        #expect(y[0].magnitude < 1e-5)
        #expect(y[1] > 0 && y[2] > 0 && y[1].isFinite && y[2].isFinite)
    }

    /// T² times the batch mean of Σ q·log(q/p), and (p − q)·T/N for the student.
    @Test func divergenceMatchesItsFormula() throws {
        let (student, teacher) = (random([4, 6], seed: 3, in: -2...2), random([4, 6], seed: 4, in: -2...2))
        let temperature: Float = 4
        let y = try run([("s", student), ("t", teacher), ("g", Tensor(scalar: Float(1)))]) { b in
            [
                try b.add(KullbackLeiblerDivergence(temperature: temperature), "s", "t"),
                try b.add(KullbackLeiblerDivergenceGradient(temperature: temperature), "g", "s", "t"),
            ]
        }
        func softmax(_ row: ArraySlice<Double>) -> [Double] {
            let powers = row.map { exp($0 / Double(temperature)) }
            return powers.map { $0 / powers.reduce(0, +) }
        }
        var loss = 0.0
        for n in 0..<4 {
            let p = softmax(student.doubles()[(n * 6)..<(n * 6 + 6)])
            let q = softmax(teacher.doubles()[(n * 6)..<(n * 6 + 6)])
            for c in 0..<6 {
                loss += q[c] * log(q[c] / p[c])
                #expect((y[1].doubles()[n * 6 + c] - (p[c] - q[c]) * Double(temperature) / 4).magnitude < 1e-6)
            }
        }
        #expect((y[0].doubles()[0] - loss * 16 / 4).magnitude < 1e-5)
    }
}
