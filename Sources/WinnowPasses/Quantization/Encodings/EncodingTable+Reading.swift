package import Foundation
import WinnowGraph
import WinnowTensor

extension EncodingTable {
    private struct Head: Decodable {
        var version: String?
    }

    /// Reads a file's contents.
    package init(_ bytes: Data, source: String) throws {
        self.init(source: source)
        let decoder = JSONDecoder()
        do {
            let version = try decoder.decode(Head.self, from: bytes).version ?? "0.4.0"
            switch version.split(separator: ".").first {
            case "0": try add(decoder.decode(Version0.self, from: bytes))
            case "1": try add(decoder.decode(Version1.self, from: bytes))
            case "2": try add(decoder.decode(Version2.self, from: bytes))
            default: throw error("version", "\(version) is not known", remedy: "known: 0.6.1, 1.0.0, 2.0.0")
            }
        } catch let error as DecodingError {
            throw self.error(
                error.place, "is not what a file of encodings has there",
                remedy: "its versions are 0.6.1, 1.0.0 and 2.0.0 of AIMET's format")
        }
    }

    private mutating func add(_ name: String, _ encoding: TensorEncoding) throws {
        if let known = encodings[name], known != encoding { throw error(name, "has two different encodings") }
        encodings[name] = encoding
    }

    private mutating func add(_ file: Version0) throws {
        for part in [file.activation_encodings, file.param_encodings] {
            for (name, entries) in part.sorted(by: { $0.key < $1.key }) {
                guard let first = entries.first else { throw error(name, "has no encoding") }
                guard !first.isFloat else { try add(name, TensorEncoding(.float)); continue }
                guard entries.allSatisfy({ $0.bitwidth == first.bitwidth }) else {
                    throw error(name, "has channels of different bits")
                }
                let numbers = try entries.map { entry in
                    guard let scale = entry.scale, let offset = entry.offset else {
                        throw error(name, "has no scale or no offset")
                    }
                    return (Float(scale), try zeroPoint(offset: offset, name))
                }
                try add(
                    name,
                    TensorEncoding(
                        .bits(first.bitwidth), scales: numbers.map(\.0), zeroPoints: numbers.map(\.1),
                        entries.count == 1 ? .tensor : .slices(axis: nil)))
            }
        }
    }

    private mutating func add(_ file: Version1) throws {
        excludedLayers = Set(file.excluded_layers ?? [])
        for entry in file.activation_encodings + file.param_encodings {
            guard entry.dtype?.uppercased() != "FLOAT" else { try add(entry.name, TensorEncoding(.float)); continue }
            let name = entry.name
            guard let scales = entry.scale, let offsets = entry.offset else { throw error(name, "has no scale or no offset") }
            guard entry.zero_point_shift?.allSatisfy({ $0 == 0 }) ?? true else {
                throw error(name, "has codes between whole numbers")
            }
            let sharing: TensorEncoding.Sharing
            switch entry.enc_type {
            case "PER_TENSOR": sharing = .tensor
            case "PER_CHANNEL": sharing = .slices(axis: nil)
            case "PER_BLOCK": sharing = .blocks(entry.block_size ?? 0, axis: nil, shape: nil)
            default:
                throw error(
                    name, "has enc_type \(entry.enc_type), which is not taken", remedy: "known: PER_TENSOR, PER_CHANNEL, PER_BLOCK")
            }
            let zeroPoints = try offsets.map { try zeroPoint(offset: $0, name) }
            try add(name, TensorEncoding(.bits(entry.bw), scales: scales.map { Float($0) }, zeroPoints: zeroPoints, sharing))
        }
    }

    private mutating func add(_ file: Version2) throws {
        for entry in file.encodings {
            guard let type = ElementType(named: entry.output_dtype) else {
                throw error(entry.name, "has the output_dtype \(entry.output_dtype), which is not known")
            }
            guard let scale = entry.y_scale, case let (scales, shape?) = (scale.numbers, scale.shape) else {
                throw error(
                    entry.name, "has no scale, or one that is not written out",
                    remedy: "write y_scale as a number or lists of equal length")
            }
            let zeros = entry.y_zero_point?.numbers ?? scales.map { _ in 0 }
            let zeroPoints = try (zeros.count == 1 ? scales.map { _ in zeros[0] } : zeros).map { try whole($0, entry.name) }
            let sharing: TensorEncoding.Sharing =
                switch (entry.axis, entry.block_size ?? 0) {
                case (nil, _): .tensor
                case (let axis?, 0): .slices(axis: axis)
                case (let axis?, let size): .blocks(size, axis: axis, shape: shape)
                }
            try add(entry.name, TensorEncoding(.type(type), scales: scales.map { Float($0) }, zeroPoints: zeroPoints, sharing))
        }
    }

    /// The code from 0 on that stands for 0: x = scale · (code + offset).
    private func zeroPoint(offset: Double, _ name: String) throws -> Int { try -whole(offset, name) }

    private func whole(_ number: Double, _ name: String) throws -> Int {
        guard let whole = Int(exactly: number), whole.magnitude < 1 << 32 else {
            throw error(name, "has the zero point or offset \(number), which is no whole number")
        }
        return whole
    }
}

extension DecodingError {
    /// Where in the file: `param_encodings[3].scale`.
    fileprivate var place: String {
        let path =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context.codingPath
            case .keyNotFound(let key, let context): context.codingPath + [key]
            @unknown default: [any CodingKey]()
            }
        let text = path.reduce("") { text, key in
            text + (key.intValue.map { "[\($0)]" } ?? (text.isEmpty ? key.stringValue : ".\(key.stringValue)"))
        }
        return text.isEmpty ? "the file" : text
    }
}
