package import Foundation
package import WinnowGraph
import WinnowTensor

/// The versions in which encodings are written.
public enum EncodingVersion: String, Sendable, CaseIterable {
    /// Bits and offsets; layers that stay float are named too.
    case offsets = "1.0.0"
    /// As ONNX's QuantizeLinear takes them.
    case onnx = "2.0.0"

    /// Throws `.usage` for a version that is not written.
    public init(named name: String) throws {
        guard let version = Self(rawValue: name) else {
            throw WinnowError(
                .usage, "--encodings-version", "\(name) is not written",
                remedy: "choose \(Self.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        self = version
    }
}

extension Graph {
    /// The scales and zero points of all that is stored or passed on as codes, as the JSON file that `encodings` of static and
    /// weight-only quantization reads. Throws `.model` where nothing is.
    package func encodings(_ version: EncodingVersion) throws -> (json: Data, activations: Int, weights: Int) {
        let coded = codedTensors
        let (activations, weights) = (coded.filter { $0.shape == nil }, coded.filter { $0.shape != nil })
        guard !coded.isEmpty else {
            throw WinnowError(
                .model, name, "has no integer codes with constant scales",
                remedy: "quantize it first, with static-quantization for example")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json: Data
        switch version {
        case .offsets:
            let floats = floatTensors
            let values = activations.isEmpty ? [] : floats.values
            json = try encoder.encode(
                Version1(
                    version: version.rawValue,
                    activation_encodings: activations.map(\.version1) + values.map { Version1.Entry(floatNamed: $0) },
                    param_encodings: weights.map(\.version1) + floats.weights.map { Version1.Entry(floatNamed: $0) },
                    excluded_layers: []))
        case .onnx: json = try encoder.encode(Version2(version: version.rawValue, encodings: coded.map(\.version2)))
        }
        return (json, activations.count, weights.count)
    }
}

extension Version1.Entry {
    init(floatNamed name: String) { self.init(name: name, dtype: "FLOAT", enc_type: "PER_TENSOR", bw: 32) }
}

extension CodedTensor {
    /// Blocks output by output, whichever axis the inputs lie along.
    var version1: Version1.Entry {
        let bits = parameters.elementType.bitWidth
        let shift = parameters.elementType.isSigned ? 1 << (bits - 1) : 0
        var order = Array(parameters.scales.indices)
        if parameters.blockSize > 0, parameters.axis == 0, let shape {
            let places = TensorEncoding.blocks(of: shape, parameters.blockSize, along: 0).places(first: 1)
            for (place, other) in places.enumerated() { order[other] = place }
        }
        let sharing = parameters.axis == nil ? "PER_TENSOR" : parameters.blockSize > 0 ? "PER_BLOCK" : "PER_CHANNEL"
        return Version1.Entry(
            name: name, dtype: "INT", enc_type: sharing, bw: bits, is_sym: parameters.zeroPoints.allSatisfy { $0 + shift == 1 << (bits - 1) },
            scale: order.map { Double(parameters.scales[$0]) }, offset: order.map { -Double(parameters.zeroPoints[$0] + shift) },
            block_size: parameters.blockSize > 0 ? parameters.blockSize : nil)
    }

    var version2: Version2.Entry {
        // How many blocks an activation has, nobody knows before it runs.
        let hasBlocks = shape == nil && parameters.blockSize > 0
        let shape = hasBlocks ? [parameters.scales.count] : parameters.scaleTensor(for: shape ?? []).shape.extents[...]
        return Version2.Entry(
            name: name, output_dtype: "\(parameters.elementType)",
            y_scale: NestedNumbers(parameters.scales.map(Double.init), shape),
            y_zero_point: NestedNumbers(parameters.zeroPoints.map(Double.init), shape), axis: parameters.axis,
            block_size: parameters.blockSize > 0 ? parameters.blockSize : nil)
    }
}
