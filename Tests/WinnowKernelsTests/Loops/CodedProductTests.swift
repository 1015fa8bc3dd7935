import Testing
import WinnowKernels
import WinnowTensor

/// Products with matrices of codes, against plain loops.
struct CodedProductTests {
    /// A matrix of random codes, and what its numbers are.
    private struct Sample {
        let matrix: CodedMatrix
        let codes: Tensor
        let scales: Tensor
        let zeros: Tensor?
        let table: Tensor?
        var zerosAreFloats: Bool { zeros?.elementType == .float32 }
        /// Column, row.
        let numbers: [[Double]]

        init(columns: Int, depth: Int, bits: Int, blockSize: Int, kind: Kind, generator: inout RandomGenerator) {
            let matrix = CodedMatrix(columns: columns, depth: depth, bits: bits, blockSize: blockSize)
            let count = 1 << bits
            let codes = (0..<(columns * depth)).map { _ in UInt8(generator.next() % UInt64(count)) }
            let places = columns * matrix.blockCount
            let scales = (0..<places).map { _ in Float.random(in: 0.1...1, using: &generator) }
            let whole = (0..<places).map { _ in Float(Int.random(in: 0..<count, using: &generator)) }
            let zeros: [Float] = switch kind {
            case .centred, .table: [Float](repeating: Float(count / 2), count: places)
            case .whole: whole
            case .real: whole.map { $0 + 0.3 }
            }
            let table = (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
            self.matrix = matrix
            self.codes = codes.withUnsafeBytes { bytes in
                bytes.baseAddress.map { matrix.packed($0, storedBits: 8, rowStride: 1, columnStride: depth) } ?? Tensor(codes)
            }
            func place(_ column: Int, _ block: Int) -> Int { column * matrix.blockCount + block }
            self.scales = matrix.packed { scales[place($0, $1)] }
            self.zeros = switch kind {
            case .centred, .table: nil
            case .whole: matrix.packed { Int8(zeros[place($0, $1)] - Float(count / 2)) }
            case .real: matrix.packed { zeros[place($0, $1)] - Float(count / 2) }
            }
            self.table = kind == .table ? Tensor(table) : nil
            numbers = (0..<columns).map { column in
                (0..<depth).map { row in
                    let (code, own) = (codes[column * depth + row], place(column, row / matrix.blockSize))
                    return kind == .table ? Double(table[Int(code)] * scales[own]) : Double((Float(code) - zeros[own]) * scales[own])
                }
            }
        }
    }

    private enum Kind: CaseIterable { case centred, whole, real, table }

    /// How a product is computed.
    private enum Way { case keeping(CodedProductKernel.Way, CodedProductKernel.Precision), decoded }

    /// The largest difference, in parts of the sum of magnitudes.
    private func error(_ sample: Sample, rows: Int, _ way: Way, hasBias: Bool, generator: inout RandomGenerator) throws -> Double? {
        let (columns, depth) = (sample.matrix.columns, sample.matrix.depth)
        let data = (0..<(rows * depth)).map { _ in Float.random(in: -2...2, using: &generator) }
        let bias = (0..<columns).map { _ in Float.random(in: -2...2, using: &generator) }
        let added = hasBias ? bias : nil
        let target: [Float]
        switch way {
        case .keeping(let way, let precision):
            let kernel = CodedProductKernel(
                sample.matrix, rows: rows, precision: precision, hasTable: sample.table != nil,
                zerosAreFloats: sample.zerosAreFloats, way: way)
            guard let kernel else { return nil }
            target = run(kernel, sample, data, rows: rows, bias: added)
        case .decoded: target = try decoded(sample, data, rows: rows, bias: added)
        }
        var worst = 0.0
        for row in 0..<rows {
            for column in 0..<columns {
                var (sum, magnitude) = (hasBias ? Double(bias[column]) : 0, 1e-6)
                for k in 0..<depth {
                    let product = Double(data[row * depth + k]) * sample.numbers[column][k]
                    sum += product
                    magnitude += product.magnitude
                }
                worst = max(worst, (sum - Double(target[row * columns + column])).magnitude / magnitude)
            }
        }
        return worst
    }

    private func run(_ kernel: CodedProductKernel, _ sample: Sample, _ data: [Float], rows: Int, bias: [Float]?) -> [Float] {
        run(sample, data, rows: rows, bias: bias, scratchByteCount: kernel.scratchByteCount) { left, matrix, bias, target, scratch in
            kernel.run(left: left, matrix, bias: bias, target: target, scratch: scratch)
        }
    }

    private func decoded(_ sample: Sample, _ data: [Float], rows: Int, bias: [Float]?) throws -> [Float] {
        let kernel = try DecodedProductKernel(
            sample.matrix, rows: rows, hasBias: bias != nil, zerosAreFloats: sample.zerosAreFloats)
        return try run(sample, data, rows: rows, bias: bias, scratchByteCount: kernel.scratchByteCount) { left, matrix, bias, target, scratch in
            try kernel.run(left: left, matrix, bias: bias, target: target, scratch: scratch)
        }
    }

