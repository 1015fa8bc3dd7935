import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowTensor

/// One ONNX test case on disk.
struct ConformanceCase {
    let path: String
    var name: String { URL(fileURLWithPath: path).lastPathComponent }
    var parent: String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

    /// The cases in a folder and in the folders below it, in order of their paths.
    static func all(in root: String) throws -> [ConformanceCase] {
        guard let below = try? FileManager.default.subpathsOfDirectory(atPath: root) else {
            throw WinnowError(.file, root, "is no folder that can be read")
        }
        return below.filter { $0 == "model.onnx" || $0.hasSuffix("/model.onnx") }.sorted()
            .map { ConformanceCase(path: URL(fileURLWithPath: "\(root)/\($0)").deletingLastPathComponent().path) }
    }

    /// Runs all data sets of the case; errors are outcomes.
    func outcome() -> Conformance.Case {
        var result = Conformance.Case(name: name, outcome: .passed, reason: "", unknownOperators: [])
        do {
            let model = try Model(reading: "\(path)/model.onnx")
            result.unknownOperators = model.graph.unknownOperators
            if let first = result.unknownOperators.first {
                throw WinnowError(.unsupported, first, "is an operator that is not known")
            }
            if let difference = try difference(model) {
                result.outcome = .failed
                result.reason = difference
            }
        } catch let error as WinnowError {
            result.outcome = error.kind == .unsupported ? .unsupported : .failed
            result.reason = error.description.replacing("\(path)/", with: "")
        } catch {
            result.outcome = .failed
            result.reason = "\(error)"
        }
        return result
    }

    /// What is wrong with the first output that differs in any data set; nil where none does.
    private func difference(_ model: Model) throws -> String? {
        let tolerance = try Tolerance(besideModelIn: path)
        let sets = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix("test_data_set_") }.sorted()
        guard !sets.isEmpty else { throw WinnowError(.data, name, "has no test_data_set_0") }
        for set in sets {
            let inputs = try values("input", in: set, names: model.graph.inputNames, of: model.graph)
            let expected = try values("output", in: set, names: model.graph.outputNames, of: model.graph)
            let actual = try Session(model.graph).run(values: inputs)
            for name in model.graph.outputNames {
                guard let wanted = expected[name] else { continue }
                guard let found = actual[name] else { return "output \(name) is missing" }
                if let difference = tolerance.difference(found, from: wanted) { return "\(set): output \(name) \(difference)" }
            }
        }
        return nil
    }

    /// `input_0.pb`, `input_1.pb`, … under the names that the model has for them.
    private func values(_ kind: String, in set: String, names: [String], of graph: Graph) throws -> [String: Datum] {
        var result: [String: Datum] = [:]
        for (index, name) in names.enumerated() {
            let file = "\(path)/\(set)/\(kind)_\(index).pb"
            guard FileManager.default.fileExists(atPath: file) else { continue }
            let type = graph.inputs.first { $0.name == name }?.type ?? graph.metadata.outputTypes[name] ?? graph.type(of: name)
            let datum = try ONNXTensorFile.read(file, as: type ?? .unknown)
            // NumPy knows no bfloat16, so the cases keep its bits as uint16.
            let isBits = datum.tensor?.elementType == .uint16 && graph.type(of: name)?.elementType == .bfloat16
            result[name] = isBits ? datum.tensor.map { .tensor($0.bits(as: .bfloat16)) } : datum
        }
        return result
    }
}

/// How far an output may be off: `|actual − expected| <= absolute + relative · |expected|`, as ONNX's own runner has it.
private struct Tolerance: Decodable {
    var relative = 1e-3
    var absolute = 1e-7

    private enum CodingKeys: String, CodingKey {
        case relative = "rtol"
        case absolute = "atol"
    }

    /// What `data.json` in the folder says; the defaults where there is none.
    init(besideModelIn folder: String) throws {
        guard let data = FileManager.default.contents(atPath: "\(folder)/data.json") else { return }
        do { self = try JSONDecoder().decode(Tolerance.self, from: data) } catch {
            throw WinnowError(.data, "data.json", "cannot be read: \(error)")
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        relative = try container.decodeIfPresent(Double.self, forKey: .relative) ?? relative
        absolute = try container.decodeIfPresent(Double.self, forKey: .absolute) ?? absolute
    }

    /// What differs, in words; nil where nothing does.
    func difference(_ actual: Datum, from expected: Datum) -> String? {
        switch (actual, expected) {
        case (.tensor(let a), .tensor(let b)): return difference(a, from: b)
        case (.list(let a), .list(let b)):
            guard a.count == b.count else { return "has \(a.count) members, not \(b.count)" }
            return zip(a, b).enumerated().lazy.compactMap { index, pair in
                difference(pair.0, from: pair.1).map { "member \(index) \($0)" }
            }.first
        case (.nothing, .nothing): return nil
        default: return "is of another kind than expected"
        }
    }

    /// What differs, in words; nil where nothing does. NaN equals NaN.
    func difference(_ actual: Tensor, from expected: Tensor) -> String? {
        guard actual.elementType == expected.elementType, actual.shape == expected.shape else {
            return "is \(actual.elementType) \(actual.shape), not \(expected.elementType) \(expected.shape)"
        }
        if actual == expected { return nil }
        var (worst, worstIndex, count) = (0.0, 0, 0)
        let (found, wanted) = (actual.doubles(), expected.doubles())
        for (index, (a, b)) in zip(found, wanted).enumerated() where a != b && !(a.isNaN && b.isNaN) {
            let distance = (a - b).magnitude
            if distance <= absolute + relative * b.magnitude, b.isFinite { continue }
            count += 1
            if distance > worst || count == 1 || distance.isNaN { (worst, worstIndex) = (distance, index) }
        }
        guard count > 0 else { return nil }
        return "differs in \(count) of \(found.count) elements, most at element \(worstIndex): "
            + "\(found[worstIndex]), not \(wanted[worstIndex])"
    }
}

extension Tensor {
    /// The same bits as elements of another type of the same width.
    fileprivate func bits(as elementType: ElementType) -> Tensor {
        var result = Tensor(uninitialized: shape, elementType)
        result.withUnsafeMutableBytes { target in withUnsafeBytes { target.copyMemory(from: $0) } }
        return result
    }
}

extension Graph {
    /// The operators that have no kernel here, control-flow bodies included, each once.
    fileprivate var unknownOperators: [String] {
        var names: [String] = []
        for node in nodes {
            if node.op is UnknownOperator { names.append(node.op.type.description) }
            for body in node.op.bodies.values { names += body.unknownOperators }
        }
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}
