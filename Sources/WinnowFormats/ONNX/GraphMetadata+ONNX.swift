import WinnowGraph
import WinnowTensor

extension GraphMetadata {
    init(_ model: Onnx_ModelProto) throws {
        self.init()
        guard !model.opsetImport.isEmpty else {
            throw WinnowError(.model, "", "names no operator set", remedy: "the file is probably cut short")
        }
        irVersion = Int(clamping: model.irVersion)
        opsets = model.opsetImport.opsets
        if let version = opsets[""], !ONNXReader.supportedVersions.contains(version) {
            let range = ONNXReader.supportedVersions
            throw WinnowError(
                .unsupported, "", "uses operator set \(version); \(range.lowerBound) to \(range.upperBound) are supported",
                remedy: "export it with another opset")
        }
        producerName = model.producerName
        producerVersion = model.producerVersion
        domain = model.domain
        modelVersion = Int(model.modelVersion)
        documentation = model.docString
        properties = model.metadataProps.dictionary
    }
}

extension Onnx_ModelProto {
    /// Fills in what the model says about itself beyond its graph and versions.
    mutating func add(_ metadata: GraphMetadata) {
        producerName = metadata.producerName
        if !metadata.producerVersion.isEmpty { producerVersion = metadata.producerVersion }
        if !metadata.domain.isEmpty { domain = metadata.domain }
        if metadata.modelVersion != 0 { modelVersion = Int64(metadata.modelVersion) }
        if !metadata.documentation.isEmpty { docString = metadata.documentation }
        metadataProps = .init(metadata.properties)
    }
}
