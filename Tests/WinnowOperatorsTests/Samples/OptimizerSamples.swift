import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    /// Rate 0.1, step count, then two tensors for each role; the last ones positive.
    private static func inputs(count: Int, roles: Int) -> [Tensor?] {
        [Tensor(scalar: Float(0.1)), Tensor(scalar: Int64(count))]
            + (0..<roles).flatMap { role -> [Tensor?] in
                let range = role == roles - 1 ? 0.0...2 : -2.0...2
                return [.sample([3], in: range, seed: UInt64(role)), .sample([2, 2], in: range, seed: UInt64(10 + role))]
            }
    }

    /// `step` for each element of both tensors: roles in, results out.
    private static func elementwise(
        results: Int, _ step: @escaping @Sendable (_ count: Double, [Double]) -> [Double]
    ) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let count = inputs[1].doubles()[0]
            let roles = inputs.dropFirst(2).map { $0.doubles() }
            return (0..<results).flatMap { result in
                (0..<2).map { tensor -> Tensor in
                    let shape = inputs[2 + tensor].shape
                    return Tensor(
                        (0..<shape.elementCount).map { element in
                            step(count, stride(from: tensor, to: roles.count, by: 2).map { roles[$0][element] })[result]
                        }, shape: shape, as: .float32)
                }
            }
        }
    }

    private static let tokens = Tensor([Int32(1), 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8], shape: [2, 6])

    private static func vectorizer(_ mode: String, skip: Int) -> TfIdfVectorizer {
        try! TfIdfVectorizer(attributes: [
            "mode": .string(mode), "min_gram_length": .int(1), "max_gram_length": .int(2), "max_skip_count": .int(skip),
            "pool_int64s": .ints([2, 3, 5, 4, 5, 6, 7, 8, 6, 7]), "ngram_counts": .ints([0, 4]),
            "ngram_indexes": .ints([0, 1, 2, 3, 4, 5, 6]), "weights": .floats([1, 2, 3, 4, 5, 6, 7]),
        ], version: 9)
    }

    private static func table(_ values: [Double]) -> @Sendable ([Tensor]) -> [Tensor] {
        { _ in [Tensor(values, shape: [2, 7], as: .float32)] }
    }

    static let optimizers: [OperatorSample] = [
        OperatorSample(
            Adagrad(epsilon: 1e-3, decayFactor: 0.1, normCoefficient: 0.01), inputs(count: 2, roles: 3), outputs: 4, version: 1,
            differentiated: [],
            reference: elementwise(results: 2) { count, roles in
                let g = 0.01 * roles[0] + roles[1]
                let sum = roles[2] + g * g
                return [roles[0] - 0.1 / (1 + count * 0.1) * g / (sum.squareRoot() + 1e-3), sum]
            }),
        OperatorSample(
            Adam(alpha: 0.75, beta: 0.5, epsilon: 1e-3, normCoefficient: 0.01, laterNormCoefficient: 0.5),
            inputs(count: 1, roles: 4), outputs: 6, version: 1, differentiated: [],
            reference: elementwise(results: 3) { _, roles in
                let g = 0.01 * roles[0] + roles[1]
                let (mean, square) = (0.75 * roles[2] + 0.25 * g, 0.5 * roles[3] + 0.5 * g * g)
                let rate = 0.1 * (0.5).squareRoot() / 0.25
                return [0.5 * (roles[0] - rate * mean / (square.squareRoot() + 1e-3)), mean, square]
            }),
        OperatorSample(
            Momentum(alpha: 0.75, beta: 0.5, normCoefficient: 0.01), inputs(count: 0, roles: 3), outputs: 4, version: 1,
            differentiated: [],
            reference: elementwise(results: 2) { _, roles in
                let momentum = 0.75 * roles[2] + 0.01 * roles[0] + roles[1]
                return [roles[0] - 0.1 * momentum, momentum]
            }),
        OperatorSample(
            Momentum(alpha: 0.75, beta: 0.5, isNesterov: true), inputs(count: 3, roles: 3), outputs: 4, version: 1,
            differentiated: [],
            reference: elementwise(results: 2) { _, roles in
                let momentum = 0.75 * roles[2] + 0.5 * roles[1]
                return [roles[0] - 0.1 * (roles[1] + 0.75 * momentum), momentum]
            }),
        OperatorSample(
            vectorizer("TF", skip: 0), [tokens], version: 9, reference: table([0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1])),
        OperatorSample(
            vectorizer("TF", skip: 5), [tokens], version: 9, reference: table([0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1])),
        OperatorSample(
            vectorizer("TFIDF", skip: 5), [tokens], version: 9, reference: table([0, 6, 0, 0, 0, 0, 0, 0, 0, 3, 0, 5, 6, 7])),
        OperatorSample(
            vectorizer("IDF", skip: 0), [tokens], version: 9, reference: table([0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 5, 0, 7])),
    ]
}
