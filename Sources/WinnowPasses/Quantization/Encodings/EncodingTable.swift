import Foundation
package import WinnowGraph
import WinnowTensor

/// Encodings of tensors by name, as AIMET and Qualcomm's tools exchange them in a JSON file: versions 0.4 to 0.6.1, 1.0.0 and
/// 2.0.0.
package struct EncodingTable: Sendable {
    /// The file, for errors.
    package let source: String
    package var encodings: [ValueName: TensorEncoding] = [:]
    /// Nodes that stay float.
    package var excludedLayers: Set<String> = []
    /// The names that the file may have.
    private var known: Set<ValueName> = []

    package init(source: String = "encodings") { self.source = source }

    /// Reads a file. Throws `.file` where that is impossible, `.data` naming what is wrong with it.
    package init(reading path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw WinnowError(.file, path, "cannot be read", remedy: "`winnow inspect MODEL --encodings FILE` writes such files")
        }
        try self.init(bytes, source: path)
    }

    func error(_ name: String, _ problem: String, remedy: String = "") -> WinnowError {
        WinnowError(.data, "\(source): \(name)", problem, remedy: remedy)
    }

    /// The same for a graph, whose names it may have whatever becomes of them.
    func about(_ graph: Graph) -> EncodingTable {
        var result = self
        result.known.formUnion(graph.valuesWithBodies)
        return result
    }

    /// Throws `.data` for a name that neither a graph has, nor those which the table is about.
    func check(in graph: Graph) throws {
        let known = about(graph).known
        let unknown = encodings.keys.filter { !known.contains($0) }.sorted()
        guard let first = unknown.first else { return }
        let near = Spelling.nearest(to: first, in: known.sorted()).map { "did you mean \($0)?" }
        let others = unknown.count > 1 ? " (and \(unknown.count - 1) others are not either)" : ""
        throw error(
            first, "is no value of the model\(others)", remedy: near ?? "`winnow inspect --format text` lists the names")
    }

    /// What stays float: tensors that have no codes, and weights of layers that are left out.
    func floats(in graph: Graph) -> Set<ValueName> {
        let tensors = encodings.filter { $0.value.codes == .float }.keys
        let excluded = graph.weightSites.filter { excludedLayers.contains($0.node.name) && encodings[$0.tensor] == nil }
        return Set(tensors).union(excluded.map(\.tensor))
    }

    /// What a tensor becomes; nil where the file says nothing of it, or that it stays float.
    func parameters(at place: EncodedPlace) throws -> QuantizationParameters? {
        guard let encoding = encodings[place.name], encoding.codes != .float else { return nil }
        do throws(TensorEncoding.Misfit) { return try encoding.parameters(at: place) } catch {
            throw self.error(place.name, error.reason)
        }
    }

    /// What weights become that the file names.
    func parameters(
        of targets: [WeightTarget], _ scheme: (WeightTarget) -> QuantizationScheme
    ) throws -> [ValueName: QuantizationParameters] {
        var result: [ValueName: QuantizationParameters] = [:]
        for target in targets where encodings[target.tensor] != nil {
            var place = EncodedPlace(target.tensor, target.stored.shape, channelAxis: target.channelAxis, scheme(target))
            (place.inputAxis, place.takesBlocks) = (target.inputAxis, true)
            result[target.tensor] = try parameters(at: place)
        }
        return result
    }

    /// The names whose encodings a graph has, and why others have none; `wanted` are those with the parameters that were to be.
    func findings(_ wanted: [ValueName: QuantizationParameters], in graph: Graph) -> [Finding] {
        let coded = Dictionary(graph.codedTensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var findings: [Finding] = []
        var count = 0
        for name in encodings.keys.sorted() {
            guard encodings[name]?.codes != .float else {
                guard graph.initializers[name] == nil else { continue }
                findings.append(Finding(name, .kept, reason: "stays float, as \(source) says"))
                continue
            }
            if let own = coded[name], let parameters = wanted[name] {
                guard own.parameters.scales != parameters.scales else { count += 1; continue }
                findings.append(Finding(name, .fellBack, reason: "its scales were raised, as a bias would not fit int32"))
            } else {
                let reason = "becomes no codes of its own: what \(source) says of it is not used"
                findings.append(Finding(name, .skipped, reason: reason))
            }
        }
        guard !encodings.isEmpty else { return [] }
        return [Finding("graph", .done, reason: "\(count) of \(encodings.count) encodings of \(source) are used")] + findings
    }
}

extension Graph {
    /// All names of values, those in control-flow bodies too.
    var valuesWithBodies: [ValueName] {
        Array(infos.keys) + nodes.flatMap { $0.op.bodies.values.flatMap(\.valuesWithBodies) }
    }
}
