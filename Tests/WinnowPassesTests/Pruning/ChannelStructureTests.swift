import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// What is not known is protected, and a sum over channels holds only for zeros.
struct ProtectionTests {
    private func protection(_ graph: Graph, _ value: String = "w1", _ axis: Int = 1) -> String? {
        CouplingGroups(graph).group(of: value, axis: axis)?.protection
    }

    @Test func behindAnUnknownOperatorNothingIsPruned() throws {
        let unknown = UnknownOperator(OperatorType("Oddity", domain: "org.nobody"), attributes: [:], version: 1)
        func graph(_ outputTypes: [ValueType?]) throws -> Graph {
            var op = unknown
            op.outputTypes = outputTypes
            return try Graph(
                name: "unknown", inputs: [GraphInput("x", ValueType(.float32, ["N", 6]))], outputs: ["y"],
                nodes: [
                    Node(name: "first", op: MatMul(), inputs: ["x", "w1"], outputs: ["h"]),
                    Node(name: "odd", op: op, inputs: ["h"], outputs: ["r"]),
                    Node(name: "sum", op: Add(), inputs: ["r", "b"], outputs: ["s"]),
                    Node(name: "last", op: MatMul(), inputs: ["s", "w2"], outputs: ["y"]),
                ],
                initializers: [("w1", TestModels.normal([6, 8])), ("b", TestModels.normal([8])), ("w2", TestModels.normal([8, 3]))])
        }
        for types in [[], [ValueType(.float32, ["N", 8])]] as [[ValueType?]] {
            let graph = try graph(types)
            for (value, axis) in [("w1", 1), ("b", 0), ("w2", 0), ("w2", 1)] { #expect(protection(graph, value, axis) != nil, "\(value)") }
            #expect(try StructuredPruning()(graph).graph.initializers == graph.initializers)
        }
    }

    /// Operators that Winnow knows but the standard does not are pruned through only where that is asked for.
    @Test func operatorsOutsideTheStandardAreLeftAloneUnlessAskedFor() throws {
        let graph = try network { b, h in try b.add(QuickGelu(), h, name: "gelu") }
        #expect(protection(graph)?.contains("outside the ONNX standard") == true)
        #expect(CouplingGroups(graph, standardOnly: false).group(of: "w1", axis: 1)?.protection == nil)
    }

    static let reductions: [(any Operator, keeps: Bool)] = [
        (ReduceSum(axes: [1]), false), (ReduceL1(axes: [1]), false), (ReduceL2(axes: [1]), false), (ReduceSumSquare(axes: [1]), false),
        (ReduceMean(axes: [1]), false), (ReduceMax(axes: [1]), false), (ReduceMin(axes: [1]), true), (ReduceProd(axes: [1]), true),
        (ReduceLogSumExp(axes: [1]), true), (Softmax(axis: 1), true), (LpNormalization(axis: 1, power: 2), true),
    ]

    @Test(arguments: reductions.indices)
    func reductionsOverChannelsHoldForSumsAndMeans(_ index: Int) throws {
        let (op, keeps) = Self.reductions[index]
        let graph = try network({ b, h in
            let reduced = try b.add(op, b.add(Relu(), h))
            return keeps && !(op is any ReductionOperator) ? reduced : try b.add(Mul(), h, reduced)
        })
        #expect((protection(graph) != nil) == keeps, "\(op.type)")
    }

    /// The mean of what is left may scale or shift what is left; where it tells anything else, it counts what is gone as zeros.
    @Test func aMeanThatIsReadElsewhereCountsWhatIsGone() throws {
        func mean(_ b: GraphBuilder, _ h: ValueName) throws -> ValueName { try b.add(ReduceMean(axes: [1]), h) }
        let widened = try network({ b, h in try b.add(Concat(axis: 1), mean(b, h), h) }, width: 9)
        try expectShrunkEqualsMasked(widened, smaller: ["w1", "w2"])
        let multiplied = try network({ b, h in try b.add(MatMul(), mean(b, h), b.constant("w3", TestModels.normal([1, 8]))) })
        try expectShrunkEqualsMasked(multiplied, smaller: ["w1"])
        let raised = try network({ b, h in try b.add(Concat(axis: 1), mean(b, b.add(Sigmoid(), h)), h) }, width: 9)
        #expect(protection(raised)?.contains("sums over it") == true)
        #expect(protection(try network { b, h in try b.add(Sub(), h, mean(b, h)) }) == nil)
    }

    /// The largest of numbers that are not negative is that of those that are not zero.
    @Test func theLargestOfWhatIsNotNegativeIsNotThatOfZeros() throws {
        func largest(_ middle: @escaping (GraphBuilder, ValueName) throws -> ValueName) throws -> Graph {
            try network({ b, h in try b.add(Concat(axis: 1), b.add(ReduceMax(axes: [1]), middle(b, h)), h) }, width: 9)
        }
        try expectShrunkEqualsMasked(largest { b, h in try b.add(Relu(), h) }, smaller: ["w1", "w2"])
        try expectShrunkEqualsMasked(largest { b, h in try b.add(Mul(), b.add(Relu(), h), b.add(Sigmoid(), h)) }, smaller: ["w1", "w2"])
        #expect(protection(try largest { $1 })?.contains("computes over all of this axis") == true)
        #expect(protection(try largest { b, h in try b.add(LeakyRelu(), h) }) != nil)
        #expect(protection(try largest { b, h in try b.add(Sigmoid(), h) })?.contains("sums over it") == true)
    }

    /// Zeros arrive through Relu and Tanh, not through Exp, Sigmoid or an addition of what all channels share.
    @Test func aSumOverWhatIsNotZeroIsProtected() throws {
        func summed(_ middle: @escaping (GraphBuilder, ValueName) throws -> ValueName) throws -> String? {
            protection(try network { b, h in try b.add(Mul(), h, b.add(ReduceSum(axes: [1]), middle(b, h))) })
        }
        #expect(try summed { b, h in try b.add(Tanh(), h) } == nil)
        #expect(try summed { b, h in try b.add(Mul(), h, b.constant("scale", TestModels.normal([8]))) } == nil)
        #expect(try summed { b, h in try b.add(Add(), h, b.constant("shift", TestModels.normal([8]))) } == nil)
        #expect(try summed { b, h in try b.add(Div(), h, b.constant("divisor", TestModels.normal([8]))) } == nil)
        #expect(try summed { b, h in try b.add(Exp(), h) }?.contains("sums over it") == true)
        #expect(try summed { b, h in try b.add(Sigmoid(), h) } != nil)
        #expect(try summed { b, h in try b.add(Add(), h, b.constant("one", scalar: Float(1))) } != nil)
        #expect(try summed { b, h in try b.add(Sub(), b.constant("one", scalar: Float(1)), h) } != nil)
    }

    /// A number of channels that becomes a divisor must not change; one that becomes a shape may.
    @Test func aNumberOfChannelsThatIsComputedWithIsProtected() throws {
        let divided = try network { b, h in
            let width = try b.add(Gather(), b.add(ShapeOf(), h), b.constant("one", Tensor([Int64(1)])))
            return try b.add(Div(), h, b.add(Cast(to: .float32), width))
        }
        #expect(protection(divided)?.contains("computes with its number") == true)
        let shaped = try network { b, h in
            let ones = try b.add(ConstantOfShape(Tensor([Float(1)])), b.add(ShapeOf(), h))
            return try b.add(Add(), h, ones)
        }
        #expect(protection(shaped) == nil)
    }
}

/// Removing channels is setting them to zero, whatever carries their number.
struct ChannelStructureTests {
    @Test(arguments: [[-1, 8], [0, 8], [0, -1], [-1, 4, 2], [0, 2, -1]])
    func constantTargetsFollow(_ target: [Int]) throws {
        let graph = try network { b, h in
            let shaped = try b.add(Reshape(), h, b.constant("target", Tensor(target.map { Int64($0) })))
            return target.count == 2 ? shaped : try b.add(Flatten(), shaped)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
    }

    @Test func targetsReadFromShapesFollow() throws {
        let graph = try network { b, h in
            let batch = try b.add(Gather(), b.add(ShapeOf(), h), b.constant("zero", Tensor([Int64(0)])))
            let target = try b.add(Concat(axis: 0), batch, b.constant("parts", Tensor([Int64(4), 2])))
            return try b.add(Reshape(), b.add(Reshape(), h, target), b.add(ShapeOf(), h))
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
    }

    /// The width of a flatten is a number, whatever arithmetic on the shape gives it.
    @Test(arguments: ["product", "size"]) func computedWidthsFollow(_ way: String) throws {
        let graph = try network { b, h in
            let image = try b.add(Reshape(), h, b.constant("image", Tensor([Int64(0), 8, 1, 1])))
            let shape = try b.add(ShapeOf(), image)
            let batch = try b.add(Gather(), shape, b.constant("zero", Tensor([Int64(0)])))
            let width = try way == "size" ? b.add(Div(), b.add(SizeOf(), image), batch)
                : b.add(ReduceProd(), b.add(Slice(starts: [1], ends: [4]), shape))
            return try b.add(Reshape(), image, b.add(Concat(axis: 0), batch, width))
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
    }

    @Test func splitsSlicesAndConcatenationsFollow() throws {
        let split = try network({ b, h in
            let parts = try b.add(Split(axis: 1), inputs: [h, b.constant("sizes", Tensor([Int64(4), 4]))], outputs: 2)
            return try b.add(Mul(), parts[0], b.add(Sigmoid(), parts[1]))
        }, width: 4)
        try expectShrunkEqualsMasked(split, smaller: ["w1", "w2"])
        let sliced = try network({ b, h in
            func part(_ start: Int, _ end: Int) throws -> ValueName {
                let bounds = [start, end, 1].map { b.constant("bound", Tensor([Int64($0)])) }
                return try b.add(Slice(), inputs: [h] + bounds)[0]
            }
            return try b.add(Concat(axis: 1), part(5, 1 << 40), b.add(Sigmoid(), part(0, 5)), part(0, 5))
        }, width: 13)
        try expectShrunkEqualsMasked(sliced, smaller: ["w1", "w2"])
    }

    /// Codes are ranked by what they stand for, and masked where the scale alone does not make them zero.
    @Test func weightsInCodesArePrunedByTheirNumbers() throws {
        func graph(_ scale: Tensor, _ axis: Int?) throws -> Graph {
            let codes = Tensor((0..<48).map { Int8(($0 * 37) % 200 - 100) }, shape: [6, 8])
            let b = GraphBuilder("codes")
            let x = try b.input("x", .float32, ["N", 6])
            let w1 = try b.add(
                DequantizeLinear(axis: axis), inputs: [b.constant("w1", codes), b.constant("scale", scale), b.constant("zero", Tensor(zeros: scale.shape, .int8))])[0]
            let h = try b.add(Relu(), b.add(MatMul(), x, w1))
            return try b.graph(outputs: [b.add(MatMul(), h, b.constant("w2", TestModels.normal([8, 3])))])
        }
        let perChannel = try graph(Tensor((1...8).map { Float(9 - $0) / 64 }), 1)
        try expectShrunkEqualsMasked(perChannel, smaller: ["w1", "w2", "scale"])
        let result = try StructuredPruning()(perChannel)
        #expect(result.graph.initializers["scale"]?.floats() == [0.125, 0.109375, 0.09375, 0.078125])
        #expect(result.findings.contains { $0.subject == "w1" && $0.after == 4 })
        try expectShrunkEqualsMasked(try graph(Tensor(scalar: Float(0.01)), nil), smaller: ["w1", "w2"])
    }

    @Test func weightsOfAPaletteArePruned() throws {
        let graph = try network { b, h in
            let codes = b.constant("codes", Tensor((0..<64).map { UInt8($0 % 5) }, shape: [8, 8]).converted(to: .int64))
            let palette = b.constant("palette", Tensor([Float(-1), -0.5, 0.1, 0.5, 1]))
            return try b.add(Relu(), b.add(MatMul(), h, b.add(Gather(), palette, codes)))
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "codes", "w2"])
    }

    @Test(arguments: [ElementType.float16, .float64])
    func halfAndDoubleWeightsStayWhatTheyAre(_ type: ElementType) throws {
        let b = GraphBuilder("typed")
        let x = try b.input("x", type, ["N", 6])
        func weight(_ name: String, _ shape: Shape) -> ValueName { b.constant(name, TestModels.normal(shape).converted(to: type)) }
        let h = try b.add(Relu(), b.add(Gemm(), x, weight("w1", [6, 8]), weight("b1", [8])))
        let graph = try b.graph(outputs: [b.add(Gemm(), h, weight("w2", [8, 3]))])
        let inputs = ["x": TestModels.normal([5, 6], seed: 7).converted(to: type)]
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "b1", "w2"], inputs: inputs)
        #expect(try StructuredPruning()(graph).graph.initializers["w1"]?.elementType == type)
    }

