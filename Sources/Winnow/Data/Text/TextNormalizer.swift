import Foundation
import WinnowTensor

/// What is done to a text before it is split into words, as `tokenizer.json` says.
struct TextNormalizer {
    private let steps: [@Sendable (String) -> String]

    /// Throws `.unsupported` for a kind that is not read.
    init(_ part: TokenizerFile.Part?) throws { steps = try part.map(Self.steps) ?? [] }

    func callAsFunction(_ text: String) -> String { steps.reduce(text) { $1($0) } }

    private static func steps(_ part: TokenizerFile.Part) throws -> [@Sendable (String) -> String] {
        switch part.type {
        case "Sequence": return try (part.normalizers ?? []).flatMap(steps)
        case "BertNormalizer": return bert(part)
        case "Lowercase": return [lowercased]
        case "StripAccents": return [strippingMarks]
        case "NFC": return [{ $0.precomposedStringWithCanonicalMapping }]
        case "NFD": return [{ $0.decomposedStringWithCanonicalMapping }]
        case "NFKC": return [{ $0.precomposedStringWithCompatibilityMapping }]
        case "NFKD": return [{ $0.decomposedStringWithCompatibilityMapping }]
        case "Nmt": return [spacingForTranslation]
        case "Precompiled":
            // Written so where a model maps nothing.
            guard let map = part.precompiled_charsmap, !map.isEmpty else { return [] }
            return [try CharacterMap(base64: map).callAsFunction]
        case "Strip":
            let (left, right) = (part.strip_left ?? true, part.strip_right ?? true)
            return [{ stripped($0, left, right) }]
        case "Prepend":
            let prefix = part.prepend ?? ""
            return [{ $0.isEmpty ? $0 : prefix + $0 }]
        case "Replace":
            let (splitter, content) = (try WordPattern(part.pattern), part.content ?? "")
            return [{ text in
                let units = text as NSString
                var (result, end) = ("", 0)
                for range in splitter.matches(in: text) {
                    result += units.substring(with: NSRange(location: end, length: range.lowerBound - end)) + content
                    end = range.upperBound
                }
                return result + units.substring(from: end)
            }]
        default:
            throw TokenizerFile.unsupported("has the normalizer \(part.type), which is not read")
        }
    }

    private static func bert(_ part: TokenizerFile.Part) -> [@Sendable (String) -> String] {
        let lowers = part.lowercase ?? true
        var steps: [@Sendable (String) -> String] = []
        if part.clean_text ?? true { steps.append(cleaned) }
        if part.handle_chinese_chars ?? true { steps.append(spacingIdeographs) }
        if part.strip_accents ?? lowers { steps.append { strippingMarks($0.decomposedStringWithCanonicalMapping) } }
        if lowers { steps.append(lowercased) }
        return steps
    }

    private static func mapping(_ text: String, _ change: (Unicode.Scalar, inout String.UnicodeScalarView) -> Void) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { change(scalar, &result) }
        return String(result)
    }

    private static func lowercased(_ text: String) -> String {
        mapping(text) { $1.append(contentsOf: $0.properties.lowercaseMapping.unicodeScalars) }
    }

    /// Without nonspacing marks, as Python's `tokenizers` takes accents.
    private static func strippingMarks(_ text: String) -> String {
        mapping(text) { scalar, result in if scalar.properties.generalCategory != .nonspacingMark { result.append(scalar) } }
    }

    /// Without controls, and with spaces for all white space.
    private static func cleaned(_ text: String) -> String {
        mapping(text) { scalar, result in
            if scalar.isSpace { return result.append(" ") }
            let isOther: Bool = switch scalar.properties.generalCategory {
            case .control, .format, .unassigned, .privateUse, .surrogate: true
            default: scalar.value == 0xFFFD
            }
            if !isOther { result.append(scalar) }
        }
    }

    /// Without controls, and with spaces for other white space and what cannot be seen.
    private static func spacingForTranslation(_ text: String) -> String {
        mapping(text) { scalar, result in
            switch scalar.value {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
            case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: result.append(" ")
            default: result.append(scalar)
            }
        }
    }

    private static func spacingIdeographs(_ text: String) -> String {
        let blocks: [ClosedRange<UInt32>] = [
            0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F,
        ]
        return mapping(text) { scalar, result in
            let isIdeograph = blocks.contains { $0.contains(scalar.value) }
            if isIdeograph { result.append(" ") }
            result.append(scalar)
            if isIdeograph { result.append(" ") }
        }
    }

    private static func stripped(_ text: String, _ left: Bool, _ right: Bool) -> String {
        var scalars = text.unicodeScalars[...]
        if left { scalars = scalars.drop { $0.isSpace } }
        while right, let last = scalars.last, last.isSpace { scalars.removeLast() }
        return String(scalars)
    }
}

extension Unicode.Scalar {
    var isSpace: Bool { properties.isWhitespace }

    /// What BERT takes for punctuation: all of ASCII that is neither letter, digit, space nor control, and Unicode's.
    var isPunctuation: Bool {
        switch value {
        case 33...47, 58...64, 91...96, 123...126: return true
        default: break
        }
        switch properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation, .otherPunctuation: return true
        default: return false
        }
    }
}
