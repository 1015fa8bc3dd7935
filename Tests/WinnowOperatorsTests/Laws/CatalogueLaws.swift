import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Catalogue, folder and samples tell of the same operators.
@Suite struct CatalogueLaws {
    @Test func everyOperatorInTheFolderIsInTheCatalogue() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/WinnowOperators")
            .resolvingSymlinksInPath()
        let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        var declared: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            guard text.contains("package static let type = OperatorType(") else { continue }
            let match = try #require(text.firstMatch(of: /package struct (\w+):/), "\(file.lastPathComponent)")
            declared.insert(String(match.1))
        }
        let listed = OperatorCatalogue.all.map { "\($0)" }
        #expect(declared == Set(listed))
        #expect(listed == listed.sorted())
    }

    @Test func namesAreUnique() {
        #expect(Set(OperatorCatalogue.all.map { $0.type }).count == OperatorCatalogue.all.count)
    }

    @Test(arguments: OperatorCatalogue.all.map { "\($0)" }) func everyOperatorHasSamples(_ name: String) {
        #expect(OperatorSamples.all.contains { "\(type(of: $0.op))" == name })
    }

    /// Attributes that are called types or precisions are said to be numbers of types.
    @Test func typesInAttributesAreNamed() throws {
        var count = 0
        for sample in OperatorSamples.all where sample.op.type.domain != "winnow" {
            for (name, value) in sample.op.attributes.values {
                guard case .int = value, name == "to" || name.hasSuffix("type") || name.hasSuffix("precision") else { continue }
                #expect(type(of: sample.op).typeAttributes.contains(name), "\(sample.op.type) \(name)")
                count += 1
            }
        }
        #expect(count > 0)
    }

    /// Operators of files that make floats of floats and have no gradient, and why.
    static let undifferentiated: [String: String] = [
        "Adagrad": "a step of an optimizer", "Adam": "a step of an optimizer", "Momentum": "a step of an optimizer",
        "Bernoulli": "draws", "RandomNormalLike": "draws", "RandomUniformLike": "draws",
        "DynamicQuantizeLSTM": "rounds to codes", "DynamicQuantizeMatMul": "rounds to codes", "DynamicQuantizeLinear": "rounds to codes", "EyeLike": "constant",
        "Hardmax": "constant but for jumps", "Loop": "runs between plans", "Scan": "runs between plans",
        "SequenceMap": "runs between plans",
        "ConcatFromSequence": "differentiated through the values it joins", "OptionalGetElement": "differentiated through the value it holds",
        "OptionalValue": "runs between plans", "SequenceAt": "differentiated through the value it picks",
        "SequenceConstruct": "differentiated through the values it holds", "SequenceErase": "differentiated through the values it holds",
        "SequenceInsert": "differentiated through the values it holds", "SplitToSequence": "differentiated through Split",
    ]

    /// A gradient that samples compare with differences, or a reason why there is none.
    @Test func floatsHaveGradients() throws {
        let candidates = try OperatorSamples.all.filter { sample in
            let takesFloats = sample.inputs.enumerated().contains { $1?.elementType == .float32 && !sample.constants.contains($0) }
            let outputs = try sample.op.outputs(for: sample.infos())
            return sample.op.type.domain != "winnow" && takesFloats && outputs.contains { $0.elementType == .float32 }
        }
        let names = Set(candidates.map { "\(type(of: $0.op))" })
        let differentiated = Set(candidates.filter { !$0.differentiated.isEmpty }.map { "\(type(of: $0.op))" })
        #expect(names.subtracting(differentiated).sorted() == Self.undifferentiated.keys.sorted())
    }
}
