import Foundation
import Synchronization
import WinnowEngine
import WinnowFormats
public import WinnowGraph
import WinnowOperators
package import WinnowReport
public import WinnowTensor

/// A graph together with the file it lives in.
public struct Model: Sendable {
    public var graph: Graph
    public var path: String?

    public init(_ graph: Graph, path: String? = nil) {
        self.graph = graph
        self.path = path
    }

    /// Reads an ONNX file. Throws `.file` or `.model` naming the file and what is wrong with it.
    ///
    /// With `followsLinks` its external data may lie behind links that leave its folder, as in caches of model hubs.
    public init(reading path: String, followsLinks: Bool = Model.followsLinks) throws {
        let links: LinkPolicy = followsLinks ? .everywhere : .insideFolder
        do {
            graph = try ONNXFile.read(path, registry: OperatorCatalogue.registry, links: links).capturingUnchangedStates().takingKnownLists()
        } catch let error as WinnowError {
            throw error.subject.contains(path) ? error : error.within(path)
        }
        self.path = path
    }

    /// What holds where nothing else is said: whether links that leave a model's folder are followed.
    public static var followsLinks: Bool {
        get { linkPolicy.withLock { $0 } }
        set { linkPolicy.withLock { $0 = newValue } }
    }

    private static let linkPolicy = Mutex(false)

    /// Its file's name without folder and ending, as reports call it; nil where it has no file.
    var fileTitle: String? { path.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent } }

    /// Writes an ONNX file: complete or not at all.
    public func write(to path: String) throws { try ONNXFile.write(graph, to: path) }

    /// The outputs for these inputs, all by name. Throws `.data` where there are no samples and the model does not take none.
    public func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
        do { return try Session(graph).run(inputs) } catch let error as WinnowError {
            guard SampleAxes(of: graph).count(in: inputs.mapValues(\.shape)) == 0 else { throw error }
            throw WinnowError(.data, "the input", "has no samples", remedy: "give at least one")
        }
    }
}

extension Model: CustomStringConvertible {
    /// `lenet-5: input float32[N, 1, 28, 28] → logits float32[N, 10], 431,080 parameters (baseline.onnx)`
    public var description: String {
        func words(_ names: [String]) -> String {
            names.map { name in graph.type(of: name).map { "\(name) \($0)" } ?? name }.joined(separator: ", ")
        }
        let file = path.map { " (\($0))" } ?? ""
        return "\(graph.name): \(words(graph.inputNames)) → \(words(graph.outputNames)), \(Format.count(graph.parameterCount)) parameters\(file)"
    }
}

extension Model {
    /// What the model costs; bytes are those of its file, multiply–accumulates those of one sample of `shapes`.
    /// `zips` asks for the bytes of its zip too, which takes seconds for large models.
    package func cost(
        model: String, stage: String, shapes: InputShapes = InputShapes(), histograms: Bool = true, zips: Bool = true
    ) throws -> ModelMeasurement {
        var result = ModelMeasurement(graph, model: model, stage: stage, shapes: shapes, histograms: histograms)
        guard let path else { return result }
        result.file = path
        result.byteCount = try ONNXFile.files(of: path).reduce(0) { try $0 + MappedFile($1).byteCount }
        if zips { result.zippedByteCount = try ONNXFile.zippedByteCount(of: path) }
        return result
    }
}