    /// Groups of a convolution, with two filters for each input channel or with more input channels.
    @Test(arguments: [(8, 16), (4, 12), (8, 8)])
    func groupedFiltersLoseWholeGroups(_ groups: Int, _ outputs: Int) throws {
        let b = GraphBuilder("groups")
        let x = try b.input("x", .float32, ["N", 3, "H", "W"])
        let h = try b.conv(x, b.constant("w1", TestModels.normal([8, 3, 3, 3])), padding: 1)
        let filter = b.constant("wd", TestModels.normal([outputs, 8 / groups, 3, 3]))
        let d = try b.add(Relu(), b.conv(h, filter, padding: 1, groups: groups, name: "grouped"))
        let y = try b.conv(d, b.constant("w2", TestModels.normal([2, outputs, 1, 1])))
        let graph = try b.graph(outputs: [y])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "wd", "w2"], inputs: ["x": TestModels.normal([2, 3, 6, 8])])
        let result = try StructuredPruning()(graph)
        #expect((result.graph.node(named: "grouped")?.op as? Conv)?.groups == groups / 2)
        for finding in result.findings where finding.quantity == .outputChannels {
            #expect(result.graph.initializers[finding.subject]?.shape.contains(Int(finding.after ?? 0)) == true, "\(finding)")
        }
    }

    /// Height and width open, halved by pools and doubled again: nothing is taken for 1 or 2.
    @Test func openHeightAndWidthArePrunedThrough() throws {
        let b = GraphBuilder("u-net")
        let x = try b.input("x", .float32, ["N", 3, "H", "W"])
        func layer(_ x: ValueName, _ name: String, _ from: Int, _ to: Int) throws -> ValueName {
            try b.add(Relu(), b.conv(x, b.constant(name, TestModels.normal([to, from, 3, 3])), padding: 1))
        }
        let fine = try layer(x, "w1", 3, 8)
        let coarse = try layer(b.maxPool(fine, size: 2), "w2", 8, 12)
        let deep = try layer(b.maxPool(coarse, size: 2), "w3", 12, 16)
        let scales = b.constant("scales", Tensor([1, 1, 2, 2] as [Float]))
        let up = try b.add(Resize(), deep, nil, scales)
        let joined = try layer(b.add(Concat(axis: 1), up, coarse), "w4", 28, 10)
        let graph = try b.graph(outputs: [b.conv(joined, b.constant("w5", TestModels.normal([2, 10, 1, 1])))])
        try expectShrunkEqualsMasked(
            graph, smaller: ["w1", "w2", "w3", "w4", "w5"], inputs: ["x": TestModels.normal([2, 3, 16, 24])])
    }

    /// Indices that nobody reads are nothing to protect; those that somebody reads count elements of all channels.
    @Test(arguments: [false, true]) func placesOfMaximaStandOnlyWhereTheyAreRead(_ areRead: Bool) throws {
        let b = GraphBuilder("places")
        let x = try b.conv(b.input("x", .float32, ["N", 3, 8, 8]), b.constant("w1", TestModels.normal([8, 3, 3, 3])), padding: 1)
        let pooled = try b.add(MaxPool(window: Window(size: 2)), inputs: [x], outputs: 2)
        let y = try b.conv(pooled[0], b.constant("w2", TestModels.normal([5, 8, 1, 1])))
        let graph = try b.graph(outputs: areRead ? [y, pooled[1]] : [y])
        let result = try StructuredPruning(hyperparameters: ["sparsity": 0.5])(graph)
        #expect(result.graph.initializers["w1"]?.shape[0] == (areRead ? 8 : 4))
        if !areRead { try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"], inputs: ["x": TestModels.normal([2, 3, 8, 8])]) }
    }

    /// An input of unknown rank: the matrices on the right have their channels all the same.
    @Test func dataOfUnknownRankIsPrunedThrough() throws {
        let graph = try Graph(
            name: "rankless", inputs: [GraphInput("x", ValueType(.float32, nil))], outputs: ["y"],
            nodes: [
                Node(name: "first", op: MatMul(), inputs: ["x", "w1"], outputs: ["h"]),
                Node(name: "bias", op: Add(), inputs: ["h", "b1"], outputs: ["s"]),
                Node(name: "act", op: Relu(), inputs: ["s"], outputs: ["r"]),
                Node(name: "last", op: MatMul(), inputs: ["r", "w2"], outputs: ["y"]),
            ],
            initializers: [("w1", TestModels.normal([6, 8])), ("b1", TestModels.normal([8])), ("w2", TestModels.normal([8, 3]))])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "b1", "w2"])
    }

    /// Group normalization as exporters spell it: whole groups go, the channels of one stay together.
    @Test func spelledGroupNormalizationLosesGroups() throws {
        let b = GraphBuilder("group-norm")
        let x = try b.input("x", .float32, ["N", 3, "H", "W"])
        let h = try b.conv(x, b.constant("w1", TestModels.normal([8, 3, 3, 3])), padding: 1)
        let flat = try b.add(Reshape(), h, b.constant("target", Tensor([Int64(0), 4, -1])))
        let normal = try b.add(
            InstanceNormalization(), inputs: [flat, b.constant("ones", Tensor(repeating: Float(1), shape: [4])), b.constant("zeros", Tensor(zeros: [4]))])[0]
        let back = try b.add(Mul(), b.add(Reshape(), normal, b.add(ShapeOf(), h)), b.constant("scale", TestModels.normal([8, 1, 1])))
        let graph = try b.graph(outputs: [b.conv(back, b.constant("w2", TestModels.normal([2, 8, 1, 1])))])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "ones", "scale", "w2"], inputs: ["x": TestModels.normal([2, 3, 6, 8])])
    }

    /// A matrix used at both its axes is reported as what became of it.
    @Test func whatHappenedToASharedTensorIsReported() throws {
        let b = GraphBuilder("tied")
        let x = try b.input("x", .float32, ["N", 6])
        let w = b.constant("w", TestModels.normal([6, 8]))
        let h = try b.add(Relu(), b.add(Gemm(), x, w))
        let graph = try b.graph(outputs: [b.add(Gemm(transposesRight: true), h, w)])
        let findings = try StructuredPruning()(graph).findings.filter { $0.subject == "w" }
        #expect(findings.count == 1 && findings[0].status == .done && findings[0].before == 8 && findings[0].after == 4)
    }
}
