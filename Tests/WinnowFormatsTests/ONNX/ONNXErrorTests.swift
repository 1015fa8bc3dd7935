import Foundation
import Testing
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Just enough protobuf to write models that no writer writes.
private enum Field {
    static func varint(_ value: Int64) -> [UInt8] {
        var rest = UInt64(bitPattern: value)
        var bytes: [UInt8] = []
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
    static func number(_ field: Int64, _ value: Int64) -> [UInt8] { varint(field << 3) + varint(value) }
    static func bytes(_ field: Int64, _ value: [UInt8]) -> [UInt8] {
        varint(field << 3 | 2) + varint(Int64(value.count)) + value
    }
    static func text(_ field: Int64, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }
}

/// A model with an initializer `w` read by one node, and more fields in its graph.
private func model(initializer: [UInt8] = [], graph more: [UInt8] = [], opset: Int64? = 17) -> [UInt8] {
    let node = Field.text(1, "w") + Field.text(2, "y") + Field.text(4, "Identity")
    let weight = initializer.isEmpty ? [] : Field.bytes(5, initializer + Field.text(8, "w"))
    let graph = Field.bytes(1, node) + weight + more + Field.bytes(12, Field.text(1, "y"))
    return Field.number(1, 8) + Field.bytes(7, graph) + (opset.map { Field.bytes(8, Field.number(2, $0)) } ?? [])
}

private func tensor(_ extents: [Int64], type: Int64 = 1, _ more: [UInt8]) -> [UInt8] {
    extents.flatMap { Field.number(1, $0) } + Field.number(2, type) + more
}

private func raw(_ count: Int) -> [UInt8] { Field.bytes(9, [UInt8](repeating: 0, count: count)) }

private func external(_ entries: KeyValuePairs<String, String>) -> [UInt8] {
    entries.flatMap { Field.bytes(13, Field.text(1, $0) + Field.text(2, $1)) } + Field.number(14, 1)
}

/// An input `x` whose type is the given `TypeProto`.
private func input(_ type: [UInt8]) -> [UInt8] { Field.bytes(11, Field.text(1, "x") + Field.bytes(2, type)) }

@Suite struct ONNXErrors {
    private func refusal(_ bytes: [UInt8], folder: String? = nil) -> String {
        message { _ = try ONNXFile.read(bytes: bytes, registry: OperatorRegistry([]), folder: folder.map { ExternalDataFolder(of: $0 + "/m.onnx") }) }
    }

    @Test func whatNodesCannotHaveIsRefused() {
        func node(_ more: [UInt8]) -> [UInt8] {
            Field.bytes(1, Field.text(1, "w") + Field.text(2, "z") + Field.text(4, "Relu") + more)
        }
        func refusal(_ more: [UInt8]) -> String {
            let bytes = model(initializer: tensor([2], raw(8)), graph: node(more))
            return message { _ = try ONNXFile.read(bytes: bytes, registry: OperatorCatalogue.registry) }
        }
        let alpha = Field.bytes(5, Field.text(1, "alpha") + Field.number(3, 1) + Field.number(20, 2))
        #expect(refusal(alpha + alpha).contains("attribute alpha: is given twice"))
        #expect(refusal(Field.text(2, "v")).contains("outputs: are 2, but it has 1 at most"))
    }

    @Test func theModelTheOthersAreMadeFromIsValid() throws {
        let graph = try ONNXFile.read(bytes: model(initializer: tensor([2], raw(8))), registry: OperatorRegistry([]))
        #expect(graph.initializers["w"] == Tensor([0, 0] as [Float]))
    }

    @Test(arguments: [
        (tensor([-2], raw(8)), "initializer w: has the negative extent -2"),
        (tensor([3], raw(8)), "initializer w: float32[3] takes 12 bytes, but the file has 8"),
        (tensor([3], Field.bytes(4, [0, 0, 0, 0])), "initializer w: float32[3] takes 3 elements, but the file has 1"),
        (tensor([2, 1], []), "initializer w: float32[2×1] takes 2 elements, but the file has 0"),
        (tensor([1 << 40, 1 << 40], raw(8)), "initializer w: has extents whose product no memory holds; the file is probably damaged"),
        (tensor([Int64.max, 0, Int64.max], raw(0)),
            "initializer w: has extents whose product no memory holds; the file is probably damaged"),
        (tensor([2], type: 77, []), "initializer w: has an unknown element type (77)"),
        (tensor([1], type: 3, Field.bytes(5, Field.varint(300))), "initializer w: holds 300, which is no int8"),
        (tensor([2], external(["location": "w.bin"])),
            "initializer w: lies in an external file, but the model is not in a file itself; read it from its file"),
    ]) func damagedInitializers(initializer: [UInt8], sentence: String) {
        #expect(refusal(model(initializer: initializer)) == sentence)
    }

