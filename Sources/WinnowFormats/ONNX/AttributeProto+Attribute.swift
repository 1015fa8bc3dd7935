import SwiftProtobuf
import WinnowGraph
import WinnowTensor

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Onnx_AttributeProto {
    /// The attribute as a value; `body` reads a control-flow body. What an operator that is known never has is kept as it
    /// is for one that is not.
    func attribute(
        external: ExternalDataReader, ofKnown isKnown: Bool = true, body: (Onnx_GraphProto) throws -> Graph
    ) throws -> Attribute {
        let subject = "attribute \(name)"
        guard !hasRefAttrName else {
            throw WinnowError(.model, subject, "refers to a function's attribute outside a function")
        }
        if !isKnown, hasMoreThanAValue {
            do { return .encoded(try serializedBytes()) } catch { throw WinnowError(.model, subject, "cannot be kept: \(error)") }
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
        case .graphs: return .graphs(try graphs.map(body))
        case .typeProto: return .type(try ValueType(tp, of: subject))
        case .sparseTensor: return .tensor(try Tensor(sparseTensor, subject: subject, external: external))
        case .tensors, .sparseTensors, .typeProtos:
            throw WinnowError(.unsupported, subject, "is of a kind (\(type)) that is not supported")
        case .undefined: throw WinnowError(.model, subject, "has no value")
        }
    }

    /// The type of what a Constant with this attribute gives, if no tensor here holds it.
    func foreignConstantType() throws -> ValueType? {
        switch effectiveType {
        case .string: try Onnx_TensorProto.foreignType(8, [], of: name)
        case .strings: try Onnx_TensorProto.foreignType(8, [Int64(strings.count)], of: name)
        case .tensor where t.isForeign: try Onnx_TensorProto.foreignType(t.dataType, t.dims, of: name)
        default: nil
        }
    }

    /// Whether `Attribute`'s own cases would lose something of it.
    private var hasMoreThanAValue: Bool {
        switch effectiveType {
        case .tensor: t.dataLocation != .external && (!t.name.isEmpty || t.isForeign)
        case .string, .strings: !([s] + strings).allSatisfy { String(validating: $0, as: UTF8.self) != nil }
        case .tensors, .sparseTensor, .sparseTensors, .typeProto, .typeProtos: true
        default: false
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
    init(name: String, _ value: Attribute, body: (Graph) throws -> Onnx_GraphProto) throws {
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
        case .graphs(let values): (type, graphs) = (.graphs, try values.map(body))
        case .type(let value): (type, tp) = (.typeProto, try Onnx_TypeProto(value))
        case .encoded(let bytes): try merge(serializedBytes: bytes)
        case .strings(let values): (type, strings) = (.strings, values.map { Data($0.utf8) })
        }
    }
}
