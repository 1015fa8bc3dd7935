import SwiftProtobuf
import WinnowGraph

extension Onnx_GraphProto {
    /// What is said of values beside their types, by name.
    var valueNotes: [ValueName: ValueNotes] {
        var result: [ValueName: ValueNotes] = [:]
        for infos in [valueInfo, input, output] {
            for info in infos where info.hasNotes { result[info.name, default: ValueNotes()].add(info) }
        }
        for tensor in initializer where tensor.hasDocString || !tensor.metadataProps.isEmpty {
            result[tensor.name, default: ValueNotes()].tensor = tensor.notes
        }
        for annotation in quantizationAnnotation {
            result[annotation.tensorName, default: ValueNotes()].quantization = annotation.quantParameterTensorNames.dictionary
        }
        return result
    }

    /// Writes what is said of the graph and of those of its values that are still there.
    mutating func addNotes(of graph: Graph) {
        self.notes = graph.metadata.graphNotes
        let notes = graph.metadata.valueNotes
        guard !notes.isEmpty else { return }
        for index in input.indices { input[index].add(notes[input[index].name]) }
        for index in output.indices { output[index].add(notes[output[index].name]) }
        for index in valueInfo.indices { valueInfo[index].add(notes[valueInfo[index].name]) }
        for index in initializer.indices { initializer[index].notes = notes[initializer[index].name]?.tensor ?? Notes() }
        quantizationAnnotation = notes.sorted { $0.key < $1.key }.compactMap { name, notes in
            let names = [name] + notes.quantization.values
            guard !notes.quantization.isEmpty, names.allSatisfy({ graph.infos[$0] != nil }) else { return nil }
            return Onnx_TensorAnnotation.with {
                $0.tensorName = name
                $0.quantParameterTensorNames = .init(notes.quantization)
            }
        }
    }
}

extension Onnx_ValueInfoProto {
    fileprivate var hasNotes: Bool {
        hasDocString || !metadataProps.isEmpty || type.hasDenotation
            || type.tensorType.shape.dim.contains { $0.hasDenotation }
    }

    fileprivate mutating func add(_ notes: ValueNotes?) {
        guard let notes else { return }
        self.notes = notes.notes
        if !notes.denotation.isEmpty, hasType { type.denotation = notes.denotation }
        for (axis, denotation) in notes.axisDenotations where type.tensorType.shape.dim.indices.contains(axis) {
            type.tensorType.shape.dim[axis].denotation = denotation
        }
    }
}

extension ValueNotes {
    fileprivate mutating func add(_ info: Onnx_ValueInfoProto) {
        notes = info.notes
        denotation = info.type.denotation
        for (axis, dimension) in info.type.tensorType.shape.dim.enumerated() where dimension.hasDenotation {
            axisDenotations[axis] = dimension.denotation
        }
    }
}