    @Test(arguments: [
        ("../w.bin", "0", "8", "its external location \"../w.bin\" is not inside the model's folder"),
        ("/etc/passwd", "0", "8", "its external location \"/etc/passwd\" is not inside the model's folder"),
        ("", "0", "8", "its external location \"\" is not inside the model's folder"),
        ("none.bin", "0", "8", "none.bin: cannot be opened: no such file or directory"),
        ("w.bin", "4", "8", "w.bin: has 8 bytes, but a tensor needs 8 from byte 4; the file is probably cut short"),
        ("w.bin", "9223372036854775807", "8", "but a tensor needs 8 from byte 9223372036854775807"),
        ("w.bin", "-1", "8", "the offset \"-1\" of its external data is not a number of bytes"),
        ("w.bin", "0", "12", "float32[2] takes 8 bytes, but its external data has 12"),
        (".", "0", "8", "is a folder, not a file"),
    ]) func damagedExternalData(location: String, offset: String, length: String, problem: String) throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([UInt8](repeating: 0, count: 8), to: folder + "/w.bin")
            let entries = external(["location": location, "offset": offset, "length": length])
            let sentence = refusal(model(initializer: tensor([2], entries)), folder: folder)
            #expect(sentence.contains(problem), "\(sentence)")
        }
    }

    @Test func linksThatLeaveTheFolderAreFollowedWhereAllowed() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([UInt8](repeating: 0, count: 8), to: folder + "/w.bin")
            for name in ["/in", "/sub", "/in/real"] {
                try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: false)
            }
            try AtomicFile.write([UInt8](repeating: 0, count: 8), to: folder + "/sub/w.bin")
            try AtomicFile.write([UInt8](repeating: 0, count: 8), to: folder + "/in/real/w.bin")
            for (link, target) in [("w.bin", "../w.bin"), ("sub", "../sub"), ("near", "real"), ("near.bin", "real/w.bin")] {
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/in/\(link)", withDestinationPath: target)
            }
            for (location, leaves) in [("w.bin", true), ("sub/w.bin", true), ("near/w.bin", false), ("near.bin", false)] {
                let path = folder + "/in/m.onnx"
                try AtomicFile.write(model(initializer: tensor([2], external(["location": location]))), to: path)
                var sentence = ""
                do { _ = try ONNXFile.read(path, registry: OperatorRegistry([])) } catch { sentence = "\(error)" }
                #expect(sentence.contains("\(location)\" is a link that leaves") == leaves, "\(sentence)")
                #expect(sentence.contains("--allow-links") == leaves)
                let graph = try ONNXFile.read(path, registry: OperatorRegistry([]), links: .everywhere)
                #expect(graph.initializers["w"] == Tensor([0, 0] as [Float]))
            }
        }
    }

    @Test func aLocationBesideElementsInTheFileDoesNotCount() throws {
        try withTemporaryFolder { folder in
            let stray = Field.bytes(13, Field.text(1, "location") + Field.text(2, "nowhere.bin"))
            try AtomicFile.write(model(initializer: tensor([2], raw(8) + stray)), to: folder + "/m.onnx")
            #expect(try ONNXFile.files(of: folder + "/m.onnx") == [folder + "/m.onnx"])
            _ = try ONNXFile.read(folder + "/m.onnx", registry: OperatorRegistry([]))
        }
    }

    @Test func whatIsNotAModel() {
        let notONNX = "is not an ONNX model, or is cut short; export or copy it again"
        #expect(refusal(Array("hello world, this is text".utf8)) == notONNX)
        #expect(refusal([]) == "is not an ONNX model: it holds no graph; export or copy it again")
        #expect(refusal(model(opset: nil)) == "names no operator set; the file is probably cut short")
        #expect(refusal(model(opset: 99)).hasPrefix("uses operator set 99; 1 to "))
        #expect(refusal(model()) == "value w: is read but produced nowhere; the file is probably damaged")
        #expect(message { _ = try ONNXFile.read("/nowhere/m.onnx", registry: OperatorRegistry([])) }
            == "/nowhere/m.onnx: cannot be opened: no such file or directory")
    }

    @Test(arguments: [
        (Field.bytes(5, []), "input x: has no type"), (Field.bytes(4, []), "input x: has no type"),
        (Field.bytes(1, Field.number(1, 1) + Field.bytes(2, Field.bytes(1, Field.number(1, -2)))),
            "input x: has the negative extent -2; give the axis a name instead"),
        ([], "input x: has no type"),
    ]) func inputsOfOtherKinds(type: [UInt8], sentence: String) {
        #expect(refusal(model(initializer: tensor([2], raw(8)), graph: input(type))) == sentence)
    }

    /// Types that nothing here computes with are kept as the file has them.
    @Test(arguments: [
        (Field.bytes(1, Field.number(1, 8) + Field.bytes(2, Field.bytes(1, Field.text(2, "N")))), "string[N]"),
        (Field.bytes(4, Field.bytes(1, Field.bytes(5, Field.number(1, 8) + Field.bytes(2, Field.bytes(1, Field.number(1, 1)))))),
            "list of map of string to float32[…]"),
        (Field.bytes(4, Field.bytes(1, Field.bytes(4, Field.bytes(1, Field.bytes(1, Field.number(1, 1)))))), "list of list of float32[…]"),
        (Field.bytes(9, Field.bytes(1, Field.bytes(1, Field.number(1, 14)))), "optional complex64[…]"),
    ]) func foreignTypesAreKept(type: [UInt8], description: String) throws {
        let bytes = model(initializer: tensor([2], raw(8)), graph: input(type))
        let graph = try ONNXFile.read(bytes: bytes, registry: OperatorCatalogue.registry)
        #expect(graph.inputs[0].type.description == description && !graph.inputs[0].type.isTensor)
        let again = try ONNXFile.read(bytes: ONNXFile.bytes(graph), registry: OperatorCatalogue.registry)
        #expect(again.inputs == graph.inputs && again.inputs[0].type.foreign?.encoded == type)
    }

    /// Texts among the initializers become nodes that give them.
    @Test func constantTexts() throws {
        let texts = tensor([2], type: 8, Field.text(6, "a") + Field.text(6, "b"))
        let graph = try ONNXFile.read(bytes: model(initializer: texts), registry: OperatorCatalogue.registry)
        #expect(graph.initializers.isEmpty && graph.infos["w"]?.type.description == "string[2]")
        let bytes = try ONNXFile.bytes(graph)
        let again = try ONNXFile.read(bytes: bytes, registry: OperatorCatalogue.registry)
        #expect(again.nodes.map(again.line) == graph.nodes.map(graph.line) && bytes.firstRange(of: texts.suffix(6)) != nil)
        #expect(graph.infos["y"]?.isGuess == true, "what a known operator makes of texts is not known")
    }

    /// A sparse tensor of (2, 3) named `w` with these elements and indices.
    private func sparse(_ values: [Float], _ indices: [Int64], shape: [Int64]) -> [UInt8] {
        let elements = values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
        let places = indices.flatMap { index in withUnsafeBytes(of: index) { Array($0) } }
        let own = tensor([Int64(values.count)], Field.bytes(9, elements) + Field.text(8, "w"))
        let other = tensor(shape, type: 7, Field.bytes(9, places))
        return Field.bytes(15, Field.bytes(1, own) + Field.bytes(2, other) + Field.number(3, 2) + Field.number(3, 3))
    }

    @Test func sparseInitializersBecomeDense() throws {
        for bytes in [sparse([5, 7], [1, 5], shape: [2]), sparse([5, 7], [0, 1, 1, 2], shape: [2, 2])] {
            let graph = try ONNXFile.read(bytes: model(graph: bytes), registry: OperatorRegistry([]))
            #expect(graph.initializers["w"] == Tensor([0, 5, 0, 0, 0, 7] as [Float], shape: [2, 3]))
        }
    }

    @Test(arguments: [
        ([5, 7], [1, 6], [2], "has an index outside 2×3"), ([5, 7], [0, 1, 1, 3], [2, 2], "has an index outside 2×3"),
        ([5, 7], [0, -1], [2], "has an index outside 2×3"), ([5, 7], [1], [1], "has int64[1] indices for 2 elements of 2×3"),
    ] as [([Float], [Int64], [Int64], String)])
    func damagedSparseInitializers(values: [Float], indices: [Int64], shape: [Int64], problem: String) {
        #expect(refusal(model(graph: sparse(values, indices, shape: shape))) == "initializer w: \(problem)")
    }
}

