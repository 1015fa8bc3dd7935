import Foundation
import WinnowFormats
import WinnowGraph
public import WinnowPasses
import WinnowTensor

extension Model {
    /// Writes the scales and zero points of a quantized model as a JSON file that `encodings` of static and weight-only
    /// quantization, AIMET and Qualcomm's tools read. Throws `.usage` where the file would take the place of the model, `.model`
    /// where it has no codes.
    ///
    /// - Returns: how many activations and weights are in it.
    @discardableResult
    public func writeEncodings(
        to file: String, _ version: EncodingVersion = .offsets
    ) throws -> (activations: Int, weights: Int) {
        var files = FileRoles()
        if let path { files.reads(model: path) }
        try OutputName.checkEncodings(file)
        try files.writes(file, for: "--encodings")
        let (json, activations, weights) = try graph.encodings(version)
        try AtomicFile.write(Array(json), to: file)
        return (activations, weights)
    }
}
