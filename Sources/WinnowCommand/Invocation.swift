import Foundation

/// The command as it was given.
enum Invocation {
    /// Quoted so that a shell reads it as it was: `winnow run 'my recipe.yaml' model.onnx -o small.onnx`.
    static var text: String { (["winnow"] + CommandLine.arguments.dropFirst()).map(quoted).joined(separator: " ") }

    private static let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_./=:,%@+"))

    /// A word so that a shell reads it as it is.
    static func quoted(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.unicodeScalars.allSatisfy { $0.isASCII && plain.contains($0) }
        return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }
}
