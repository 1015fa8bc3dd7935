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
    /// - Parameter followsLinks: whether its external data may lie behind links that leave its folder, as in caches of
    ///   model hubs.
    public init(reading path: String, followsLinks: Bool = Model.followsLinks) throws {
        let links: LinkPolicy = followsLinks ? .everywhere : .insideFolder
        do { graph = try ONNXFile.read(path, registry: OperatorCatalogue.registry, links: links) } catch let error as WinnowError {
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

    /// Writes an ONNX file: complete or not at all.
    public func write(to path: String) throws { try ONNXFile.write(graph, to: path) }

    /// The outputs for these inputs, all by name.
    public func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] { try Session(graph).run(inputs) }
}

extension Model {
    /// What the model costs; bytes are those of its file, latency is that of one sample on zeros.
    package func measurement(
        model: String, stage: String, data: DataSplits? = nil, measuresLatency: Bool = true, histograms: Bool = true,
        options: SessionOptions = SessionOptions()
    ) throws -> ModelMeasurement {
        var result = ModelMeasurement(graph, model: model, stage: stage, histograms: histograms)
        if let path {
            result.file = path
            result.byteCount = try ONNXFile.files(of: path).reduce(0) { try $0 + MappedFile($1).byteCount }
            result.zippedByteCount = try Zip.zippedByteCount(of: path)
        }
        if measuresLatency { result.latency = try Latency.measure(graph, options: options) }
        if let validation = data?.validation { result.validationTop1 = try Evaluation(of: graph, on: validation, options: options).top1 }
        if let test = data?.test {
            let evaluation = try Evaluation(of: graph, on: test, options: options)
            result.top1 = evaluation.top1
            result.sampleCount = evaluation.sampleCount
        }
        return result
    }
}