    private func run(
        _ sample: Sample, _ data: [Float], rows: Int, bias: [Float]?, scratchByteCount: Int,
        _ multiply: (UnsafeRawPointer, CodedProductKernel.Operand, UnsafeRawPointer?, UnsafeMutableRawPointer, UnsafeMutableRawPointer) throws
            -> Void
    ) rethrows -> [Float] {
        var target = [Float](repeating: .nan, count: rows * sample.matrix.columns)
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: max(64, scratchByteCount), alignment: 64)
        defer { scratch.deallocate() }
        func base(_ tensor: Tensor) -> UnsafeRawPointer { UnsafeRawPointer(tensor.memory.storage.base + tensor.memory.byteOffset) }
        try data.withUnsafeBytes { left in
            try target.withUnsafeMutableBytes { to in
                try (bias ?? [0]).withUnsafeBytes { added in
                    let matrix = CodedProductKernel.Operand(
                        codes: base(sample.codes), scales: base(sample.scales), zeros: sample.zeros.map(base), table: sample.table.map(base))
                    try multiply(left.baseAddress!, matrix, bias == nil ? nil : added.baseAddress, to.baseAddress!, scratch)
                }
            }
        }
        return withExtendedLifetime(sample) { target }
    }

    @Test func agreesWithPlainLoops() throws {
        var generator = RandomGenerator(seed: 17)
        var taken: Set<String> = []
        for round in 0..<160 {
            let (bits, kind) = ([2, 4, 8][round % 3], Kind.allCases[round / 3 % 4])
            let columns = Int.random(in: 1...70, using: &generator), depth = Int.random(in: 1...400, using: &generator)
            let blockSize = [7, 16, 20, 32, 64, 128, 200, 500][Int.random(in: 0..<8, using: &generator)]
            let rows = Int.random(in: 1...19, using: &generator)
            let sample = Sample(columns: columns, depth: depth, bits: bits, blockSize: blockSize, kind: kind, generator: &generator)
            let what = "\(columns) × \(depth), \(bits) bits in \(blockSize), \(kind), \(rows) rows"
            let hasBias = round % 2 == 0
            let ways: [(Way, limit: Double)] = [
                (.keeping(.tiles, .exact), 6e-6), (.keeping(.digits, .exact), 3e-6), (.keeping(.digits, .bytes), 3e-2),
                (.keeping(.floats, .exact), 6e-6), (.decoded, 6e-6),
            ]
            for (way, limit) in ways {
                guard let worst = try error(sample, rows: rows, way, hasBias: hasBias, generator: &generator) else { continue }
                #expect(worst < limit, "\(what), \(way)")
                taken.insert("\(way)")
            }
        }
        #expect(taken.count >= 2, "floats and decoded products are everywhere")
    }

    /// Several tiles of columns, the last one narrower, with the same bytes whatever the number of threads.
    @Test func decodesByTiles() throws {
        var generator = RandomGenerator(seed: 19)
        defer { ThreadCount.set(0) }
        for (bits, kind) in [(2, Kind.table), (4, .whole), (8, .real)] {
            let sample = Sample(columns: 403, depth: 1500, bits: bits, blockSize: 64, kind: kind, generator: &generator)
            #expect(try #require(error(sample, rows: 40, .decoded, hasBias: true, generator: &generator)) < 6e-6, "\(bits) bits, \(kind)")
            let data = (0..<(40 * 1500)).map { _ in Float.random(in: -2...2, using: &generator) }
            let results = try [1, 2].map { threads in
                ThreadCount.set(threads)
                return try decoded(sample, data, rows: 40, bias: nil)
            }
            #expect(results[0] == results[1])
        }
    }

    /// What is not finite stays so, in its own row alone; very small and very large numbers keep their size.
    @Test(arguments: CodedProductKernel.Way.allCases) func keepsWhatIsNotFinite(_ way: CodedProductKernel.Way) {
        var generator = RandomGenerator(seed: 3)
        let sample = Sample(columns: 20, depth: 64, bits: 4, blockSize: 32, kind: .centred, generator: &generator)
        var data = [Float](repeating: 1, count: 4 * 64)
        data[3] = .nan
        data[64 + 5] = .infinity
        for index in 128..<192 { data[index] = 1e-25 }
        for index in 192..<256 { data[index] = 1e30 }
        guard let kernel = CodedProductKernel(sample.matrix, rows: 4, way: way) else { return }
        let result = run(kernel, sample, data, rows: 4, bias: nil)
        #expect(result[..<20].allSatisfy { $0.isNaN })
        #expect(result[20..<40].allSatisfy { !$0.isFinite })
        for column in 0..<20 {
            let sum = sample.numbers[column].reduce(0, +)
            #expect((Double(result[40 + column]) - sum * 1e-25).magnitude < 1e-29)
            #expect((Double(result[60 + column]) - sum * 1e30).magnitude < 1e26)
        }
    }

    /// The same bytes whatever the number of threads.
    @Test(arguments: CodedProductKernel.Way.allCases) func dependsOnNoThreads(_ way: CodedProductKernel.Way) {
        var generator = RandomGenerator(seed: 5)
        let sample = Sample(columns: 600, depth: 512, bits: 4, blockSize: 32, kind: .whole, generator: &generator)
        let data = (0..<(9 * 512)).map { _ in Float.random(in: -2...2, using: &generator) }
        defer { ThreadCount.set(0) }
        let results = [1, 2, 3].compactMap { threads -> [Float]? in
            ThreadCount.set(threads)
            return CodedProductKernel(sample.matrix, rows: 9, way: way).map { run($0, sample, data, rows: 9, bias: nil) }
        }
        #expect(results.isEmpty || results[0] == results[1] && results[0] == results[2])
    }
}
