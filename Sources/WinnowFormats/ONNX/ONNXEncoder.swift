import SwiftProtobuf
import WinnowTensor

/// A model's message, encoded with the weights' bytes taken from where they lie: encoding the whole in memory would take
/// the file's size twice.
///
/// The bytes are those of protobuf's own encoding: fields in order of their numbers, each with its length before it.
struct ONNXEncoder {
    private let modelHead: [UInt8]
    private let graphHead: [UInt8]
    /// Each initializer's fields up to its elements' bytes, and those.
    private let initializers: [(fields: [UInt8], elements: Tensor?)]
    private let graphTail: [UInt8]
    private let modelTail: [UInt8]

    /// `elements` belong to the model's initializers, in order; nil where the message says it all.
    init(_ model: Onnx_ModelProto, elements: [Tensor?]) throws {
        var (modelHead, modelTail) = (model, Onnx_ModelProto())
        modelHead.clearGraph()
        (modelTail.opsetImport, modelHead.opsetImport) = (model.opsetImport, [])
        (modelTail.metadataProps, modelHead.metadataProps) = (model.metadataProps, [])
        var (graphHead, graphTail) = (Onnx_GraphProto(), model.graph)
        (graphHead.node, graphTail.node) = (graphTail.node, [])
        graphHead.name = graphTail.name
        graphTail.clearName()
        graphTail.initializer = []
        self.modelHead = try Self.serialized(modelHead)
        self.graphHead = try Self.serialized(graphHead)
        self.graphTail = try Self.serialized(graphTail)
        self.modelTail = try Self.serialized(modelTail)
        initializers = try zip(model.graph.initializer, elements).map { proto, elements in
            let rawData = elements.map { Self.prefix(field: 9, byteCount: $0.byteCount) } ?? []
            return (try Self.serialized(proto) + rawData, elements)
        }
    }

    private var graphByteCount: Int {
        initializers.reduce(graphHead.count + graphTail.count) { sum, initializer in
            let count = Self.byteCount(initializer)
            return sum + Self.prefix(field: 5, byteCount: count).count + count
        }
    }

    /// The bytes of the whole message.
    var byteCount: Int {
        let graph = graphByteCount
        return modelHead.count + Self.prefix(field: 7, byteCount: graph).count + graph + modelTail.count
    }

    /// Hands the message over piece by piece.
    func encode(to put: (UnsafeRawBufferPointer) throws -> Void) throws {
        func send(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try put($0) } }
        try send(modelHead + Self.prefix(field: 7, byteCount: graphByteCount) + graphHead)
        for initializer in initializers {
            try send(Self.prefix(field: 5, byteCount: Self.byteCount(initializer)) + initializer.fields)
            try initializer.elements?.withUnsafeBytes { try put($0) }
        }
        try send(graphTail + modelTail)
    }

    private static func byteCount(_ initializer: (fields: [UInt8], elements: Tensor?)) -> Int {
        initializer.fields.count + (initializer.elements?.byteCount ?? 0)
    }

    /// What stands before a field of bytes: number and wire type 2, then the length as a varint.
    private static func prefix(field: UInt8, byteCount: Int) -> [UInt8] {
        var result = [field << 3 | 2]
        var rest = byteCount
        while rest > 127 {
            result.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return result + [UInt8(rest)]
    }

    private static func serialized(_ message: some Message) throws -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        do { return try message.serializedBytes(options: options) } catch {
            throw WinnowError(.model, "", "cannot be encoded as ONNX: \(error)")
        }
    }
}
