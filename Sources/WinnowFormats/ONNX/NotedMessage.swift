import SwiftProtobuf
import WinnowGraph

/// A message that has a documentation string and key–value properties.
protocol NotedMessage {
    var docString: String { get set }
    var metadataProps: [Onnx_StringStringEntryProto] { get set }
}

extension NotedMessage {
    /// Both together; properties are written in order of their keys.
    var notes: Notes {
        get { Notes(documentation: docString, properties: metadataProps.dictionary) }
        set {
            if !newValue.documentation.isEmpty { docString = newValue.documentation }
            if !newValue.properties.isEmpty { metadataProps = .init(newValue.properties) }
        }
    }
}

extension Onnx_GraphProto: NotedMessage {}
extension Onnx_NodeProto: NotedMessage {}
extension Onnx_ValueInfoProto: NotedMessage {}
extension Onnx_TensorProto: NotedMessage {}

extension [Onnx_StringStringEntryProto] {
    var dictionary: [String: String] {
        isEmpty ? [:] : Dictionary(map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }

    /// Entries in order of their keys.
    init(_ entries: [String: String]) {
        self = entries.sorted { $0.key < $1.key }.map { Onnx_StringStringEntryProto(key: $0.key, value: $0.value) }
    }
}
