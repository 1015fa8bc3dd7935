import Testing
import WinnowGraph
import WinnowKernels
import WinnowTensor
@testable import WinnowPasses

/// What ranks are chosen, and what decompositions of matrices and filters leave, as factors.json has it.
struct RankTests {
    private struct Known: Decodable {
        struct Noisy: Decodable { var rows, columns, rank, kept: Int }
        struct Tucker: Decodable { var filter: String; var ranks: [Int]; var error: Double }
        struct Truncated: Decodable { var rank: Int; var error: Double }
        var evbmf: [Noisy]
        var tucker: [Tucker]
        var truncated: [Truncated]
    }

    private static func matrix(_ rows: Int, _ columns: Int, _ a: Int, _ b: Int, _ c: Int) -> Matrix<Double> {
        Matrix(formulaNumbers(rows, columns, a, b, c), rows: rows, columns: columns)
    }

    private static func noisy(_ rows: Int, _ columns: Int, rank: Int) -> Matrix<Double> {
        let product = matrix(rows, rank, 17, 29, 5) * matrix(rank, columns, 23, 31, 3)
        let noise = matrix(rows, columns, 7919, 7907, 31)
        return Matrix(zip(product.elements, noise.elements).map { $0 + 0.1 * $1 }, rows: rows, columns: columns)
    }

    private static func single(_ matrix: Matrix<Double>) -> Matrix<Float> {
        Matrix(matrix.elements.map { Float($0) }, rows: matrix.rows, columns: matrix.columns)
    }

    @Test func variationalBayesFindsWhatStandsOutOfNoise() throws {
        for known in try fixture("factors", as: Known.self).evbmf {
            let matrix =
                known.rank > 0
                ? Self.noisy(known.rows, known.columns, rank: known.rank)
                : Self.matrix(known.rows, known.columns, 7919, 7907, 31)
            for scale in [1.0, 1e-3, 1e3] {
                let scaled = Matrix(matrix.elements.map { $0 * scale }, rows: matrix.rows, columns: matrix.columns)
                let spectrum = try SingularValueDecomposition(scaled).spectrum
                #expect(VariationalBayesRank.rank(of: spectrum) == known.kept, "\(known) × \(scale)")
            }
        }
        let exact = Matrix<Double>(zeros: 5, 4)
        #expect(VariationalBayesRank.rank(of: try SingularValueDecomposition(exact).spectrum) == 0)
    }

    @Test func truncationIsNumPys() throws {
        let weight = Self.single(Self.matrix(16, 90, 523, 6007, 91))
        for known in try fixture("factors", as: Known.self).truncated {
            let (left, right) = try MatrixFactors(weight)(known.rank)
            let error = (weight - left * right).squareSum / weight.squareSum
            #expect(abs(error.squareRoot() - known.error) < 1e-5 * known.error)
        }
    }

    /// tensorly's error within 1e-4, and never more than that of the start.
    @Test func tuckerIsTensorlys() throws {
        for known in try fixture("factors", as: Known.self).tucker {
            let weight = Self.single(
                known.filter == "smooth" ? Self.noisy(12, 72, rank: 4) : Self.matrix(16, 90, 523, 6007, 91))
            let (byOutputs, byInputs) = (try MatrixFactors(weight), try MatrixFactors(weight.exchangingAxes(inner: 9)))
            let factors = try TuckerFactors(
                weight, outputs: byOutputs.basis(known.ranks[0]), inputs: byInputs.basis(known.ranks[1]))
            let total = weight.squareSum
            let error = max(0, 1 - factors.core.squareSum / total).squareRoot()
            #expect(error <= known.error + 1e-4, "\(known): \(error)")
            #expect(zip(factors.energies, factors.energies.dropFirst()).allSatisfy { $0 <= $1 })
            let basis = (factors.inputs * factors.core.exchangingAxes(inner: 9)).exchangingAxes(inner: 9)
            let rebuilt = (weight - factors.outputs * basis).squareSum / total
            #expect(abs(rebuilt.squareRoot() - error) < 1e-3)
        }
    }

    @Test(arguments: [1, 3, 8, 20]) func noSweepOfCanonicalFactorsRaisesTheError(rank: Int) throws {
        for taps in [[3, 3], [9], [1, 9]] {
            let weight = Self.single(Self.matrix(16, 90, 523, 6007, 91))
            let factors = try CanonicalFactors(weight, taps: taps, rank: rank, starts: [])
            #expect(zip(factors.errors, factors.errors.dropFirst()).allSatisfy { $0 >= $1 }, "\(factors.errors)")
            var error = 0.0
            for output in 0..<16 {
                for place in 0..<90 {
                    let own = (0..<rank).reduce(Float(0)) { sum, component in
                        var (product, rest) = (factors.factors[0][output, component], place)
                        for factor in factors.factors.dropFirst().reversed() {
                            product *= factor[rest % factor.rows, component]
                            rest /= factor.rows
                        }
                        return sum + product
                    }
                    error += Double((weight[output, place] - own) * (weight[output, place] - own))
                }
            }
            #expect(abs(error - (factors.errors.last ?? 0)) < 1e-3 * weight.squareSum)
        }
    }

    /// A tensor that is a sum of two products is found again.
    @Test func canonicalFactorsOfRankTwoAreExact() throws {
        let parts = [12, 8, 3, 3].enumerated().map { Self.matrix($1, 2, 17 + $0, 29, 5) }
        var weight = Matrix<Float>(zeros: 12, 72)
        for output in 0..<12 {
            for place in 0..<72 {
                weight[output, place] = (0..<2).reduce(Float(0)) { sum, component in
                    let inner = Float(
                        parts[1][place / 9, component] * parts[2][place / 3 % 3, component]
                            * parts[3][place % 3, component])
                    return sum + Float(parts[0][output, component]) * inner
                }
            }
        }
        let factors = try CanonicalFactors(weight, taps: [3, 3], rank: 2, starts: [MatrixFactors(weight).basis(2)])
        #expect((factors.errors.last ?? 1) < 1e-4 * weight.squareSum)
    }
}
