package import WinnowTensor

/// The value of one ONNX attribute.
package enum Attribute: Sendable {
    case int(Int)
    case float(Float)
    case string(String)
    case tensor(Tensor)
    case graph(Graph)
    case ints([Int])
    case floats([Float])
    case strings([String])
    case graphs([Graph])
    case type(ValueType)
    /// What only an unknown operator reads (tensors by name, types, sparse tensors), as its file has it.
    case encoded([UInt8])
}

/// The attributes of a node by name, with typed readers.
package struct Attributes: Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var values: [String: Attribute]
    /// The number of outputs of the node they were read from; some operators are told by it what to do.
    package var outputCount: Int?

    package init(_ values: [String: Attribute] = [:]) { self.values = values }
    package init(dictionaryLiteral elements: (String, Attribute)...) {
        values = Dictionary(elements, uniquingKeysWith: { $1 })
    }

    package subscript(name: String) -> Attribute? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// The names in alphabetical order.
    package var names: [String] { values.keys.sorted() }

    /// Extents and counts are far below this; products of two still fit.
    private static let sizeLimit = 1 << 31

    /// Throws for a size that nothing has.
    package func int(_ name: String, isSize: Bool = true) throws -> Int? {
        guard let value = values[name] else { return nil }
        guard case .int(let result) = value else { throw mismatch(name, "an integer") }
        guard !isSize || result.magnitude <= Self.sizeLimit else { throw mismatch(name, "an integer up to 2^31") }
        return result
    }

    package func int(_ name: String, default fallback: Int) throws -> Int { try int(name) ?? fallback }
    package func flag(_ name: String, default fallback: Bool) throws -> Bool { try int(name).map { $0 != 0 } ?? fallback }

    package func float(_ name: String) throws -> Float? {
        guard let value = values[name] else { return nil }
        guard case .float(let result) = value else { throw mismatch(name, "a number") }
        return result
    }

    package func float(_ name: String, default fallback: Float) throws -> Float { try float(name) ?? fallback }

    package func string(_ name: String) throws -> String? {
        guard let value = values[name] else { return nil }
        guard case .string(let result) = value else { throw mismatch(name, "a string") }
        return result
    }

    package func string(_ name: String, default fallback: String) throws -> String { try string(name) ?? fallback }

    /// Throws where one is a size that nothing has.
    package func ints(_ name: String, areSizes: Bool = true) throws -> [Int]? {
        guard let value = values[name] else { return nil }
        guard case .ints(let result) = value else { throw mismatch(name, "a list of integers") }
        guard !areSizes || result.allSatisfy({ $0.magnitude <= Self.sizeLimit }) else {
            throw mismatch(name, "a list of integers up to 2^31")
        }
        return result
    }

    package func floats(_ name: String) throws -> [Float]? {
        guard let value = values[name] else { return nil }
        guard case .floats(let result) = value else { throw mismatch(name, "a list of numbers") }
        return result
    }

    package func strings(_ name: String) throws -> [String]? {
        guard let value = values[name] else { return nil }
        guard case .strings(let result) = value else { throw mismatch(name, "a list of strings") }
        return result
    }

    package func tensor(_ name: String) throws -> Tensor? {
        guard let value = values[name] else { return nil }
        guard case .tensor(let result) = value else { throw mismatch(name, "a tensor") }
        return result
    }

    package func graph(_ name: String) throws -> Graph? {
        guard let value = values[name] else { return nil }
        guard case .graph(let result) = value else { throw mismatch(name, "a graph") }
        return result
    }

    private func mismatch(_ name: String, _ kind: String) -> WinnowError {
        WinnowError(.model, "attribute \(name)", "is not \(kind)", remedy: "check how the model was exported")
    }
}

extension Attribute: CustomStringConvertible {
    package var description: String {
        switch self {
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .tensor(let value): "\(value)"
        case .graph(let value): "graph \(value.name)"
        case .ints(let values): "\(values)"
        case .floats(let values): "\(values)"
        case .strings(let values): "\(values)"
        case .graphs(let graphs): "graphs \(graphs.map(\.name).joined(separator: ", "))"
        case .type(let type): "\(type)"
        case .encoded(let bytes): "\(bytes.count) bytes"
        }
    }
}