/// Models with functions of their own.
@Suite struct ONNXFunctions {
    private func node(_ type: String, _ inputs: [String], _ outputs: [String], domain: String = "", _ attributes: [[UInt8]] = []) -> [UInt8] {
        inputs.flatMap { Field.text(1, $0) } + outputs.flatMap { Field.text(2, $0) } + Field.text(4, type)
            + attributes.flatMap { Field.bytes(5, $0) } + (domain.isEmpty ? [] : Field.text(7, domain))
    }

    private func function(_ name: String, _ inputs: [String], _ outputs: [String], _ nodes: [[UInt8]], attributes: [String] = []) -> [UInt8] {
        Field.text(1, name) + inputs.flatMap { Field.text(4, $0) } + outputs.flatMap { Field.text(5, $0) }
            + attributes.flatMap { Field.text(6, $0) } + nodes.flatMap { Field.bytes(7, $0) }
            + Field.bytes(9, Field.number(2, 17)) + Field.text(10, "f")
    }

    private func model(_ nodes: [[UInt8]], _ functions: [[UInt8]]) -> [UInt8] {
        let type = Field.bytes(2, Field.bytes(1, Field.number(1, 1) + Field.bytes(2, Field.bytes(1, Field.number(1, 2)))))
        let graph = nodes.flatMap { Field.bytes(1, $0) } + Field.text(2, "g") + Field.bytes(11, Field.text(1, "x") + type)
            + Field.bytes(12, Field.text(1, "y"))
        return Field.number(1, 8) + Field.bytes(7, graph) + Field.bytes(8, Field.number(2, 17))
            + Field.bytes(8, Field.text(1, "f") + Field.number(2, 1)) + functions.flatMap { Field.bytes(25, $0) }
    }

