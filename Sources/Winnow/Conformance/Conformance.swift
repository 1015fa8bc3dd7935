import Foundation
import WinnowPasses
import WinnowTensor

/// What became of a folder of ONNX test cases: each a `model.onnx` beside `test_data_set_*/input_*.pb` and `output_*.pb`.
public struct Conformance: Codable, Sendable {
    public enum Outcome: String, Codable, Sendable, CaseIterable { case passed, failed, unsupported }

    /// One test case.
    public struct Case: Codable, Sendable {
        /// The name of its folder.
        public var name: String
        public var outcome: Outcome
        /// The difference, or what is not supported and why; empty where it passed.
        public var reason: String
        /// Operators of the model that Winnow does not know.
        public var unknownOperators: [String]
    }

    /// The folder the cases lie in.
    public var folder: String
    public var cases: [Case]

    public func count(_ outcome: Outcome) -> Int { cases.count { $0.outcome == outcome } }

    /// One line.
    public var totals: String {
        "\(folder): " + Outcome.allCases.map { "\(count($0)) \($0.rawValue)" }.joined(separator: ", ") + ", \(cases.count) in all"
    }

    /// A line for each case that did not pass, then the totals.
    public var text: String {
        let lines = cases.filter { $0.outcome != .passed }.map { "\($0.outcome.rawValue)  \($0.name): \($0.reason)" }
        return (lines + [totals]).joined(separator: "\n")
    }
}

extension Conformance {
    /// Runs every case in `roots` and below whose name matches the glob `filter`, gathered by the folder they lie in.
    ///
    /// What goes wrong with a case is its outcome and stops no other. Throws `.file` for a root without cases.
    public static func run(_ roots: [String], filter: String = "*") throws -> [Conformance] {
        var folders: [String: [Case]] = [:]
        for root in roots {
            let cases = try ConformanceCase.all(in: root)
            guard !cases.isEmpty else {
                throw WinnowError(.file, root, "holds no test case", remedy: "give a folder of folders with model.onnx")
            }
            for test in cases where Selection.matches(filter, test.name) { folders[test.parent, default: []].append(test.outcome()) }
        }
        return folders.sorted { $0.key < $1.key }.map { Conformance(folder: $0.key, cases: $0.value) }
    }
}
