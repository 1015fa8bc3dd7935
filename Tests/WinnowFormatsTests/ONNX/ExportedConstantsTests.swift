import SwiftProtobuf
import Testing

@testable import WinnowFormats

/// What torch's exporter says of initializers tells parameters from numbers that it computed itself.
@Suite struct ExportedConstantsTests {
    private static let kind = "pkg.torch.export.graph_signature.InputSpec.kind"
    private static let sources = "pkg.onnxscript.optimizer.folded_from"

    /// One value each, with what is noted of it.
    private func graph(_ notes: [String: [String: String]], signature: String?) -> Onnx_GraphProto {
        var graph = Onnx_GraphProto()
        graph.initializer = notes.keys.sorted().map { name in Onnx_TensorProto.with { ($0.name, $0.dataType, $0.dims) = (name, 1, [1]) } }
        graph.valueInfo = notes.map { name, entries in
            Onnx_ValueInfoProto.with { ($0.name, $0.metadataProps) = (name, .init(entries)) }
        }
        if let signature { graph.metadataProps = .init(["pkg.torch.export.ExportedProgram.graph_signature": signature]) }
        return graph
    }

    private let notes = [
        "fc.bias": [kind: "PARAMETER"], "positions": [kind: "BUFFER"], "lifted": [kind: "CONSTANT_TENSOR"],
        "slope": [sources: "['act.weight', 'val_1']"], "scale": [sources: "['val_2', 'val_3']"], "silent": [:],
    ]

    @Test func areThoseOfNoParameter() {
        let signature = "# inputs\np_fc_bias: PARAMETER target='fc.bias'\np_act_weight: PARAMETER target='act.weight'\nb_val: BUFFER target='val_2'"
        #expect(graph(notes, signature: signature).exportedConstants == ["positions", "lifted", "scale"])
        // Without the names of parameters, nothing is known of what was computed.
        #expect(graph(notes, signature: nil).exportedConstants == ["positions", "lifted"])
    }

    @Test func areFloatsOfSomeAxes() {
        var graph = graph(["a": [Self.kind: "BUFFER"], "b": [Self.kind: "BUFFER"], "c": [Self.kind: "BUFFER"]], signature: nil)
        graph.initializer[0].dims = []
        graph.initializer[1].dataType = 7
        #expect(graph.exportedConstants == ["c"])
    }
}
