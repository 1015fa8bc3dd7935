import Foundation
import WinnowFormats
import WinnowTensor

extension String {
    /// The class that a label says by its number, `2` or, as tables with gaps are often written, `2.0`; nil where it is a name.
    var classNumber: Int? {
        let text = trimmingCharacters(in: .whitespaces)
        return Int(text) ?? Double(decimal: text).flatMap { Int(exactly: $0) }
    }
}

extension [String] {
    /// The classes that labels say by their numbers; nil where some are names. Throws `.data` where one is empty, and where they are
    /// numbers but no classes.
    func classNumbers(of subject: String) throws -> [Int]? {
        guard allSatisfy({ $0.contains { !$0.isWhitespace } }) else {
            throw WinnowError(.data, "\(subject): labels", "are missing in places", remedy: "take the samples without one out")
        }
        let numbers = compactMap(\.classNumber)
        if numbers.count == count { return numbers }
        if let part = first(where: { $0.classNumber == nil }), allSatisfy({ Double(decimal: $0.trimmingCharacters(in: .whitespaces)) != nil }) {
            throw WinnowError(.data, "\(subject): labels", "are no classes: one of them is \(part)", remedy: "give whole numbers or names")
        }
        return nil
    }
}
