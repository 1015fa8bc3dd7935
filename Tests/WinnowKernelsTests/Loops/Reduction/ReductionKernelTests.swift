import Foundation
import Testing
import WinnowKernels
import WinnowTensor

@Suite struct ReductionKernelTests {
    static let cases: [(Shape, [Int])] = [
        ([], []), ([5], [0]), ([3, 4], [0]), ([3, 4], [1]), ([3, 4], [0, 1]), ([2, 3, 4, 5], [2, 3]), ([2, 3, 4, 5], [0, 2, 3]),
        ([2, 3, 4, 5], [1]), ([2, 3, 4, 5], [0, 2]), ([2, 3, 4, 5], [1, 3]), ([2, 3, 4, 5], []), ([1, 700, 1], [-2]),
        ([900, 3], [0]), ([900, 65], [0]), ([2, 40_000], [1]), ([1, 1, 1], [0, 1]), ([3, 0], [0]), ([0, 3], [0]),
    ]

    static func reference(_ function: ReductionFunction, _ values: [Double]) -> Double {
        switch function {
        case .sum: values.reduce(0, +)
        case .mean: values.reduce(0, +) / Double(values.count)
        case .maximum: values.max() ?? -.infinity
        case .minimum: values.min() ?? .infinity
        case .product: values.reduce(1, *)
        case .sumOfMagnitudes: values.reduce(0) { $0 + abs($1) }
        case .euclideanNorm: values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        case .sumOfSquares: values.reduce(0) { $0 + $1 * $1 }
        case .logSum: log(values.reduce(0, +))
        case .logSumExp: log(values.reduce(0) { $0 + exp($1) })
        }
    }

    static func groups(_ x: Tensor, _ axes: [Int], _ target: Shape) -> [[Double]] {
        var groups = [[Double]](repeating: [], count: target.elementCount)
        for (index, value) in x.doubles().enumerated() {
            groups[position(zip(coordinates(index, x.shape), target).map { $1 == 1 ? 0 : $0 }, target)].append(value)
        }
        return groups
    }

    @Test(arguments: ReductionFunction.allCases, [ElementType.float32, .float64, .bfloat16])
    func matchesLoop(function: ReductionFunction, type: ElementType) throws {
        var data = TestTensors(seed: 7)
        for (shape, axes) in Self.cases {
            for layout in shape.rank > 2 ? [Layout.rowMajor, .channelsLast] : [.rowMajor] {
                var x = data.normal(shape)
                if function == .logSum || function == .product { x = try UnaryKernel.apply(.absolute, x) }
                x = x.converted(to: type)
                let kernel = try ReductionKernel(function, type, shape, axes: axes, layout: layout)
                let actual = computed(x.laid(out: layout), shape: kernel.shape, type) { kernel.run(from: $0[0], to: $1) }
                    .read(from: layout).doubles()
                let groups = Self.groups(x, axes, kernel.shape)
                let expected = Tensor(groups.map { Self.reference(function, $0) }, shape: [groups.count], as: type).doubles()
                for (index, (a, e)) in zip(actual, expected).enumerated() where a != e && !(a.isNaN && e.isNaN) {
                    // Sums are exact relative to the sum of magnitudes.
                    let scale = abs(e) + (function == .sum || function == .mean ? Self.reference(.sumOfMagnitudes, groups[index]) : 0)
                    #expect(abs(a - e) <= (type == .bfloat16 ? 8e-3 : 1e-6) * scale, "\(function) \(shape) \(axes) \(layout)")
                }
            }
        }
    }

    @Test func longSumsKeepTheirDigits() throws {
        let x = Tensor(repeating: Float(0.1), shape: [4_000_000])
        let kernel = try ReductionKernel(.sum, .float32, x.shape)
        let total = computed(x, shape: [1], .float32) { kernel.run(from: $0[0], to: $1) }.floats()[0]
        #expect(abs(Double(total) - 4e6 * Double(Float(0.1))) < 0.5)
    }

    @Test func nanWins() throws {
        let x = Tensor([Float(1), .nan, 3, 2])
        for function in [ReductionFunction.maximum, .minimum, .sum] {
            let kernel = try ReductionKernel(function, .float32, [4])
            #expect(computed(x, shape: [1], .float32) { kernel.run(from: $0[0], to: $1) }.floats()[0].isNaN)
        }
    }

    @Test func integersReduce() throws {
        let x = Tensor([Int32(3), -4, 5, -6], shape: [2, 2])
        func reduced(_ function: ReductionFunction) throws -> [Int32]? {
            let kernel = try ReductionKernel(function, .int32, [2, 2], axes: [1])
            return computed(x, shape: [2], .int32) { kernel.run(from: $0[0], to: $1) }.elements(Int32.self)
        }
        #expect(try reduced(.sum) == [-1, -1])
        #expect(try reduced(.product) == [-12, -30])
        #expect(try reduced(.maximum) == [3, 5])
        #expect(try reduced(.minimum) == [-4, -6])
        #expect(try reduced(.sumOfMagnitudes) == [7, 11])
        #expect(try reduced(.euclideanNorm) == [5, 7])
        #expect(try reduced(.logSumExp) == [3, 5])
        #expect(try reduced(.sumOfSquares) == [25, 61])
    }

    @Test(arguments: [0, 1, 2], [true, false]) func argReductions(axis: Int, maximum: Bool) throws {
        var data = TestTensors(seed: 12)
        let x = data.integers([3, 4, 5], .uint8).converted(to: .float32)
        for selectsLast in [true, false] {
            let kernel = try ArgReductionKernel(maximum: maximum, .float32, x.shape, axis: axis, selectsLast: selectsLast)
            var target = x.shape
            target[axis] = 1
            let actual = computed(x, shape: target, .int64) { kernel.run(from: $0[0], to: $1.assumingMemoryBound(to: Int64.self)) }
            for (index, group) in Self.groups(x, [axis], target).enumerated() {
                let best = maximum ? group.max()! : group.min()!
                let expected = selectsLast ? group.lastIndex(of: best)! : group.firstIndex(of: best)!
                #expect(actual.integers()[index] == expected)
            }
        }
    }

    @Test func cumulativeSums() throws {
        let x = Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3])
        func sums(_ axis: Int, _ exclusive: Bool, _ reverse: Bool) throws -> [Float] {
            let kernel = try CumulativeKernel(.float32, x.shape, axis: axis, exclusive: exclusive, reverse: reverse)
            return computed(x, shape: x.shape, .float32) { kernel.run(from: $0[0], to: $1) }.floats()
        }
        #expect(try sums(1, false, false) == [1, 3, 6, 4, 9, 15])
        #expect(try sums(1, true, false) == [0, 1, 3, 0, 4, 9])
        #expect(try sums(1, false, true) == [6, 5, 3, 15, 11, 6])
        #expect(try sums(1, true, true) == [5, 3, 0, 11, 6, 0])
        #expect(try sums(0, false, false) == [1, 2, 3, 5, 7, 9])
    }
}
