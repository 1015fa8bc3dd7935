/// What went wrong, where, and what to do about it; one clear sentence for the user.
public struct WinnowError: Error, Hashable, Sendable {
    /// The kinds of failure; `usage` ends the program with exit code 2, every other kind with 1.
    public enum Kind: String, Sendable {
        case usage, file, model, unsupported, shape, data, recipe, numeric, cancelled
    }

    public var kind: Kind
    /// Where: a file, node, tensor, option or recipe step.
    public var subject: String
    /// What is wrong with it.
    public var problem: String
    /// What the user can do; may be empty.
    public var remedy: String
    /// The page of `Guides/` that helps further: `Data`; nil: none.
    public var guide: String?

    public init(_ kind: Kind, _ subject: String, _ problem: String, remedy: String = "") {
        self.kind = kind
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
    }

    /// The same error seen from further out: `place` is put before the subject.
    public func within(_ place: String) -> WinnowError {
        var outer = self
        outer.subject = subject.isEmpty ? place : "\(place): \(subject)"
        return outer
    }

    /// What `work` gives; where it fails, its error leads to a page of `Guides/`, unless it leads to a nearer one already. What is wrong
    /// with files, and requests to stop, no page explains.
    public static func leading<Result>(to guide: String, _ work: () throws -> Result) throws -> Result {
        do { return try work() } catch var error as WinnowError where error.guide == nil && ![.file, .cancelled].contains(error.kind) {
            error.guide = guide
            throw error
        }
    }

    public var exitCode: Int32 { kind == .usage ? 2 : 1 }
}

extension WinnowError: CustomStringConvertible {
    public var description: String {
        let sentence = subject.isEmpty ? problem : "\(subject): \(problem)"
        // Names may have line breaks; a sentence has none.
        return (remedy.isEmpty ? sentence : "\(sentence); \(remedy)").split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension WinnowError {
    /// The sentence, and where to read on.
    public var descriptionWithGuide: String { guide.map { "\(self); see Guides/\($0).md" } ?? description }
}
