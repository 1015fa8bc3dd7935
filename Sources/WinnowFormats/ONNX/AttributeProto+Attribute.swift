import WinnowGraph
import WinnowTensor

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Onnx_AttributeProto {
    /// The attribute as a value; `body` reads a control-flow body.
    func attribute(external: ExternalDataReader, body: (Onnx_GraphProto) throws -> Graph) throws -> Attribute {
        let subject = "attribute \(name)"
        guard !hasRefAttrName else {
            throw WinnowError(.model, subject, "refers to a function's attribute outside a function")
        }
        switch effectiveType {
        case .int: return .int(Int(i))
        case .float: return .float(f)
        case .string: return .string(try Self.text(s, subject))
        case .tensor: return .tensor(try Tensor(t, subject: subject, external: external))
        case .graph: return .graph(try body(g))
        case .ints: return .ints(ints.map { Int($0) })
        case .floats: return .floats(floats)
        case .strings: return .strings(try strings.map { try Self.text($0, subject) })
        case .tensors, .graphs, .sparseTensor, .sparseTensors, .typeProto, .typeProtos:
            throw WinnowError(.unsupported, subject, "is of a kind (\(type)) that is not supported")
        case .undefined: throw WinnowError(.model, subject, "has no value")
        }
    }

    /// The kind; files of the first IR versions leave it out.
    private var effectiveType: AttributeType {
        if type != .undefined { return type }
        if hasI { return .int }
        if hasF { return .float }
        if hasS { return .string }
        if hasT { return .tensor }
        if hasG { return .graph }
        if !ints.isEmpty { return .ints }
        if !floats.isEmpty { return .floats }
        return strings.isEmpty ? .undefined : .strings
    }

    private static func text(_ bytes: Data, _ subject: String) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw WinnowError(.unsupported, subject, "holds bytes that are not text")
        }
        return text
    }

    /// The attribute to write; `body` writes a control-flow body.
    init(name: String, _ value: Attribute, body: (Graph) throws -> Onnx_GraphProto) rethrows {
        self.init()
        self.name = name
        switch value {
        case .int(let value): (type, i) = (.int, Int64(value))
        case .float(let value): (type, f) = (.float, value)
        case .string(let value): (type, s) = (.string, Data(value.utf8))
        case .tensor(let value): (type, t) = (.tensor, Onnx_TensorProto(value))
        case .graph(let value): (type, g) = (.graph, try body(value))
        case .ints(let values): (type, ints) = (.ints, values.map { Int64($0) })
        case .floats(let values): (type, floats) = (.floats, values)
        case .strings(let values): (type, strings) = (.strings, values.map { Data($0.utf8) })
        }
    }
}
