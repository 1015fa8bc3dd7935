import Foundation
import WinnowEngine
import WinnowGraph
import WinnowTensor

/// Texts as the tokens that a model takes, by the nearest `tokenizer.json`: identifiers, and where the model asks for them masks, types and places.
struct PreparedTexts: SampleCollector {
    private var tokenizer: Tokenizer
    private let path: String
    private let inputs: [(name: String, role: Role)]
    /// The tokens that a sample has where the model or `--shape` fixes them.
    private let fixed: Int?
    private var encodings: [Tokenizer.Encoding] = []

    private enum Role { case tokens, mask, types, places }

    /// Longer texts are cut where neither model, `--shape` nor tokenizer say.
    private static let usualLimit = 512

    init(in folder: String, _ reading: SampleReading) throws {
        guard let path = nearestFile(TokenizerFile.name, from: folder) else {
            throw WinnowError(.data, folder, "holds texts, but there is no \(TokenizerFile.name) in it or around it", remedy: "copy the model's tokenizer there")
        }
        self.path = path
        tokenizer = try Tokenizer(reading: path)
        let inputs = Self.roles(of: (reading.graph?.requiredInputs ?? []).map(\.name))
        self.inputs = inputs
        let name = inputs.first?.name
        let given = reading.shapes.first { $0.name == name }?.shape.extents.last
        fixed = given ?? reading.graph?.inputs.first { $0.name == name }?.type.extents?.last?.value
    }

    /// What each input of a model takes, by its name; the only one takes tokens.
    private static func roles(of names: [String]) -> [(name: String, role: Role)] {
        guard !names.isEmpty else { return [("input_ids", .tokens), ("attention_mask", .mask)] }
        guard names.count > 1 else { return [(names[0], .tokens)] }
        return names.map { name in
            let word = name.lowercased()
            let role: Role = word.contains("mask") ? .mask : word.contains("type") || word.contains("segment") ? .types : word.contains("position") ? .places : .tokens
            return (name, role)
        }
    }

    mutating func add(_ file: String) throws { add(text: try TextLines(file).lines.joined(separator: "\n")) }

    mutating func add(text: String) {
        encodings.append(tokenizer.encode(text, length: fixed ?? tokenizer.limit ?? Self.usualLimit))
    }

    private var length: Int { fixed ?? encodings.map(\.tokens.count).max() ?? 0 }

    func features() throws -> [Dataset.Feature] {
        let length = length
        try MemoryBudget.check(8 * inputs.count * encodings.count * length, for: path, remedy: "give shorter texts, or fewer")
        let isLeft = tokenizer.padding.direction == "Left"
        return inputs.map { input in
            var tensor = Tensor(zeros: [encodings.count, length], .int64)
            tensor.withMutableElements(Int64.self) { target in
                for (row, encoding) in encodings.enumerated() {
                    let count = encoding.tokens.count
                    let first = isLeft ? length - count : 0
                    for place in 0..<length {
                        let own = place - first
                        let isOwn = own >= 0 && own < count
                        target[row * length + place] = switch input.role {
                        case .tokens: Int64(isOwn ? encoding.tokens[own] : tokenizer.padding.pad_id)
                        case .mask: isOwn ? 1 : 0
                        case .types: Int64(isOwn ? encoding.types[own] : tokenizer.padding.pad_type_id ?? 0)
                        case .places: Int64(max(0, own))
                        }
                    }
                }
            }
            return .init(name: input.name, tensor)
        }
    }

    var words: String {
        "\(length) tokens each (\(path))"
    }
}

/// A file with a text a line, and behind a tab its class.
struct TextFile {
    let texts: [String]
    let labels: [String]?

    /// nil where the file is no text, or no tokenizer is near.
    init?(_ path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard ["txt", "tsv"].contains(URL(fileURLWithPath: path).pathExtension.lowercased()), nearestFile(TokenizerFile.name, from: folder) != nil else { return nil }
        let lines = try TextLines(path).lines.filter { !$0.allSatisfy(\.isWhitespace) }
        guard let first = lines.first else { throw WinnowError(.data, path, "is empty", remedy: "write a text a line") }
        guard first.contains("\t") else {
            (texts, labels) = (lines, nil)
            return
        }
        let parts = try lines.map { line in
            guard let tab = line.lastIndex(of: "\t") else {
                throw WinnowError(.data, path, "has a line without a tab, as the first has: \(line.prefix(60))", remedy: "write text, tab and class in every line")
            }
            return (String(line[..<tab]), line[line.index(after: tab)...].trimmingCharacters(in: .whitespaces))
        }
        (texts, labels) = (parts.map(\.0), parts.map(\.1))
    }

    /// The texts as a model takes them.
    func samples(_ path: String, _ reading: SampleReading) throws -> (Dataset, words: String) {
        var prepared = try PreparedTexts(in: URL(fileURLWithPath: path).deletingLastPathComponent().path, reading)
        for text in texts { prepared.add(text: text) }
        let numbers = try labels?.classNumbers(of: path)
        let classes = SampleFiles.sorted(Set(labels ?? []))
        let data = try Dataset(
            prepared.features(), labels: numbers ?? labels.map { $0.compactMap(classes.firstIndex) })
        return (data, "\(data.count) texts\(data.classWords), \(prepared.words)")
    }
}
