import Foundation
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
    public init(reading path: String, followsLinks: Bool = false) throws {
        let links: LinkPolicy = followsLinks ? .everywhere : .insideFolder
        do { graph = try ONNXFile.read(path, registry: OperatorCatalogue.registry, links: links) } catch let error as WinnowError {
            throw error.subject.contains(path) ? error : error.within(path)
        }
        self.path = path
    }

    /// Writes an ONNX file: complete or not at all.
    public func write(to path: String) throws { try ONNXFile.write(graph, to: path) }

    /// The outputs for these inputs, all by name.
    public func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] { try Session(graph).run(inputs) }
}

extension Model {
    /// What the model costs; bytes are those of its file, latency is that of one sample on zeros. Extents that the model leaves
    /// open are those of `sample`'s first, else of the data's; where nobody tells them, latency and operations are unknown.
    /// Accuracy needs labels.
    package func measurement(
        model: String, stage: String, data: DataSplits? = nil, sample: Dataset? = nil, measuresLatency: Bool = true, histograms: Bool = true,
        options: SessionOptions = SessionOptions()
    ) throws -> ModelMeasurement {
        var result = ModelMeasurement(graph, model: model, stage: stage, histograms: histograms)
        if let path {
            result.file = path
            result.byteCount = try ONNXFile.files(of: path).reduce(0) { try $0 + MappedFile($1).byteCount }
            result.zippedByteCount = try Zip.zippedByteCount(of: path)
        }
        if let shapes = try graph.shapesOfOneSample(of: sample ?? data?.test ?? data?.validation ?? data?.training) {
            result.multiplyAccumulates = graph.multiplyAccumulates(inputShapes: shapes).total
            if measuresLatency { result.latency = try Latency.measure(graph, shapes: shapes, options: options) }
        }
        if let validation = data?.validation, validation.labels != nil {
            result.validationTop1 = try Evaluation(of: graph, on: validation, options: options).top1
        }
        if let test = data?.test, test.labels != nil {
            let evaluation = try Evaluation(of: graph, on: test, options: options)
            result.top1 = evaluation.top1
            result.sampleCount = evaluation.sampleCount
        }
        return result
    }
}

extension Graph {
    /// The input shapes of one sample, of as many as the model fixes; nil where it leaves more open than the batch and there is
    /// no data.
    fileprivate func shapesOfOneSample(of data: Dataset?) throws -> [String: Shape]? {
        if let data, data.count > 0 {
            return try data.adapted(to: self).batchShapes(count: fixedBatchSize ?? 1, like: 0)
        }
        let isKnown = requiredInputs.allSatisfy { input in input.type.extents?.dropFirst().allSatisfy { $0.value != nil } ?? false }
        return isKnown ? sampleShapes(batchSize: 1) : nil
    }
}
