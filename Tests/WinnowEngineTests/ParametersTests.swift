import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Parameters are what was learned, whatever it is stored as.
@Suite struct ParametersTests {
    private let weight = Tensor((0..<12).map { Float($0 % 3) }, shape: [3, 4])

    /// x · W, W made from constants by `make`.
    private func product(_ make: (GraphBuilder) throws -> ValueName) throws -> Graph {
        let b = GraphBuilder("product")
        let x = try b.input("x", .float32, ["N", 3])
        return try b.graph(outputs: [b.add(MatMul(), x, make(b))])
    }

    private func zeros(_ graph: Graph) -> [Int] { [graph.weightSparsity.zeroCount, graph.weightSparsity.elementCount] }

    @Test func plainWeights() throws {
        let graph = try product { $0.constant("w", weight) }
        #expect(graph.parameterCount == 12 && zeros(graph) == [4, 12])
    }

    @Test func masksAreNoParametersButTheirZerosCount() throws {
        let mask = Tensor((0..<12).map { Float($0 < 6 ? 0 : 1) }, shape: [3, 4])
        var graph = try product { b in try b.add(Mul(), b.constant("w", weight), b.constant("m", mask), name: "masking") }
        #expect(graph.parameterCount == 12)
        let plain = try #require(graph.nodes.first { $0.op is Mul })
        var node = plain
        node.notes = .mask
        graph = try graph.applying(GraphEdit(replacing: [plain.name], with: [node]))
        #expect(graph.parameterCount == 12 && zeros(graph) == [8, 12])
    }

    /// Codes at their zero point are zeros, with one for all, one a channel, or one a block.
    @Test(arguments: [0, 1, 2]) func codesAtTheirZeroPointAreZeros(kind: Int) throws {
        let codes = Tensor([5, 1, 2, 5, 5, 5, 2, 7, 0, 1, 2, 3].map { Int8($0) }, shape: [3, 4])
        let (scale, points, count): (Tensor, Tensor, Int) = switch kind {
        case 0: (Tensor(scalar: Float(0.5)), Tensor(scalar: Int8(5)), 4)
        case 1: (Tensor([1, 1, 1, 1] as [Float]), Tensor([5, 5, 2, 7] as [Int8]), 7)
        default: (Tensor(repeating: Float(1), shape: [3, 2]), Tensor([5, 2, 5, 2, 0, 3] as [Int8], shape: [3, 2]), 7)
        }
        let graph = try product { b in
            try b.add(DequantizeLinear(axis: 1, blockSize: kind == 2 ? 2 : 0), b.constant("c", codes), b.constant("s", scale), b.constant("z", points))
        }
        #expect(graph.parameterCount == 12 && zeros(graph) == [count, 12])
    }

    @Test func palettesLookTheirZerosUp() throws {
        let codes = Tensor((0..<12).map { UInt8($0 % 4) }, shape: [3, 4])
        let graph = try product { b in
            let numbers = try b.add(DequantizeLinear(), b.constant("c", codes), b.constant("one", Tensor(scalar: Float(1))))
            return try b.add(Gather(), b.constant("t", Tensor([0.5, 0, -1, 0] as [Float])), b.add(Cast(to: .int32), numbers))
        }
        #expect(graph.parameterCount == 12 && zeros(graph) == [6, 12])
    }

