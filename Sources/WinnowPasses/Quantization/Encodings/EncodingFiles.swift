import WinnowTensor

/// Names to lists of one encoding, or of one a channel.
struct Version0: Decodable {
    struct Entry: Decodable {
        var bitwidth: Int
        var dtype: String?
        var scale: Double?
        var offset: Double?

        var isFloat: Bool { dtype?.lowercased() == "float" }
    }

    var activation_encodings: [String: [Entry]]
    var param_encodings: [String: [Entry]]
}

/// Lists of encodings, each with the name of its tensor; scales of channels and blocks output by output.
struct Version1: Codable {
    struct Entry: Codable {
        var name: String
        var dtype: String?
        var enc_type: String
        var bw: Int
        var is_sym: Bool?
        var scale: [Double]?
        var offset: [Double]?
        var block_size: Int?
        var zero_point_shift: [Double]?
    }

    var version: String
    var activation_encodings: [Entry]
    var param_encodings: [Entry]
    var excluded_layers: [String]?
}

/// One list; each encoding is what ONNX's QuantizeLinear takes.
struct Version2: Codable {
    struct Entry: Codable {
        var name: String
        var output_dtype: String
        var y_scale: NestedNumbers?
        var y_zero_point: NestedNumbers?
        var axis: Int?
        var block_size: Int?
    }

    var version: String
    var encodings: [Entry]
}

/// A tensor as JSON has it: a number, or lists in lists.
enum NestedNumbers: Codable {
    case number(Double)
    case list([NestedNumbers])

    init(_ numbers: [Double], _ shape: ArraySlice<Int>) {
        guard let count = shape.first else { self = .number(numbers.first ?? 0); return }
        let inner = shape.dropFirst().reduce(1, *)
        self = .list((0..<count).map { NestedNumbers(Array(numbers[($0 * inner)..<(($0 + 1) * inner)]), shape.dropFirst()) })
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = try (try? container.decode(Double.self)).map { .number($0) } ?? .list(container.decode([NestedNumbers].self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .list(let list): try container.encode(list)
        }
    }

    /// Row by row.
    var numbers: [Double] {
        switch self {
        case .number(let number): [number]
        case .list(let list): list.flatMap(\.numbers)
        }
    }

    /// nil where lists differ in length.
    var shape: Shape? {
        switch self {
        case .number: return []
        case .list(let list):
            let shapes = list.map(\.shape)
            guard let first = shapes.first ?? .some([]), shapes.allSatisfy({ $0 == first }) else { return nil }
            return Shape([list.count] + Array(first))
        }
    }
}
