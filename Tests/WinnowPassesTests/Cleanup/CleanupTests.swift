import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct CleanupTests {
    @Test func batchNormDisappearsAndOutputsStay() throws {
        let graph = try TestModels.residual()
        let result = try FoldBatchNorm()(graph)
        #expect(!result.graph.nodes.contains { $0.op is BatchNormalization })
        #expect(result.graph.initializers["stem.weight"] != nil, "a folded weight keeps its name")
        #expect(try TestModels.largestDifference(graph, result.graph) < 1e-4)
    }

    @Test func batchNormStaysWhereOthersReadTheConvolution() throws {
        let b = GraphBuilder("shared")
        let x = try b.input("x", .float32, ["N", 2, 4, 4])
        let y = try b.conv(x, b.constant("w", Tensor(repeating: Float(1), shape: [2, 2, 1, 1])))
        let z = try b.batchNormalization(y, name: "norm")
        let graph = try b.graph(outputs: [y, z])
        let result = try FoldBatchNorm()(graph)
        #expect(result.graph.text == graph.text)
        #expect(result.findings.contains { $0.subject == "norm" && $0.status == .skipped && !$0.reason.isEmpty })
    }

    /// What is made of numbers that are no parameters is none.
    @Test func constantsOfAFileStayConstants() throws {
        let b = GraphBuilder("constants")
        let x = try b.input("x", .float32, ["N", 2])
        let root = try b.add(Sqrt(), b.constant("size", Tensor([4] as [Float])), name: "root")
        let weight = try b.add(Sqrt(), b.constant("w", Tensor([1, 4] as [Float])), name: "weight")
        var graph = try b.graph(outputs: [b.multiply(b.multiply(x, root), weight)])
        graph.metadata.valueNotes["size", default: ValueNotes()].tensor.isConstant = true
        let folded = try FoldConstants()(graph).graph
        #expect(folded.initializers["root"] != nil && folded.initializers["weight"] != nil)
        #expect(folded.constantNames.contains("root") && !folded.constantNames.contains("weight"))
    }

    /// What is known to be too large is told without being computed.
    @Test func whatWouldBeHugeIsNotComputed() throws {
        let b = GraphBuilder("huge")
        let x = try b.input("x", .float32, ["N", 2])
        let length = b.constant("length", Tensor([Int64(1) << 42]))
        let filled = try b.add(ConstantOfShape(Tensor([Float(1)])), length, name: "filled")
        let range = try b.add(NumberRange(), inputs: ["zero", "end", "one"].enumerated().map { b.constant($1, Tensor(scalar: [0, Int64(1) << 42, 1][$0])) }, name: "range")[0]
        let graph = try b.graph(outputs: [b.add(Add(), x, b.add(ReduceMax(), filled)), b.add(ReduceMax(), range)])
        let findings = try FoldConstants()(graph).findings
        for name in ["filled", "range"] {
            #expect(findings.contains { $0.subject == name && $0.status == .skipped && $0.reason.contains("would take") }, "\(name)")
        }
    }

    @Test func constantSubgraphsAreComputed() throws {
        let b = GraphBuilder("constants")
        let x = try b.input("x", .float32, ["N", 2])
        let sum = try b.add(Add(), b.constant("a", Tensor([Float(1), 2])), b.constant("b", Tensor([Float(3), 4])))
        let y = try b.add(Mul(), x, b.add(Relu(), sum))
        let graph = try b.graph(outputs: [y])
        let result = try FoldConstants()(graph).graph
        #expect(result.nodes.count == 1)
        #expect(try TestModels.predictions(of: result, on: Tensor([Float(1), 1], shape: [1, 2])) == [[4, 6]])
    }

    /// Exporters write Squeeze as an If of the extent: its branch is known, and so is what comes out.
    @Test(arguments: [1, 2]) func aConstantTakesItsBranch(extent: Int) throws {
        let b = GraphBuilder("squeezed")
        let x = try b.input("x", .float32, ["N", .fixed(extent), 3])
        let found = try b.add(Gather(), b.add(ShapeOf(), x), b.constant("place", Tensor(scalar: Int64(1))))
        let isOne = try b.add(Equal(), found, b.constant("one", Tensor(scalar: Int64(1))))
        let axis = b.constant("axis", Tensor([Int64(1)]))
        func branch(_ name: String, _ op: any Operator, _ inputs: [ValueName]) throws -> Graph {
            try Graph(
                name: name, inputs: [], outputs: [name], nodes: [Node(name: name, op: op, inputs: inputs, outputs: [name])],
                captures: Dictionary(uniqueKeysWithValues: inputs.map { ($0, .unknown) }))
        }
        let choice = If(then: try branch("thin", Squeeze(), [x, axis]), else: try branch("thick", Neg(), [x]))
        let y = try b.add(Relu(), b.add(choice, isOne, name: "choice"))
        let graph = try b.graph(outputs: [y])
        #expect(graph.type(of: y)?.extents == (extent == 1 ? ["N", 3] : ["N", 2, 3]))
        let result = try FoldConstants()(graph)
        #expect(try result.graph.removingDeadNodes().nodes.map(\.op.type.name) == [extent == 1 ? "Squeeze" : "Neg", "Relu"])
        #expect(result.findings.contains { $0.subject == "choice" && $0.status == .done })
        #expect(result.graph.type(of: y) == graph.type(of: y))
    }

    @Test func dequantizedWeightsAreNotExpanded() throws {
        let graph = try WeightOnlyQuantization()(TestModels.perceptron()).graph
        let folded = try FoldConstants()(graph).graph
        #expect(
            folded.initializers.values.reduce(0) { $0 + $1.byteCount }
                == graph.initializers.values.reduce(0) { $0 + $1.byteCount })
    }

    @Test(arguments: [false, true]) func aWeightThatOthersReadIsNotStoredTwice(isIdentity: Bool) throws {
        let b = GraphBuilder("tied")
        let e = b.constant("E", TestModels.normal([64, 16]))
        let x = try b.input("x", .float32, ["N", 16])
        let other = isIdentity ? try b.add(Identity(), e) : try b.add(Transpose([1, 0]), e)
        let y = try b.add(MatMul(), b.add(MatMul(), x, b.add(Transpose([1, 0]), e)), isIdentity ? other : e)
        let z = try isIdentity ? y : b.add(MatMul(), y, other)
        let graph = try b.graph(outputs: [z])
        let result = try FoldConstants()(graph).graph
        #expect(result.parameterCount <= graph.parameterCount)
        #expect(result.nodes.contains { $0.op is Identity } == false)
        #expect(try TestModels.largestDifference(graph, result) < 1e-3)
    }

    @Test func aTransposeOfAWeightThatNobodyElseReadsIsFolded() throws {
        let b = GraphBuilder("turned")
        let e = b.constant("E", TestModels.normal([64, 16]))
        let turned = try b.add(Transpose([1, 0]), b.add(Neg(), e))
        let graph = try b.graph(outputs: [b.add(MatMul(), b.input("x", .float32, ["N", 16]), turned)])
        let result = try FoldConstants()(graph).graph
        #expect(result.nodes.map(\.op.type.name) == ["MatMul"] && result.parameterCount == 1024)
    }

    @Test func defaultValuesBecomeConstantsWhereAsked() throws {
        let graph = try Graph(
            name: "defaults", inputs: [
                GraphInput("x", ValueType(.float32, ["N", 4])),
                GraphInput("w", ValueType(.float32, [4, 3]), defaultValue: TestModels.normal([4, 3])),
            ], outputs: ["y"], nodes: [Node(name: "n", op: MatMul(), inputs: ["x", "w"], outputs: ["y"])])
        let kept = try FoldConstants()(graph)
        #expect(kept.graph.inputs == graph.inputs)
        #expect(kept.findings.contains { $0.subject == "w" && $0.reason.contains("default value") })
        var pass = FoldConstants()
        pass.defaults = true
        let fixed = try pass(graph).graph
        #expect(fixed.inputNames == ["x"] && fixed.initializerNames == ["w"])
        #expect(try TestModels.largestDifference(graph, fixed) == 0)
    }

    @Test func castsAndReshapesThatChangeNothingDisappear() throws {
        let b = GraphBuilder("same")
        let x = try b.input("x", .float32, ["N", 3])
        let flat = try b.add(Flatten(), b.add(Cast(to: .float32), b.add(Relu(), x)))
        let y = try b.add(Relu(), b.add(Concat(axis: 0), inputs: [b.add(Reshape(), flat, b.constant("s", Tensor([0, 3] as [Int64])))])[0])
        let result = try RemoveIdentity()(b.graph(outputs: [y])).graph
        #expect(result.nodes.map(\.op.type.name) == ["Relu", "Relu"])
    }

    @Test func identitiesAndDropoutDisappear() throws {
        let b = GraphBuilder("identity")
        let x = try b.input("x", .float32, ["N", 3])
        let first = try b.add(Identity(), x, name: "first")
        let second = try b.add(Identity(), first, name: "second")
        let y = try b.add(Relu(), second, name: "relu")
        let z = try b.dropout(y, ratio: 0.5, name: "dropout")
        let graph = try b.graph(outputs: [z])
        let result = try RemoveIdentity()(graph).graph
        #expect(result.nodes.map(\.op.type.name) == ["Relu"])
        #expect(result.outputNames == graph.outputNames, "outputs keep their names")
        #expect(try TestModels.predictions(of: result, on: Tensor([Float(-1), 0, 2], shape: [1, 3])) == [[0, 0, 2]])
    }

    @Test func anIdentityBetweenInputAndOutputStays() throws {
        let b = GraphBuilder("wire")
        let graph = try b.graph(outputs: [b.add(Identity(), b.input("x", .float32, ["N", 3]))])
        let result = try RemoveIdentity()(graph)
        #expect(result.graph.nodes.count == 1)
        #expect(result.findings.contains { $0.status == .skipped })
    }

    @Test func deadNodesDisappear() throws {
        let b = GraphBuilder("dead")
        let x = try b.input("x", .float32, ["N", 3])
        _ = try b.add(Add(), x, b.constant("unused", Tensor([Float(1), 2, 3])), name: "dead")
        let graph = try b.graph(outputs: [b.add(Relu(), x)])
        let result = try RemoveDeadNodes()(graph)
        #expect(result.graph.nodes.count == 1 && result.graph.initializers.isEmpty)
        #expect(result.findings.contains { $0.subject == "dead" && $0.status == .done })
    }

    /// Texts of exporters go, of bodies too; what passes recorded, denotations and the model's own properties stay.
    @Test func notesOfExportersGo() throws {
        let b = GraphBuilder("noted")
        let x = try b.input("x", .float32, ["N", 2])
        let inner = GraphBuilder("body")
        let body = try inner.graph(outputs: [inner.add(Relu(), inner.constant("c", Tensor([1, -1] as [Float])), name: "relu")])
        let branch = try b.add(If(then: body, else: body), b.constant("condition", Tensor([true], shape: [])), name: "if")
        var graph = try b.graph(outputs: [b.add(Add(), x, branch, name: "sum")])
        let key = "pkg.torch.onnx.stack_trace"
        let text = Notes(documentation: "line 7", properties: [key: "File model.py", "winnow.role": "mask"])
        var edit = GraphEdit()
        for node in graph.nodes where node.name == "sum" {
            var noted = node
            noted.notes = text
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(noted)
        }
        graph = try graph.applying(edit)
        graph.metadata.graphNotes = text
        graph.metadata.properties = ["author": "somebody"]
        graph.metadata.valueNotes["x", default: ValueNotes()].notes = text
        graph.metadata.valueNotes["x"]?.denotation = "IMAGE"
        let result = try RemoveNotes()(graph)
        let own = Notes(properties: ["winnow.role": "mask"])
        #expect(result.graph.nodes.first { $0.name == "sum" }?.notes == own && result.graph.metadata.graphNotes == own)
        #expect(result.graph.metadata.valueNotes["x"]?.notes == own && result.graph.metadata.valueNotes["x"]?.denotation == "IMAGE")
        #expect(result.graph.metadata.properties == ["author": "somebody"])
        #expect(result.findings.first { $0.subject == "graph" }?.before == Double(3 * ("line 7" + key + "File model.py").utf8.count))
        #expect(try !RemoveNotes()(result.graph).findings.contains { $0.status == .done })
    }
}
