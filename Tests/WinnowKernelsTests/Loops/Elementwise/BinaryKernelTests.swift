import Foundation
import Testing
import WinnowKernels
import WinnowTensor

@Suite struct BinaryKernelTests {
    static let shapes: [(Shape, Shape)] = [
        ([], []), ([7], []), ([], [7]), ([3, 4], [3, 4]), ([3, 4], [4]), ([3, 1], [1, 4]), ([2, 3, 4, 5], [3, 1, 1]),
        ([1], [2, 3]), ([2, 1, 4], [3, 1]), ([2, 3, 4, 5], [2, 1, 1, 5]), ([0, 3], [3]), ([1, 1], [1]), ([70_000, 2], [2]),
    ]

    static func reference(_ function: BinaryFunction, _ x: Double, _ y: Double) -> Double {
        switch function {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .power: pow(x, y)
        case .minimum: min(x, y)
        case .maximum: max(x, y)
        case .modulo: x - y * floor(x / y)
        case .remainder: fmod(x, y)
        case .equal: x == y ? 1 : 0
        case .less: x < y ? 1 : 0
        case .lessOrEqual: x <= y ? 1 : 0
        case .greater: x > y ? 1 : 0
        case .greaterOrEqual: x >= y ? 1 : 0
        case .parametricRelu: x < 0 ? x * y : x
        case .reluGradient: y > 0 ? x : 0
        case .sigmoidGradient: x * y * (1 - y)
        case .tanhGradient: x * (1 - y * y)
        case .squaredDifference: (x - y) * (x - y)
        default: .nan
        }
    }

    static let floatFunctions = BinaryFunction.allCases.filter { !reference($0, 1, 1).isNaN }

    static func broadcast(_ a: Tensor, _ b: Tensor, _ function: (Double, Double) -> Double) -> [Double] {
        let shape = a.shape.broadcast(with: b.shape)!
        let (x, y) = (a.doubles(), b.doubles())
        func pick(_ values: [Double], _ from: Shape, _ index: [Int]) -> Double {
            let tail = index.suffix(from.rank)
            return values[position(zip(tail, from).map { $1 == 1 ? 0 : $0 }, from)]
        }
        return (0..<shape.elementCount).map {
            let index = coordinates($0, shape)
            return function(pick(x, a.shape, index), pick(y, b.shape, index))
        }
    }

    @Test(arguments: floatFunctions, [ElementType.float32, .float64, .float16])
    func matchesLoop(function: BinaryFunction, type: ElementType) throws {
        var data = TestTensors(seed: 2)
        for (a, b) in Self.shapes {
            let x = (function == .power ? try UnaryKernel.apply(.absolute, data.normal(a)) : data.normal(a)).converted(to: type)
            let y = data.normal(b).converted(to: type)
            let expected = Self.broadcast(x, y) { Self.reference(function, $0, $1) }
            let rounded = Tensor(expected, shape: [expected.count], as: function.resultType(of: type)).doubles()
            let loose = function == .modulo || function == .remainder
            for (a, e) in zip(try BinaryKernel.apply(function, x, y).doubles(), rounded) where a != e && !(a.isNaN && e.isNaN) {
                #expect(abs(a - e) <= abs(e) * (type == .float16 ? 2e-3 : 1e-6) + (loose ? 1e-2 : 1e-6), "\(function) \(type)")
            }
        }
    }

    @Test(arguments: [BinaryFunction.subtract, .multiply, .less, .minimum, .divide, .modulo, .bitwiseXor, .shiftLeft])
    func integers(function: BinaryFunction) throws {
        let (x, y): ([Int32], [Int32]) = ([-7, 7, 0, .min, 5], [2, -2, 3, -1, 0])
        let expected: [Int32] =
            switch function {
            case .subtract: [-9, 9, -3, .min + 1, 5]
            case .multiply: [-14, -14, 0, .min, 0]
            case .less: [1, 0, 1, 1, 0]
            case .minimum: [-7, -2, 0, .min, 0]
            case .divide: [-3, -3, 0, .min, 0]
            case .modulo: [1, -1, 0, 0, 0]
            case .bitwiseXor: [-5, -7, 3, .max, 5]
            default: [-28, 0, 0, 0, 5]
            }
        let actual = try BinaryKernel.apply(function, Tensor(x), Tensor(y)).doubles()
        #expect(actual == expected.map(Double.init))
    }

