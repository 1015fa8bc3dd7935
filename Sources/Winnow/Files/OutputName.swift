import Foundation
import WinnowFormats
import WinnowTensor

/// What a file's ending promises; an output whose ending promises another format is refused.
public enum OutputName {
    private static let formats: [String: String] = [
        "onnx": "an ONNX model", "gguf": "a GGUF model", "ggml": "a GGML model", "tflite": "a TensorFlow Lite model",
        "pb": "a TensorFlow model", "h5": "an HDF5 file", "keras": "a Keras model", "pt": "a PyTorch file",
        "pth": "a PyTorch file", "ckpt": "a checkpoint", "mlmodel": "a Core ML model", "mlpackage": "a Core ML model",
        "ort": "a model in onnxruntime's own format", "engine": "a TensorRT engine", "trt": "a TensorRT engine",
        "pdmodel": "a Paddle model", "xml": "an OpenVINO model", "npz": "NumPy arrays", "npy": "a NumPy array",
        "safetensors": "tensors", "csv": "a table", "json": "JSON", "yaml": "YAML", "yml": "YAML", "html": "a page",
        "htm": "a page", "txt": "text", "md": "text", "zip": "an archive", "gz": "an archive", "png": "a picture",
        "jpg": "a picture", "jpeg": "a picture",
    ]

    public static func checkModel(_ path: String) throws { try check(path, ["onnx"], "an ONNX model") }

    public static func checkArrays(_ path: String) throws { try check(path, ["npz", "safetensors"], "npz or safetensors") }

    public static func checkPage(_ path: String) throws { try check(path, ["html", "htm"], "an HTML page") }

    public static func checkEncodings(_ path: String) throws { try check(path, ["json", "encodings"], "encodings") }

    public static func checkJSON(_ path: String) throws { try check(path, ["json"], "JSON") }

    /// The path of what is kept beside an output: the output's with `suffix` behind, cut where no name may be so long.
    public static func companion(of output: String, suffix: String) -> String { FilePath.companion(of: output, suffix: suffix) }

    private static func check(_ path: String, _ allowed: Set<String>, _ written: String) throws {
        let ending = URL(fileURLWithPath: path).pathExtension.lowercased()
        guard let promised = formats[ending], !allowed.contains(ending) else { return }
        throw WinnowError(
            .usage, path, "has the ending of \(promised), but \(written) is written",
            remedy: "end the name in .\(allowed.sorted().joined(separator: " or ."))")
    }
}