    /// A table of 3 rows of 4 codes whose scales are looked up as they are, or stand for a column, whoever multiplies.
    @Test(arguments: ["rows", "columns", "shaped", "dequantized"]) func scalesOfLookedUpCodesAreNoParameters(kind: String) throws {
        let b = GraphBuilder("table")
        let places = try b.input("places", .int64, ["N"])
        func rows(_ table: ValueName) throws -> ValueName { try b.add(Gather(axis: 0), table, places) }
        let codes = try rows(b.constant("codes", Tensor((0..<12).map { Int8($0) }, shape: [3, 4])))
        let numbers = kind == "dequantized" ? codes : try b.add(Cast(to: .float32), codes)
        let y: ValueName = switch kind {
        case "columns": try b.add(Mul(), b.constant("s", Tensor([1, 2, 3, 4] as [Float])), numbers)
        case "rows": try b.add(Mul(), numbers, rows(b.constant("s", Tensor([1, 2, 3] as [Float], shape: [3, 1]))))
        case "shaped":
            try b.add(
                Mul(), b.add(Reshape(), numbers, b.constant("shape", Tensor([-1, 2, 2] as [Int64]))),
                b.add(Reshape(), rows(b.constant("s", Tensor([1, 2, 3] as [Float]))), b.constant("column", Tensor([-1, 1, 1] as [Int64]))))
        default: try b.add(DequantizeLinear(axis: 0), inputs: [numbers, rows(b.constant("s", Tensor([1, 2, 3] as [Float])))])[0]
        }
        #expect(try b.graph(outputs: [y]).parameterCount == 12)
    }

    /// A mask of bytes that is looked up beside a table leaves the table its numbers.
    @Test func tablesUnderMasksAreParameters() throws {
        let b = GraphBuilder("table")
        let places = try b.input("places", .int64, ["N"])
        let mask = b.constant("mask", Tensor((0..<12).map { UInt8($0 % 2) }, shape: [3, 4]))
        let factors = try b.add(Cast(to: .float32), b.add(Gather(axis: 0), mask, places))
        let y = try b.add(Mul(), b.add(Gather(axis: 0), b.constant("w", weight), places), factors)
        #expect(try b.graph(outputs: [y]).parameterCount == 24)
    }

    @Test func operatorsOnCodesKnowTheirZeroPoints() throws {
        let b = GraphBuilder("integers")
        let x = try b.input("x", .uint8, ["N", 3])
        let codes = Tensor([5, 1, 2, 5, 5, 5, 2, 7, 0, 1, 2, 3].map { Int8($0) }, shape: [3, 4])
        let sums = try b.add(
            MatMulInteger(), x, b.constant("w", codes), b.constant("a", Tensor(scalar: UInt8(128))), b.constant("z", Tensor(scalar: Int8(5))))
        let graph = try b.graph(outputs: [sums])
        #expect(graph.parameterCount == 12 && zeros(graph) == [4, 12])
    }

    /// Shapes, limits, ratios and single numbers are settings.
    @Test func settingsAreNoParameters() throws {
        let b = GraphBuilder("settings")
        var x = try b.input("x", .float32, ["N", 3])
        x = try b.add(Dropout(), x, b.constant("ratio", Tensor([0.5] as [Float])))
        x = try b.add(Clip(), x, b.constant("low", Tensor([0] as [Float])), b.constant("high", Tensor([6] as [Float])))
        x = try b.add(Mul(), x, b.constant("two", Tensor(scalar: Float(2))))
        x = try b.add(Reshape(), x, b.constant("shape", Tensor([-1, 3, 1, 1] as [Int64])))
        x = try b.add(Mul(), x, b.constant("learned", Tensor([1, 2, 3] as [Float], shape: [3, 1, 1])))
        #expect(try b.graph(outputs: [x]).parameterCount == 3)
    }

    /// What a file tells to be constants is not learned, but for what layers multiply with.
    @Test func constantsOfAFileAreNoParameters() throws {
        let b = GraphBuilder("constants")
        let x = try b.add(Mul(), b.input("x", .float32, ["N", 3]), b.constant("scale", Tensor([0.5] as [Float])))
        var graph = try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", weight))])
        #expect(graph.parameterCount == 13)
        for name in ["scale", "w"] { graph.metadata.valueNotes[name, default: ValueNotes()].tensor.isConstant = true }
        #expect(graph.parameterCount == 12)
    }

    @Test func tiedWeightsCountOnce() throws {
        let b = GraphBuilder("tied")
        let ids = try b.input("ids", .int64, ["N"])
        let table = b.constant("e", Tensor(zeros: [5, 3]))
        let rows = try b.add(Gather(), table, ids)
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.add(Transpose([1, 0]), table))])
        #expect(graph.parameterCount == 15)
    }
}
