import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct ShapeArithmeticTests {
    /// Shape → Gather → Unsqueeze → Concat → Reshape, as exporters write a flatten, keeps the batch symbolic.
    @Test func anExportedFlattenKeepsTheBatchSymbol() throws {
        let b = GraphBuilder("flatten")
        let x = try b.input("x", .float32, ["N", 50, 4, 4])
        let shape = try b.add(ShapeOf(), x)
        let batch = try b.add(Gather(), shape, b.constant("zero", Tensor(scalar: Int64(0))))
        let vector = try b.add(Unsqueeze(), batch, b.constant("axis", Tensor([Int64(0)])))
        let target = try b.add(Concat(axis: 0), vector, b.constant("rest", Tensor([Int64(-1)])))
        let y = try b.add(Reshape(), x, target)
        #expect(b.info(of: y)?.extents == ["N", 800])
    }

    @Test func aSliceOfAShapeIsEvaluated() throws {
        let b = GraphBuilder("slice")
        let x = try b.input("x", .float32, ["N", 3, 8, 8])
        let shape = try b.add(ShapeOf(), x)
        let tail = try b.add(
            Slice(), shape, b.constant("start", Tensor([Int64(2)])), b.constant("end", Tensor([Int64(4)])))
        #expect(b.info(of: tail)?.integers == [8, 8])
        let head = try b.add(Slice(starts: [0], ends: [2]), shape)
        let y = try b.add(Reshape(), x, b.add(Concat(axis: 0), head, b.constant("rest", Tensor([Int64(64)]))))
        #expect(b.info(of: y)?.extents == ["N", 3, 64])
    }

    /// The width of a flatten however it is computed.
    @Test(arguments: ["product", "size", "where", "largest", "least", "float"]) func widthsAreNumbers(_ way: String) throws {
        let b = GraphBuilder("width")
        let x = try b.input("x", .float32, ["N", 50, 4, 4])
        func number(_ value: Int) -> ValueName { b.constant("number", Tensor([Int64(value)])) }
        let shape = try b.add(ShapeOf(), x)
        let product = try b.add(ReduceProd(), b.add(Slice(starts: [1], ends: [4]), shape))
        let width = switch way {
        case "size": try b.add(Div(), b.add(SizeOf(), x), b.add(Gather(), shape, number(0)))
        case "where": try b.add(Where(), b.add(Greater(), product, number(0)), product, number(-1))
        case "largest": try b.add(Max(), product, number(1))
        case "least": try b.add(Min(), product, number(1 << 40))
        case "float": try b.add(Cast(to: .int64), b.add(ReduceProd(), b.add(Cast(to: .float32), b.add(Slice(starts: [1], ends: [4]), shape))))
        default: product
        }
        #expect(b.info(of: width)?.integers == [800])
    }

    /// Products are kept as such, so that what divides them is found again; sums are not.
    @Test func productsOfExtentsDivide() throws {
        let b = GraphBuilder("products")
        let x = try b.input("x", .float32, ["N", "T", 6])
        let y = try b.input("y", .float32, ["2*T+1", 3])
        let rows = try b.add(Reshape(), x, b.constant("rows", Tensor([Int64(-1), 6])))
        #expect(b.info(of: rows)?.extents == ["N*T", 6])
        let back = try b.add(Concat(axis: 0), b.add(ShapeOf(end: 1), x), b.constant("rest", Tensor([Int64(-1), 6])))
        #expect(b.info(of: try b.add(Reshape(), rows, back))?.extents == ["N", "T", 6])
        #expect(b.info(of: try b.add(Flatten(axis: 0), x))?.extents == [1, "6*N*T"])
        #expect(b.info(of: try b.add(Flatten(axis: 0), y))?.extents == [1, .unknown])
    }

    static let targets: [(target: [Int], expected: [Extent])] = [
        ([0, -1], ["N", 800]), ([-1, 800], ["N", 800]), ([0, 0, 16], ["N", 50, 16]), ([-1], ["800*N"]),
    ]

    @Test(arguments: targets)
    func reshapeResolvesWhatItCan(_ target: [Int], _ expected: [Extent]) throws {
        let b = GraphBuilder("reshape")
        let x = try b.input("x", .float32, ["N", 50, 4, 4])
        let y = try b.add(Reshape(), x, b.constant("shape", Tensor(target.map { Int64($0) })))
        #expect(b.info(of: y)?.extents == expected)
    }

    @Test func aReshapeThatDoesNotFitIsRefused() throws {
        let b = GraphBuilder("reshape")
        let x = try b.input("x", .float32, [2, 3])
        #expect(throws: WinnowError.self) {
            try b.add(Reshape(), x, b.constant("shape", Tensor([Int64(4), 2])))
        }
        #expect(throws: WinnowError.self) {
            try b.add(Reshape(), x, b.constant("shape", Tensor([Int64(4), -1])))
        }
    }

    /// Merged axes are products, in order; equal extents stay the same axis.
    @Test func regroupingNamesEqualGroups() {
        let merged = AxisMap.regrouped(["N", 50, 4, 4], into: ["N", 800])
        #expect(merged == "abcd, . -> a(bcd)")
        #expect(AxisMap.regrouped(["N", 800], into: ["N", 50, 16]) == "a(bc), . -> abc")
        #expect(AxisMap.regrouped([6, 4], into: [4, 6]) == ".., . -> ..")
    }

    /// Axes are cut where both shapes have a boundary; what comes last may be open on one side.
    @Test func regroupingCutsAxesIntoCommonPieces() {
        #expect(AxisMap.regrouped(["N", 64, 8, 8], into: ["N", 32, 128]) == "a(bc)de, . -> ab(cde)")
        #expect(AxisMap.regrouped(["N", 64, "H", "W"], into: ["N", 32, .unknown]) == "a(bc)de, . -> ab(cde)")
        #expect(AxisMap.regrouped(["N", "S", 16], into: [.unknown, 16]) == "bca, . -> (bc)a")
        #expect(AxisMap.regrouped([.unknown, 16], into: ["N", "S", 2, 8]) == "(cd)(ba), . -> cdba")
        #expect(AxisMap.regrouped([2, 8, 1, 1], into: [2, 8]) == "ab11, . -> ab")
        #expect(AxisMap.regrouped([12, 5], into: [4, 15]) == "(ab)c, . -> a(bc)")
        #expect(AxisMap.regrouped([2, 4, 15], into: [12, 5, 2]) == "..., . -> ...")
        #expect(AxisMap.regrouped([6, "N", 16], into: [6, "4*N", 4]) == "ab(cd), . -> a(bc)d")
        #expect(AxisMap.regrouped([6, "4*N", 4], into: ["6*N", 16]) == "a(bc)d, . -> (ab)(cd)")
    }

    private func known(_ build: (GraphBuilder, ValueName) throws -> ValueName) throws -> [Extent]? {
        let b = GraphBuilder("shapes")
        return b.info(of: try build(b, b.input("x", .int64, ["N", "S"])))?.extents
    }

    private func list(_ b: GraphBuilder, _ values: [Int]) -> ValueName { b.constant("list", Tensor(values.map { Int64($0) })) }

    /// Token types and positions, as exporters of transformers write them.
    @Test func openExtentsAreFollowedThroughShapeArithmetic() throws {
        let expanded = try known { b, x in
            let shape = try b.add(Mul(), b.add(ShapeOf(), x), list(b, [1, 1]))
            return try b.add(Expand(), b.constant("zero", Tensor([Int64(0)], shape: [1, 1])), shape)
        }
        #expect(expanded == ["N", "S"])
        let chosen = try known { b, x in
            let shape = try b.add(Concat(axis: 0), b.add(ShapeOf(), x), list(b, [8]))
            let isFree = try b.add(Equal(), shape, list(b, [-1]))
            return try b.add(ConstantOfShape(Tensor([Float(0)])), b.add(Where(), isFree, list(b, [1]), shape))
        }
        #expect(chosen == ["N", "S", 8])
        let positions = try known { b, x in
            let length = try b.add(Gather(), b.add(ShapeOf(), x), b.constant("one", scalar: Int64(1)))
            return try b.add(NumberRange(), b.constant("zero", scalar: Int64(0)), length, b.constant("step", scalar: Int64(1)))
        }
        #expect(positions == ["S"])
    }

    /// What is computed is unknown; that it is there is known, and so are its neighbours.
    @Test func ranksOutliveUnknownElements() throws {
        let doubled = try known { b, x in
            let more = try b.add(Add(), b.add(ShapeOf(), x), list(b, [0, 2]))
            return try b.add(ConstantOfShape(Tensor([Float(0)])), b.add(Concat(axis: 0), more, list(b, [8])))
        }
        #expect(doubled == ["N", .unknown, 8])
        let rankless = ValueInfo(.float32, nil)
        #expect(try Transpose([0, 2, 1]).outputs(for: [rankless])[0].rank == 3)
        #expect(try Gemm().outputs(for: [rankless, ValueInfo(.float32, [4, 8])])[0].extents == [.unknown, 8])
        #expect(try CastLike().outputs(for: [ValueInfo(.int64, [3]), rankless])[0].type == ValueType(.float32, [3]))
        #expect(try MatMulIntegerToFloat().outputs(for: [ValueInfo(.uint8, nil), ValueInfo(.int8, [4, 8])])[0].elementType == .float32)
        #expect(try Bernoulli(target: .int32).outputs(for: [rankless])[0].elementType == .int32)
    }

    /// Extents without a name are followed as those with one; users see neither a name nor a number.
    @Test func extentsWithoutNamesAreToldApart() throws {
        let b = GraphBuilder("nameless")
        let x = try b.input("x", .float32, [.unknown, 4, 6])
        let other = try b.input("other", .float32, [.unknown, 4, 6])
        func flattened(_ value: ValueName, as source: ValueName) throws -> ValueName {
            let batch = try b.add(Slice(starts: [0], ends: [1]), b.add(ShapeOf(), source))
            return try b.add(Reshape(), value, b.add(Concat(axis: 0), batch, b.constant("rest", Tensor([Int64(-1)]))))
        }
        let (own, foreign) = (try flattened(x, as: x), try flattened(x, as: other))
        let rows = try b.add(Reshape(), x, b.constant("rows", Tensor([Int64(-1), 6])))
        let back = try b.add(Concat(axis: 0), b.add(ShapeOf(end: 1), x), b.constant("parts", Tensor([Int64(-1), 6])))
        let whole = try b.add(Reshape(), rows, back)
        let places = try b.add(NonZero(), x)
        let listed = try b.add(Reshape(), places, b.add(Concat(axis: 0), b.constant("one", Tensor([Int64(-1)])), b.add(ShapeOf(start: 1), places)))
        let graph = try b.graph(outputs: [own, foreign, whole, listed])
        #expect(graph.type(of: own)?.extents == [.unknown, 24])
        #expect(graph.type(of: foreign)?.extents == [.unknown, .unknown])
        #expect(graph.type(of: whole)?.extents == [.unknown, 4, 6])
        #expect(graph.type(of: listed)?.extents == [3, .unknown])
        #expect(graph.infos[rows]?.type.description == "float32[?, 6]")
        #expect(graph.infos[own]?.extents?[0] == graph.infos[x]?.extents?[0])
        #expect(graph.infos[other]?.extents?[0] != graph.infos[x]?.extents?[0])
    }

    /// What branches read around them tells what they give; where they disagree, nothing is known.
    @Test func branchesAgreeOnExtents() throws {
        func extents(_ transposes: Bool) throws -> [Extent]? {
            let b = GraphBuilder("branches")
            let x = try b.input("x", .float32, ["N", 4, .unknown])
            let condition = try b.input("condition", .bool, [])
            let w = b.constant("w", Tensor(zeros: [5, 4]))
            func branch(_ op: any Operator, _ inputs: [ValueName], _ last: any Operator) throws -> Graph {
                try Graph(
                    name: "branch", inputs: [], outputs: ["result"],
                    nodes: [Node(name: "a", op: op, inputs: inputs, outputs: ["h"]), Node(name: "b", op: last, inputs: ["h"], outputs: ["result"])],
                    captures: Dictionary(uniqueKeysWithValues: inputs.map { ($0, .unknown) }))
            }
            let other = try branch(MatMul(), [w, x], transposes ? Transpose([0, 2, 1]) : Relu())
            let y = try b.add(If(then: branch(MatMul(), [w, x], Tanh()), else: other), condition)
            let same = try b.add(Equal(), b.add(ShapeOf(start: 2), x), b.add(ShapeOf(start: 2), y))
            let graph = try b.graph(outputs: [y, same])
            #expect((graph.infos[same]?.constant?.doubles() == [1]) != transposes, "an extent without a name goes through")
            return graph.type(of: y)?.extents
        }
        #expect(try extents(false) == ["N", 5, .unknown])
        #expect(try extents(true) == ["N", .unknown, .unknown])
    }

    /// Where some bounds are computed, the other axes keep their extents, and what is known of the same axis counts.
    @Test(arguments: [nil, [1, 2]] as [[Int]?]) func slicesKeepWhatTheyDoNotCut(axes: [Int]?) throws {
        let b = GraphBuilder("slices")
        let x = try b.input("x", .float32, ["N", 8, 6, 5])
        let start = try b.input("start", .int64, [1])
        let first = axes == nil ? [b.constant("first", Tensor([Int64(0)]))] : []
        func list(_ name: String, _ last: Int) throws -> ValueName {
            try b.add(Concat(axis: 0), inputs: first + [start, b.constant(name, Tensor([Int64(last)]))])[0]
        }
        let inputs = try [x, list("starts", 1), list("ends", 4)] + (axes.map { [b.constant("axes", Tensor($0.map { Int64($0) }))] } ?? [])
        let y = try b.add(Slice(), inputs: inputs)[0]
        #expect(b.info(of: y)?.extents == [axes == nil ? .unknown : "N", .unknown, 3, 5])
        let map = Slice().axes(for: inputs.map { b.info(of: $0) })
        #expect(map.inputs[0][3] == map.outputs[0][3] && map.inputs[0][3] != .opaque)
        #expect(map.inputs[0][1] == .opaque && map.inputCounts.isEmpty)
    }
}

extension AxisMap {
    static func regrouped(_ source: [Extent], into target: [Extent]) -> String {
        let shape = ValueInfo(.int64, [.fixed(target.count)])
        var known = shape
        known.symbolicElements = target
        return Reshape().axes(for: [ValueInfo(.float32, source), known]).description
    }
}
