public import WinnowTensor

/// The value of one ONNX attribute; numbers, texts and lists may be written as they are.
public enum Attribute: Sendable {
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
    /// The numbers of inputs and outputs of the node they were read from; some operators are told by them what to do.
    package var inputCount: Int?
    package var outputCount: Int?
    /// How many of the outputs have a name, where the file says so.
    package var namedOutputCount: Int?
    /// Told of every attribute that an operator asks for.
    private var reads: AttributeReads?

    package init(_ values: [String: Attribute] = [:]) { self.values = values }
    package init(dictionaryLiteral elements: (String, Attribute)...) {
        values = Dictionary(elements, uniquingKeysWith: { $1 })
    }

    package subscript(name: String) -> Attribute? {
        get {
            reads?.names.insert(name)
            return values[name]
        }
        set { values[name] = newValue }
    }

    /// Gives what `read` makes of the attributes; throws where it asks for none of the name of one that is there: what nobody
    /// reads would be lost, and may have meant something.
    package func readWhole<Result>(_ read: (Attributes) throws -> Result) throws -> Result {
        guard !values.isEmpty else { return try read(self) }
        var watched = self
        let reads = AttributeReads()
        watched.reads = reads
        let result = try read(watched)
        for name in names where !reads.names.contains(name) && !Self.hints.contains(name) {
            throw WinnowError(
                .unsupported, "attribute \(name)", "is not known", remedy: "check the operator set and the exporter of the model")
        }
        return result
    }

    /// What the first operator sets said about memory.
    private static let hints: Set<String> = ["consumed_inputs"]

    /// The names in alphabetical order.
    package var names: [String] { values.keys.sorted() }

    /// Extents and counts are far below this; products of two still fit.
    private static let sizeLimit = 1 << 31

    /// Throws for a size that nothing has.
    package func int(_ name: String, isSize: Bool = true) throws -> Int? {
        guard let value = self[name] else { return nil }
        guard case .int(let result) = value else { throw mismatch(name, "an integer") }
        guard !isSize || result.magnitude <= Self.sizeLimit else { throw mismatch(name, "an integer up to 2^31") }
        return result
    }

    package func int(_ name: String, default fallback: Int) throws -> Int { try int(name) ?? fallback }
    package func flag(_ name: String, default fallback: Bool) throws -> Bool { try int(name).map { $0 != 0 } ?? fallback }

    package func float(_ name: String) throws -> Float? {
        guard let value = self[name] else { return nil }
        guard case .float(let result) = value else { throw mismatch(name, "a number") }
        return result
    }

    package func float(_ name: String, default fallback: Float) throws -> Float { try float(name) ?? fallback }

    package func string(_ name: String) throws -> String? {
        guard let value = self[name] else { return nil }
        guard case .string(let result) = value else { throw mismatch(name, "a string") }
        return result
    }

    package func string(_ name: String, default fallback: String) throws -> String { try string(name) ?? fallback }

    /// Throws where one is a size that nothing has.
    package func ints(_ name: String, areSizes: Bool = true) throws -> [Int]? {
        guard let value = self[name] else { return nil }
        guard case .ints(let result) = value else { throw mismatch(name, "a list of integers") }
        guard !areSizes || result.allSatisfy({ $0.magnitude <= Self.sizeLimit }) else {
            throw mismatch(name, "a list of integers up to 2^31")
        }
        return result
    }

    package func floats(_ name: String) throws -> [Float]? {
        guard let value = self[name] else { return nil }
        guard case .floats(let result) = value else { throw mismatch(name, "a list of numbers") }
        return result
    }

    package func strings(_ name: String) throws -> [String]? {
        guard let value = self[name] else { return nil }
        guard case .strings(let result) = value else { throw mismatch(name, "a list of strings") }
        return result
    }

    package func tensor(_ name: String) throws -> Tensor? {
        guard let value = self[name] else { return nil }
        guard case .tensor(let result) = value else { throw mismatch(name, "a tensor") }
        return result
    }

    package func graph(_ name: String) throws -> Graph? {
        guard let value = self[name] else { return nil }
        guard case .graph(let result) = value else { throw mismatch(name, "a graph") }
        return result
    }

    private func mismatch(_ name: String, _ kind: String) -> WinnowError {
        WinnowError(.model, "attribute \(name)", "is not \(kind)", remedy: "check how the model was exported")
    }
}

/// The attributes that have been asked for.
private final class AttributeReads: @unchecked Sendable {
    var names: Set<String> = []
}

extension Attribute: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(floatLiteral value: Float) { self = .float(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: Int...) { self = .ints(elements) }
}

extension Attribute: CustomStringConvertible {
    public var description: String {
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