    private func read(_ bytes: [UInt8]) throws -> Graph { try ONNXFile.read(bytes: bytes, registry: OperatorCatalogue.registry) }

    @Test func areInlined() throws {
        // twice(a; alpha) = elu(elu(a)), called twice; the inner name `t` is also a value of the graph.
        let reference = Field.text(1, "alpha") + Field.number(20, 1) + Field.text(21, "alpha")
        let twice = function(
            "Twice", ["a"], ["b"], [node("Elu", ["a"], ["t"], [reference]), node("Elu", ["t"], ["b"], [reference])], attributes: ["alpha"])
        let alpha = Field.text(1, "alpha") + Field.varint(2 << 3 | 5) + withUnsafeBytes(of: Float(0.5)) { Array($0) } + Field.number(20, 1)
        let graph = try read(model(
            [node("Twice", ["x"], ["t"], domain: "f", [alpha]), node("Twice", ["t"], ["y"], domain: "f")], [twice]))
        #expect(graph.nodes.map(\.op.type.name) == ["Elu", "Elu", "Elu", "Elu"])
        #expect(try graph.nodes.map { try $0.op.attributes.float("alpha") } == [0.5, 0.5, 1, 1])
        #expect(Set(graph.nodes.flatMap(\.outputs)).count == 4)
        #expect(try read(ONNXFile.bytes(graph)).text == graph.text)
    }

    @Test func mayCallOthersAndPassInputsOn() throws {
        let same = function("Same", ["a"], ["a", "b"], [node("Relu", ["a"], ["b"])])
        let outer = function("Outer", ["a"], ["d"], [node("Same", ["a"], ["c", "e"], domain: "f"), node("Add", ["c", "e"], ["d"])])
        let graph = try read(model([node("Outer", ["x"], ["y"], domain: "f")], [same, outer]))
        #expect(graph.nodes.map(\.op.type.name).sorted() == ["Add", "Identity", "Relu"])
    }

    @Test func mustNotCallThemselves() {
        let endless = function("Endless", ["a"], ["b"], [node("Endless", ["a"], ["b"], domain: "f")])
        #expect(message { _ = try read(model([node("Endless", ["x"], ["y"], domain: "f")], [endless])) }
            == "function Endless: calls itself")
    }

    /// Functions that call each other `count` deep, `times` in each; the last does nothing.
    private func chain(_ count: Int, times: Int) -> [[UInt8]] {
        (0..<count).map { place in
            let calls = place + 1 < count ? [[UInt8]](repeating: node("F\(place + 1)", ["a"], [], domain: "f"), count: times) : []
            return function("F\(place)", ["a"], [], calls)
        }
    }

    @Test func mustNotLieTooDeep() throws {
        let calls = [node("F0", ["x"], [], domain: "f"), node("Relu", ["x"], ["y"])]
        #expect(try read(model(calls, chain(90, times: 1))).nodes.count == 1)
        #expect(message { _ = try read(model(calls, chain(20_000, times: 1))) }.hasSuffix("lies in more than 100 functions and bodies of nodes"))
    }

    /// 2²⁰ calls of what leaves nothing.
    @Test(.timeLimit(.minutes(5))) func mustNotBeCalledTooOften() {
        let calls = [node("F0", ["x"], [], domain: "f"), node("Relu", ["x"], ["y"])]
        #expect(message { _ = try read(model(calls, chain(21, times: 2))) }.hasSuffix("makes the graph larger than 1048576 nodes"))
    }

    @Test func thatNobodyCallsAreLeftOut() throws {
        let unused = function("Unused", ["a"], ["b"], [node("Relu", ["a"], ["b"])])
        #expect(try read(model([node("Relu", ["x"], ["y"])], [unused])).nodes.count == 1)
    }
}
