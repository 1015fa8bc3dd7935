import Foundation
import SwiftProtobuf
import Testing
import WinnowTensor
import WinnowTestSupport

@testable import WinnowFormats

@Suite struct ModelOutlineTests {
    private static let long = 2000

    private func tensor(_ name: String, _ count: Int, from first: UInt8) -> Onnx_TensorProto {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dataType = 2
        tensor.dims = [Int64(count)]
        tensor.rawData = Data((0..<count).map { UInt8(truncatingIfNeeded: $0) &+ first })
        return tensor
    }

    private func node(_ name: String, _ type: String, _ attribute: (inout Onnx_AttributeProto) -> Void) -> Onnx_NodeProto {
        var node = Onnx_NodeProto()
        (node.name, node.opType, node.output) = (name, type, [name])
        var value = Onnx_AttributeProto()
        value.name = "value"
        attribute(&value)
        node.attribute = [value]
        return node
    }

    /// Long tensors wherever a model may have them, and short ones.
    private func model() -> Onnx_ModelProto {
        var body = Onnx_GraphProto()
        body.initializer = [tensor("inner", Self.long, from: 1)]
        var sparse = Onnx_SparseTensorProto()
        (sparse.values, sparse.indices) = (tensor("sparse", Self.long, from: 2), tensor("", Self.long, from: 3))
        var numbers = Onnx_TensorProto()
        (numbers.name, numbers.dataType, numbers.floatData) = ("numbers", 1, (0..<Self.long).map(Float.init))
        var outside = tensor("outside", Self.long, from: 4)
        outside.dataLocation = .external
        outside.externalData = [Onnx_StringStringEntryProto(key: "location", value: "w.bin")]
        var strange = tensor("complex", Self.long, from: 11)
        strange.dataType = 14
        var function = Onnx_FunctionProto()
        function.name = "f"
        function.node = [node("fc", "Constant") { $0.t = tensor("", Self.long, from: 5) }]
        var model = Onnx_ModelProto()
        model.irVersion = 8
        model.graph.name = "g"
        model.graph.initializer = [tensor("w", Self.long, from: 6), tensor("short", 8, from: 7), numbers, outside, strange]
        model.graph.sparseInitializer = [sparse]
        model.graph.node = [
            node("constant", "Constant") { $0.t = tensor("", Self.long, from: 8) },
            node("named", "Mystery") { $0.t = tensor("n", Self.long, from: 9) },
            node("several", "Mystery") { $0.tensors = [tensor("", Self.long, from: 10)] },
            node("if", "If") { $0.g = body }, node("scan", "Mystery") { $0.graphs = [body, body] },
        ]
        model.functions = [function]
        model.docString = String(repeating: "d", count: Self.long)
        return model
    }

    @Test func longTensorsLieWhereTheyWere() throws {
        let bytes: [UInt8] = try model().serializedBytes()
        try bytes.withUnsafeBytes { bytes in
            let outline = try #require(ModelOutline(of: bytes))
            // Named and several tensors of unknown operators, those elsewhere and of unknown types, numbers in fields of their own and texts stay.
            #expect(outline.bytes.count < Self.long * (5 + 4 + 1))
            let short = try Onnx_ModelProto(serializedBytes: outline.bytes)
            #expect(ModelOutline.place(of: short.graph.initializer[0]) != nil && short.graph.initializer[0].rawData.isEmpty)
            #expect(ModelOutline.place(of: short.graph.initializer[1]) == nil && ModelOutline.place(of: short.graph.initializer[4]) == nil)
            #expect(ModelOutline.place(of: short.functions[0].node[0].attribute[0].t) != nil)
            #expect(ModelOutline.place(of: short.graph.node[1].attribute[0].t) == nil)
            #expect(short.filled(from: bytes) == model())
        }
    }

    /// Whatever the bytes: where they are a message, the outline with its tensors filled in is the same message.
    @Test func damagedModelsAreTheSameOrNone() throws {
        let original: [UInt8] = try model().serializedBytes()
        var random = RandomGenerator(seed: 3)
        var count = 0
        for _ in 0..<3000 {
            let bytes = Mutation.damage(original, with: original, &random)
            bytes.withUnsafeBytes { bytes in
                guard let whole = try? Onnx_ModelProto(serializedBytes: bytes.bytes), let outline = ModelOutline(of: bytes, leastByteCount: 1) else { return }
                count += 1
                let filled = (try? Onnx_ModelProto(serializedBytes: outline.bytes))?.filled(from: bytes)
                // Bytes, as numbers that are none equal nothing.
                #expect((try? filled?.serializedBytes() as [UInt8]?) == (try? whole.serializedBytes()))
            }
        }
        #expect(count > 100)
    }
}

extension Onnx_TensorProto {
    fileprivate mutating func fill(from bytes: UnsafeRawBufferPointer) {
        guard let place = ModelOutline.place(of: self) else { return }
        rawData = Data(bytes[place])
        externalData.removeFirst()
        clearDataLocation()
    }
}

extension Onnx_SparseTensorProto {
    fileprivate mutating func fill(from bytes: UnsafeRawBufferPointer) {
        if hasValues { values.fill(from: bytes) }
        if hasIndices { indices.fill(from: bytes) }
    }
}

extension Onnx_GraphProto {
    fileprivate mutating func fill(from bytes: UnsafeRawBufferPointer) {
        for index in initializer.indices { initializer[index].fill(from: bytes) }
        for index in sparseInitializer.indices { sparseInitializer[index].fill(from: bytes) }
        for index in node.indices { node[index].fill(from: bytes) }
    }
}

extension Onnx_NodeProto {
    fileprivate mutating func fill(from bytes: UnsafeRawBufferPointer) {
        for index in attribute.indices {
            if attribute[index].hasT { attribute[index].t.fill(from: bytes) }
            if attribute[index].hasG { attribute[index].g.fill(from: bytes) }
            for number in attribute[index].graphs.indices { attribute[index].graphs[number].fill(from: bytes) }
        }
    }
}

extension Onnx_ModelProto {
    fileprivate func filled(from bytes: UnsafeRawBufferPointer) -> Onnx_ModelProto {
        var result = self
        if hasGraph { result.graph.fill(from: bytes) }
        for index in functions.indices {
            for number in functions[index].node.indices { result.functions[index].node[number].fill(from: bytes) }
        }
        return result
    }
}
