import Foundation
import Testing
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Files that are cut short are refused; `FuzzTests` does worse to them.
@Suite struct HostileFiles {
    static let names = [
        "inputs-opset9.onnx", "constants.onnx", "types.onnx", "int4.onnx", "body.onnx", "external.onnx", "strings.onnx",
        "float32.npy", "fortran.npy", "bigendian.npy", "scalar.npy", "arrays.npz", "compressed.npz", "images-idx3-ubyte",
        "images-idx3-ubyte.gz", "weights.safetensors",
    ]

    @discardableResult private func read(_ path: String) throws -> String {
        switch path.split(separator: ".").last {
        case "onnx": try ONNXFile.read(path, registry: OperatorCatalogue.registry).text
        case "npy": try "\(NPY.read(path))"
        case "npz": try "\(NPZ.read(path))"
        case "safetensors": try "\(SafeTensors(contentsOf: path).tensors)"
        default: try "\(IDX.read(path))"
        }
    }

    private func original(_ name: String) throws -> [UInt8] {
        guard name == "weights.safetensors" else { return try Fixture.bytes(name) }
        return try withTemporaryFolder { folder in
            let tensors = ["a": Tensor([1, 2, 3] as [Float]), "b": Tensor(zeros: [2, 2], .uint8)]
            try SafeTensors(tensors: tensors, metadata: ["k": "v"]).write(to: folder + "/w")
            return try Array(Data(contentsOf: URL(fileURLWithPath: folder + "/w")))
        }
    }

    @Test(arguments: names) func cutFilesAreRefused(name: String) throws {
        let bytes = try original(name)
        let whole = name.hasSuffix("onnx") ? try? read(Fixture.path(name)) : nil
        try withTemporaryFolder { folder in
            let path = "\(folder)/\(name)"
            for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
                try write(bytes.prefix(count), to: path)
                // What comes after an ONNX graph may be missing unnoticed; the graph may not.
                if name.hasSuffix("onnx"), let text = try? read(path) {
                    #expect(text == whole, "\(count) of \(bytes.count) bytes")
                } else {
                    #expect(throws: WinnowError.self, "\(count) of \(bytes.count) bytes") { try read(path) }
                }
            }
        }
    }
}
