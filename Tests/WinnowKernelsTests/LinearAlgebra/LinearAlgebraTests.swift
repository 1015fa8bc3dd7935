import Testing
import WinnowKernels
import WinnowTensor

@Suite struct LinearAlgebraTests {
    static let shapes = [[1, 1], [5, 5], [30, 7], [7, 30], [64, 64], [100, 1]]

    static func random(_ rows: Int, _ columns: Int, seed: UInt64 = 1) -> Matrix<Double> {
        var data = RandomGenerator(seed: seed)
        return Matrix((0..<(rows * columns)).map { _ in Double(data.normal()) }, rows: rows, columns: columns)
    }

    static func distance<T>(_ a: Matrix<T>, _ b: Matrix<T>) -> Double {
        zip(a.elements, b.elements).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }.squareRoot()
    }

    static func identity(_ n: Int) -> Matrix<Double> {
        var result = Matrix<Double>(zeros: n, n)
        for i in 0..<n { result[i, i] = 1 }
        return result
    }

    @Test(arguments: shapes) func singularValuesRebuildTheMatrix(shape: [Int]) throws {
        let a = Self.random(shape[0], shape[1])
        let svd = try SingularValueDecomposition(a)
        let (left, right) = svd.factors(rank: .max)
        #expect(Self.distance(left * right, a) < 1e-10)
        #expect(svd.values == svd.values.sorted(by: >))
        let rank = min(shape[0], shape[1])
        #expect(Self.distance(svd.left.transposed * svd.left, Self.identity(rank)) < 1e-10)
        #expect(Self.distance(svd.right * svd.right.transposed, Self.identity(rank)) < 1e-10)
    }

    /// Eckart–Young: the squared error of the best matrix of rank r is the sum of the squared values left out.
    @Test(arguments: [1, 3, 6, 7]) func truncationErrorIsTheTail(rank: Int) throws {
        let a = Self.random(30, 7)
        let single = Matrix(a.elements.map { Float($0) }, rows: 30, columns: 7)
        let svd = try SingularValueDecomposition(single)
        let (left, right) = svd.factors(rank: rank)
        let tail = svd.values.dropFirst(rank).reduce(0) { $0 + Double($1) * Double($1) }
        let error = Self.distance(left * right, single)
        #expect(abs(error * error - tail) <= 1e-5 * tail + 1e-9)
    }

    @Test func rankByEnergy() throws {
        let svd = try SingularValueDecomposition(Matrix<Double>([4, 0, 0, 0, 2, 0, 0, 0, 1], rows: 3, columns: 3))
        #expect([0.0, 0.7, 16.0 / 21, 0.9, 20.0 / 21, 0.99, 1].map { svd.spectrum.rank(energy: $0) } == [0, 1, 1, 2, 2, 3, 3])
    }

    @Test(arguments: [1, 2, 20]) func choleskySolvesAndInverts(n: Int) throws {
        let x = Self.random(n + 3, n)
        let a = x.transposed * x
        let factor = try CholeskyFactor(a)
        #expect(Self.distance(factor.lower * factor.lower.transposed, a) < 1e-9)
        #expect(Self.distance(a * (try factor.inverse()), Self.identity(n)) < 1e-6)
        let right = Self.random(n, 2, seed: 5)
        #expect(Self.distance(a * (try factor.solve(right)), right) < 1e-6)
        #expect(Self.distance(try factor.lower.triangularInverse(lower: true) * factor.lower, Self.identity(n)) < 1e-8)
    }

    @Test func indefiniteAndNotANumberThrow() {
        #expect(throws: WinnowError.self) { try CholeskyFactor(Matrix<Double>([1, 2, 2, 1], rows: 2, columns: 2)) }
        #expect(throws: WinnowError.self) { try SingularValueDecomposition(Matrix<Float>([.nan, 0, 0, 1], rows: 2, columns: 2)) }
        #expect(throws: WinnowError.self) { try Matrix<Double>([0, 0, 0, 1], rows: 2, columns: 2).triangularInverse(lower: false) }
    }

    @Test func eigenvectorsDiagonalize() throws {
        let x = Self.random(12, 12)
        let a = x * x.transposed
        let eigen = try SymmetricEigen(a)
        var scaled = eigen.vectors
        for row in 0..<12 { for column in 0..<12 { scaled[row, column] *= eigen.values[column] } }
        #expect(Self.distance(scaled * eigen.vectors.transposed, a) < 1e-9)
        #expect(eigen.values == eigen.values.sorted())
    }

    @Test(arguments: [[20, 6], [6, 20], [6, 6]]) func leastSquaresMeetTheNormalEquations(shape: [Int]) throws {
        let (a, b) = (Self.random(shape[0], shape[1]), Self.random(shape[0], 3, seed: 9))
        let x = try a.leastSquares(b)
        #expect(x.rows == shape[1] && x.columns == 3)
        #expect(Self.distance(a.transposed * (a * x), a.transposed * b) < 1e-8)
    }

    @Test func orthonormalBasisSpansTheColumns() throws {
        let a = Self.random(20, 6)
        let q = try a.orthonormalBasis()
        #expect(Self.distance(q.transposed * q, Self.identity(6)) < 1e-10)
        #expect(Self.distance(q * (q.transposed * a), a) < 1e-9)
    }
}
