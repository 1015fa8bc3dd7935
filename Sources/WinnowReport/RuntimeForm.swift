package import WinnowGraph
import WinnowPasses

/// What a runtime makes of a model, as far as that is known without running it.
public struct RuntimeForm: Codable, Hashable, Sendable {
    /// `onnxruntime`
    public var name: String
    /// Layers, and those that it computes in integers; nil where that was not measured of the runtime.
    public var layerCount: Int?
    public var integerLayerCount: Int?
    /// What of the model it does not take, each reason once.
    public var objections: [String]
}

extension RuntimeForm {
    /// Of every runtime that files are made for.
    package static func all(of graph: Graph) -> [RuntimeForm] {
        ExportProfiles.runtimes.map { profile in
            let prediction = RuntimePrediction(graph, on: profile)
            var seen: Set<String> = []
            return RuntimeForm(
                name: profile.name, layerCount: prediction?.layerCount, integerLayerCount: prediction?.integerLayerCount,
                objections: profile.objections(to: graph).map(\.reason).filter { seen.insert($0).inserted })
        }
    }
}

extension Report {
    /// What comes of the compressed model where it runs: what is less for all, what was measured here, what is known of others.
    var runtimeSection: String {
        guard let runtimes, let verdict, let first = models.first, let last = models.last else { return "" }
        let arithmetic = Self.arithmetic(first, last)
        let size = verdict.smaller.map { "\(Verdict.size($0)) on disk" }
        let speeds = [(verdict.speedup, "1 thread"), (verdict.speedupOnAllThreads, "all threads")].compactMap { speed, threads in
            speed.map { "\($0.words) on \(threads)" }
        }
        var rows = [["any", "counted", [size, arithmetic].compactMap { $0 }.joined(separator: "; ")]]
        if !speeds.isEmpty { rows.append(["Winnow", "measured here", speeds.joined(separator: "; ")]) }
        rows += runtimes.map { [$0.name, "predicted", $0.text(hasCodes: last.coverage != nil)] }
        let measured = runtimes.filter { $0.layerCount != nil }.map(\.name).joined(separator: " and ")
        let known = measured.isEmpty ? "" : "which layers \(measured) compute in integers was measured of each before; "
        return HTML.table("What each runtime gains", ["runtime", "how it is known", "what it gains"], rows, numbers: [])
            + HTML.paragraph(
                "Other runtimes were not run here: \(known)their times are not told. winnow export writes the file that each wants.", "soft")
    }

    private static func arithmetic(_ first: ModelMeasurement, _ last: ModelMeasurement) -> String? {
        guard let before = first.multiplyAccumulates, let after = last.multiplyAccumulates, after > 0 else { return nil }
        let ratio = Double(before) / Double(after)
        if (0.995..<1.005).contains(ratio) { return "as many multiply–accumulates" }
        return "\(Format.number(ratio > 1 ? ratio : 1 / ratio, 2))× \(ratio > 1 ? "fewer" : "more") multiply–accumulates"
    }
}

extension RuntimeForm {
    /// - Parameter hasCodes: whether a layer of the model holds codes.
    fileprivate func text(hasCodes: Bool) -> String {
        if let first = objections.first {
            return "does not take it as it is: \(first)\(objections.count > 1 ? ", and \(objections.count - 1) more" : "")"
        }
        if let layerCount, let integerLayerCount, integerLayerCount > 0 { return "\(integerLayerCount) of \(layerCount) layers in integers" }
        guard hasCodes else { return "takes it" }
        return layerCount == nil ? "takes it; which layers it computes in integers is not known" : "takes it, and computes in float"
    }
}