    @Test func powersOfIntegersAreExact() throws {
        let x = Tensor([Int64(3), -2, 10, 2, -1, 5])
        let y = Tensor([Int64(4), 3, 18, -1, -3, 0])
        #expect(try BinaryKernel.apply(.power, x, y).elements(Int64.self) == [81, -8, 1_000_000_000_000_000_000, 0, -1, 1])
    }

    @Test func bools() throws {
        let (a, b) = (Tensor([true, true, false, false]), Tensor([true, false, true, false]))
        #expect(try BinaryKernel.apply(.and, a, b).elements(Bool.self) == [true, false, false, false])
        #expect(try BinaryKernel.apply(.or, a, b).elements(Bool.self) == [true, true, true, false])
        #expect(try BinaryKernel.apply(.xor, a, b).elements(Bool.self) == [false, true, true, false])
        #expect(try BinaryKernel.apply(.equal, a, b).elements(Bool.self) == [true, false, false, true])
    }

    @Test(arguments: [Shape([3, 1, 1]), [2, 3, 1, 1], [4, 5], [2, 3, 4, 5]]) func channelsLastGivesTheSame(b: Shape) throws {
        let a: Shape = [2, 3, 4, 5]
        var data = TestTensors(seed: 9)
        let (x, y) = (data.normal(a), data.normal(b))
        let expected = try BinaryKernel.apply(.subtract, x, y)
        let laid = try BinaryKernel.apply(
            .subtract, x.laid(out: .channelsLast), b.rank == 4 ? y.laid(out: .channelsLast) : y, layout: .channelsLast)
        #expect(laid.read(from: .channelsLast) == expected)
    }

    @Test(arguments: [true, false]) func worksInPlace(overwritesFirst: Bool) throws {
        var data = TestTensors(seed: 4)
        let (x, y) = (data.normal([3, 50]), data.normal([3, 50]))
        let expected = try BinaryKernel.apply(.subtract, x, y)
        let block = Block(x.shape)
        block.base.copyMemory(from: overwritesFirst ? x.pointer : y.pointer, byteCount: x.byteCount)
        let kernel = try BinaryKernel(.subtract, .float32, x.shape, y.shape)
        kernel.run(overwritesFirst ? UnsafeRawPointer(block.base) : x.pointer, overwritesFirst ? y.pointer : UnsafeRawPointer(block.base), to: block.base)
        #expect(Tensor(storage: block.storage, shape: x.shape, .float32) == expected)
    }

    @Test func selectPicks() throws {
        var data = TestTensors(seed: 6)
        let condition = Tensor([true, false, true], shape: [3, 1])
        let (a, b) = (data.normal([3, 4]), data.normal([2, 1, 4]))
        let kernel = try SelectKernel(condition: [3, 1], a.shape, b.shape, .float32)
        let actual = computed(condition, a, b, shape: kernel.shape, .float32) { kernel.run(condition: $0[0], $0[1], $0[2], to: $1) }
        #expect(kernel.shape == [2, 3, 4])
        for (index, value) in actual.floats().enumerated() {
            let c = coordinates(index, kernel.shape)
            #expect(value == (c[1] != 1 ? a.floats()[position([c[1], c[2]], [3, 4])] : b.floats()[position([c[0], c[2]], [2, 4])]))
        }
    }

    @Test(arguments: [VariadicKernel.Function.sum, .minimum, .maximum, .mean]) func variadic(function: VariadicKernel.Function) throws {
        var data = TestTensors(seed: 8)
        let tensors = [data.normal([4]), data.normal([3, 1]), data.normal([2, 3, 4])]
        let kernel = try VariadicKernel(function, .float32, tensors.map(\.shape))
        let actual = computed(tensors[0], tensors[1], tensors[2], shape: kernel.shape, .float32) { inputs, target in
            kernel.run({ inputs[$0] }, to: target)
        }
        let step: (Double, Double) -> Double =
            function == .minimum ? { min($0, $1) } : function == .maximum ? { max($0, $1) } : { $0 + $1 }
        let pair = Tensor(Self.broadcast(tensors[0], tensors[1], step), shape: [3, 4])
        expectClose(actual, Self.broadcast(pair, tensors[2], step).map { function == .mean ? $0 / 3 : $0 }, tolerance: 1e-6)
    }

    @Test func shapesThatDoNotMeetThrow() {
        #expect(throws: WinnowError.self) { try BinaryKernel(.add, .float32, [2, 3], [4]) }
        #expect(throws: WinnowError.self) { try BinaryKernel(.and, .float32, [2], [2]) }
    }
}
