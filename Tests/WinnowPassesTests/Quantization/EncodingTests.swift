import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Scales and zero points as a file, out of quantized models and into others.
struct EncodingTests {
    private static let models: [@Sendable () throws -> Graph] = Zoo.all + TestModels.makers
    private static let settings: [[String: HyperparameterValue]] = [
        [:], ["output-sqnr": 0], ["output-sqnr": 45, "activations": "int8"], ["output-sqnr": 0, "convention": "torch", "quantize-outputs": true],
        ["profile": "tensorrt"], ["output-sqnr": 0, "activations": "uint16", "per-channel": false],
        ["output-sqnr": 0, "activations": "uint4", "weight-bits": 4], ["output-sqnr": 40, "quantized-operators": true],
        ["output-sqnr": 0, "profile": "openvino", "reduce-range": true],
    ]

    private static func areEqual(_ a: Graph, _ b: Graph) -> Bool { a.text == b.text && a.initializers == b.initializers }

    /// With the encodings of a file made from a model the same model comes out, whatever other ranges would be found.
    @Test(arguments: settings.indices, EncodingVersion.allCases)
    func outAndInIsTheSameFile(_ place: Int, _ version: EncodingVersion) throws {
        let own = Self.settings[place]
        // What stays float is said in offsets alone.
        if version == .onnx, own["output-sqnr"] != 0 { return }
        var (given, different) = (0, 0)
        for make in Self.models {
            let graph = try make()
            let context = try Zoo.context(for: graph)
            let first = try StaticQuantization(hyperparameters: own)(graph, in: context).graph
            guard !first.codedTensors.isEmpty else { continue }
            try EncodingFile.with(first.encodings(version).json) { path in
                let other = own.merging(["range": "min-max"]) { $1 }
                let result = try StaticQuantization(hyperparameters: other.merging(["encodings": .string(path)]) { $1 })(graph, in: context)
                #expect(Self.areEqual(result.graph, first), "\(graph.name)\n\(result.findings.map(\.description).joined(separator: "\n"))")
                #expect(!result.findings.contains { $0.reason.contains("becomes no codes") })
                given += 1
                if try !Self.areEqual(StaticQuantization(hyperparameters: other)(graph, in: context).graph, first) { different += 1 }
            }
        }
        // 16 bits are enough for any range.
        #expect(given >= 9 && (different > 1 || own["activations"] == "uint16"))
    }

    /// Weights alone: scales that a rounding found, and other schemes than the pass would take.
    @Test(arguments: [["rounding": "hqq"], ["bits": 4, "block-size": 4], ["bits": 4, "per-channel": true, "rounding": "hqq"], ["scheme": "uint8"]]
        as [[String: HyperparameterValue]], EncodingVersion.allCases)
    func weightsAloneAreTheSameFile(_ own: [String: HyperparameterValue], _ version: EncodingVersion) throws {
        var different = 0
        for make in Self.models {
            let graph = try make()
            let context = try Zoo.context(for: graph)
            let first = try WeightOnlyQuantization(hyperparameters: own)(graph, in: context).graph
            guard !first.codedTensors.isEmpty else { continue }
            try EncodingFile.with(first.encodings(version).json) { path in
                var values: [String: HyperparameterValue] = ["encodings": .string(path)]
                // Whether codes of 8 bits have a sign is said in the second version alone.
                if version == .offsets, own["scheme"] != nil { values["scheme"] = own["scheme"] }
                let result = try WeightOnlyQuantization(hyperparameters: values)(graph, in: context)
                #expect(Self.areEqual(result.graph, first), "\(graph.name)\n\(result.findings.map(\.description).joined(separator: "\n"))")
                if try !Self.areEqual(WeightOnlyQuantization()(graph, in: context).graph, first) { different += 1 }
            }
        }
        #expect(different > 5)
    }

    /// Blocks of filters, halves as scales, and matrices in an operator of their own come back where the scheme is the same.
    @Test(arguments: ["int4-g16", "uint4-g32", "uint2-g16"], ["dequantize-linear", "matmul-nbits"])
    func blocksAreTheSameFile(_ scheme: String, _ matrices: String) throws {
        for make in Self.models {
            let graph = try make()
            let own: [String: HyperparameterValue] = ["scheme": .string(scheme), "matrices": .string(matrices), "rounding": "hqq"]
            let first = try WeightOnlyQuantization(hyperparameters: own)(graph).graph
            guard !first.codedTensors.isEmpty else { continue }
            try EncodingFile.with(first.encodings(.offsets).json) { path in
                let values: [String: HyperparameterValue] = ["encodings": .string(path), "rounding": "nearest"]
                let result = try WeightOnlyQuantization(hyperparameters: own.merging(values) { $1 })(graph)
                #expect(Self.areEqual(result.graph, first), "\(graph.name)\n\(result.findings.map(\.description).joined(separator: "\n"))")
            }
        }
    }

    /// What a file says is written bit for bit, in each version; what it does not name stays as without it.
    @Test(arguments: EncodingFile.samples.indices) func whatAFileSaysIsWritten(_ place: Int) throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let plain: [String: HyperparameterValue] = ["output-sqnr": 0, "correct-biases": false]
        let without = try StaticQuantization(hyperparameters: plain)(graph, in: context).graph
        try EncodingFile.with(Data(EncodingFile.samples[place].utf8)) { path in
            let result = try StaticQuantization(hyperparameters: plain.merging(["encodings": .string(path)]) { $1 })(graph, in: context)
            let found = Dictionary(uniqueKeysWithValues: result.graph.codedTensors.map { ($0.name, $0.parameters) })
            #expect(found["relu1"]?.scales == [0.018501389771699905] && found["relu1"]?.zeroPoints == [114])
            #expect(found["fc2.weight"]?.scales == (0..<8).map { Float(0.01) + Float($0) * 0.0078125 })
            #expect(found["fc2.weight"]?.zeroPoints == [Int](repeating: 0, count: 8) && found["fc2.weight"]?.elementType == .int8)
            let others = Dictionary(uniqueKeysWithValues: without.codedTensors.map { ($0.name, $0.parameters) })
            for name in ["x", "fc1.weight", "fc3.weight", "relu2"] { #expect(found[name] == others[name] && found[name] != nil, "\(name)") }
            #expect(result.findings.contains { $0.subject == "graph" && $0.reason.hasPrefix("2 of 3 encodings") })
            #expect(result.findings.contains { $0.subject == "fc1" && $0.status == .skipped })
        }
    }

    /// A value with an encoding does not go back to float, one that is said to be float does, and so does a layer that is left out.
    @Test func valuesStayWhatTheyAreSaidToBe() throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        func result(_ json: String, _ noise: Double) throws -> Graph {
            try EncodingFile.with(Data(json.utf8)) { path in
                try StaticQuantization(hyperparameters: ["output-sqnr": .number(noise), "encodings": .string(path)])(graph, in: context).graph
            }
        }
        let image = #"{"name": "image", "dtype": "INT", "enc_type": "PER_TENSOR", "bw": 8, "is_sym": false, "scale": [0.03], "offset": [-128]}"#
        let pool = image.replacingOccurrences(of: "image", with: "pool1")
        let none = try result(#"{"version": "1.0.0", "activation_encodings": [], "param_encodings": []}"#, 200)
        #expect(none.codedTensors.isEmpty)
        let kept = try result(#"{"version": "1.0.0", "activation_encodings": [\#(image), \#(pool)], "param_encodings": []}"#, 200)
        #expect(kept.codedTensors.filter { $0.shape == nil }.map(\.name) == ["image", "conv1", "pool1"])
        #expect(kept.codedTensors.allSatisfy { $0.shape != nil || $0.parameters.scales == [0.03] })
        let float = #"{"name": "pool2", "dtype": "FLOAT", "enc_type": "PER_TENSOR", "bw": 16}"#
        let names = try result(
            #"{"version": "1.0.0", "activation_encodings": [\#(float)], "param_encodings": [], "excluded_layers": ["fc2", "features.0"]}"#, 0
        ).codedTensors.map(\.name)
        #expect(names.contains("conv1.weight") && !names.contains { ["relu0", "pool2", "fc1.weight", "fc2.weight"].contains($0) })
    }

    /// Roundings that look for scales leave those that are given.
    @Test(arguments: ["hqq", "sequential-mse", "gptq", "adaround"]) func roundingsLeaveScales(_ rounding: String) throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let first = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "block-size": 4])(graph).graph
        try EncodingFile.with(first.encodings(.offsets).json) { path in
            var settings: [String: HyperparameterValue] = ["encodings": .string(path), "rounding": .string(rounding)]
            if rounding == "adaround" { settings["rounding-steps"] = 5 }
            let pass = try WeightOnlyQuantization(hyperparameters: settings)
            let result = try pass(graph, in: context).graph
            #expect(result.codedTensors.map(\.parameters) == first.codedTensors.map(\.parameters))
        }
    }

    /// Scales of blocks that all taps of a filter share are written for each tap.
    @Test func tapsShareScales() throws {
        let graph = try TestModels.convolutional()
        let scales = (0..<24).map { Float($0 + 1) / 64 }
        let json = """
            {"version": "1.0.0", "activation_encodings": [], "param_encodings": [{"name": "conv2.weight", "dtype": "INT", "enc_type": "PER_BLOCK",
             "bw": 4, "is_sym": true, "block_size": 2, "scale": \(scales), "offset": \([Int](repeating: -8, count: 24))}]}
            """
        try EncodingFile.with(Data(json.utf8)) { path in
            let result = try WeightOnlyQuantization(hyperparameters: ["encodings": .string(path)])(graph).graph
            let tensor = try #require(result.codedTensors.first { $0.name == "conv2.weight" })
            #expect(tensor.parameters.elementType == .int4 && tensor.parameters.blockSize == 2 && tensor.parameters.axis == 1)
            #expect(tensor.parameters.scales == scales.flatMap { [Float](repeating: $0, count: 4) })
        }
    }

    @Test(arguments: EncodingFile.broken) func brokenFilesAreNamed(_ json: String, _ words: String) throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        try EncodingFile.with(Data(json.utf8)) { path in
            for pass: any Pass in [
                try StaticQuantization(hyperparameters: ["encodings": .string(path)]), try WeightOnlyQuantization(hyperparameters: ["encodings": .string(path)]),
            ] {
                let error = #expect(throws: WinnowError.self, "\(json)") { try pass(graph, in: context) }
                #expect(error?.description.contains(words) == true && error?.description.contains(path) == true, "\(error?.description ?? "")")
            }
        }
    }

    @Test func filesThatCannotBeReadAreNamed() throws {
        let graph = try TestModels.perceptron()
        let error = #expect(throws: WinnowError.self) { try WeightOnlyQuantization(hyperparameters: ["encodings": "none.json"])(graph) }
        #expect(error?.kind == .file && error?.description.contains("none.json") == true)
        let empty = #expect(throws: WinnowError.self) { try graph.encodings(.offsets) }
        #expect(empty?.description.contains("no integer codes") == true)
    }

    /// Bits, types and zero points that a tensor cannot have.
    @Test func misfitsAreNamed() throws {
        let scheme = QuantizationScheme(bits: 8, .channel)
        let weight = EncodedPlace("w", [4, 6], channelAxis: 0, scheme)
        func misfit(_ encoding: TensorEncoding, _ place: EncodedPlace) -> String {
            do throws(TensorEncoding.Misfit) { _ = try encoding.parameters(at: place) } catch { return error.reason }
            return ""
        }
        #expect(misfit(TensorEncoding(.bits(32), scales: [1], zeroPoints: [0]), weight).contains("32 bits"))
        #expect(misfit(TensorEncoding(.bits(8), scales: [1], zeroPoints: [300]), weight).contains("zero point 300"))
        #expect(misfit(TensorEncoding(.bits(8), scales: [0], zeroPoints: [128]), weight).contains("no positive number"))
        #expect(misfit(TensorEncoding(.type(.float8E4M3FN), scales: [1], zeroPoints: [0]), weight).contains("float8e4m3fn"))
        #expect(misfit(TensorEncoding(.bits(8), scales: [1, 1], zeroPoints: [0, 0], .slices(axis: 1)), weight).contains("for 6 slices along axis 1"))
        #expect(misfit(TensorEncoding(.bits(8), scales: [1], zeroPoints: [0], .blocks(2, axis: nil, shape: nil)), weight).contains("blocks"))
        var filter = EncodedPlace("w", [4, 6, 3, 3], channelAxis: 0, scheme)
        (filter.inputAxis, filter.takesBlocks) = (1, true)
        for size in [0, -2, .max] {
            let plain = TensorEncoding(.bits(8), scales: [1], zeroPoints: [128], .blocks(size, axis: nil, shape: nil))
            #expect(misfit(plain, filter).contains("numbers"))
            let shaped = TensorEncoding(.bits(8), scales: [1], zeroPoints: [128], .blocks(size, axis: 1, shape: [4, 1, 3, 3]))
            #expect(misfit(shaped, filter).contains("for blocks of \(size)"))
        }
        let value = EncodedPlace("x", ActivationScheme.uint8)
        #expect(misfit(TensorEncoding(.bits(5), scales: [1], zeroPoints: [0]), value).contains("5 bits"))
        #expect(misfit(TensorEncoding(.bits(8), scales: [1, 1], zeroPoints: [0, 0]), value).contains("for 1 activation"))
    }
}

enum EncodingFile {
    /// A file for as long as `body` runs.
    static func with<Result>(_ json: Data, _ body: (String) throws -> Result) throws -> Result {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json").path
        try json.write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    private static let scales = (0..<8).map { Double(Float(0.01) + Float($0) * 0.0078125) }

    /// The same in three versions; a value that becomes no codes is among them.
    static let samples = [
        """
        {"version": "0.6.1", "activation_encodings": {
          "relu1": [{"bitwidth": 8, "dtype": "int", "is_symmetric": "False", "max": 2.6, "min": -2.1, "offset": -114.0, "scale": 0.018501389771699905}],
          "fc1": [{"bitwidth": 8, "dtype": "int", "is_symmetric": "False", "max": 1, "min": -1, "offset": -128, "scale": 0.01}]},
         "param_encodings": {"fc2.weight": [
          \(scales.map { #"{"bitwidth": 8, "dtype": "int", "is_symmetric": "True", "max": 1, "min": -1, "offset": -128, "scale": \#($0)}"# }.joined(separator: ", "))]},
         "quantizer_args": {"activation_bitwidth": 8}}
        """,
        """
        {"version": "1.0.0", "activation_encodings": [
          {"name": "relu1", "dtype": "INT", "enc_type": "PER_TENSOR", "bw": 8, "is_sym": false, "scale": [0.018501389771699905], "offset": [-114]},
          {"name": "fc1", "dtype": "INT", "enc_type": "PER_TENSOR", "bw": 8, "is_sym": false, "scale": [0.01], "offset": [-128]}],
         "param_encodings": [{"name": "fc2.weight", "dtype": "INT", "enc_type": "PER_CHANNEL", "bw": 8, "is_sym": true,
          "scale": \(scales), "offset": \([Int](repeating: -128, count: 8))}], "excluded_layers": []}
        """,
        """
        {"version": "2.0.0", "encodings": [
          {"name": "relu1", "output_dtype": "uint8", "y_scale": 0.018501389771699905, "y_zero_point": 114},
          {"name": "fc1", "output_dtype": "uint8", "y_scale": 0.01, "y_zero_point": 128},
          {"name": "fc2.weight", "output_dtype": "int8", "y_scale": \(scales), "axis": 0}]}
        """,
    ]

    private static func weight(_ rest: String) -> String {
        #"{"version": "1.0.0", "activation_encodings": [], "param_encodings": [{"name": "fc1.weight", "dtype": "INT", \#(rest)}]}"#
    }

    /// What is wrong, and words of the error.
    static let broken = [
        ("[1, 2", "the file: is not what"),
        (#"{"version": "3.0.0"}"#, "3.0.0 is not known"),
        (#"{"version": "1.0.0", "activation_encodings": []}"#, "param_encodings: is not what"),
        (#"{"version": "2.0.0", "encodings": [{"name": "x", "y_scale": 1}]}"#, "encodings[0].output_dtype: is not what"),
        (#"{"version": "2.0.0", "encodings": [{"name": "y", "output_dtype": "int8", "y_scale": 1}]}"#, "y: is no value of the model"),
        (#"{"version": "2.0.0", "encodings": [{"name": "fc1.weights", "output_dtype": "int8", "y_scale": 1}]}"#, "did you mean fc1.weight?"),
        (#"{"version": "2.0.0", "encodings": [{"name": "fc1.weight", "output_dtype": "int8", "y_scale": [1, [2]], "axis": 0}]}"#, "not written out"),
        (#"{"version": "2.0.0", "encodings": [{"name": "fc1.weight", "output_dtype": "byte", "y_scale": 1}]}"#, "output_dtype byte"),
        (#"{"version": "2.0.0", "encodings": [{"name": "fc1.weight", "output_dtype": "int8", "y_scale": 1, "y_zero_point": -0.5}]}"#, "no whole number"),
        (weight(#""enc_type": "LPBQ", "bw": 8, "scale": [1], "offset": [-128]"#), "LPBQ"),
        (weight(#""enc_type": "PER_CHANNEL", "bw": 8, "scale": [1, 2], "offset": [-128, -128]"#), "2 scales for 16 slices along axis 0"),
        (weight(#""enc_type": "PER_TENSOR", "bw": 8, "scale": [1], "offset": []"#), "1 scales and 0 zero points"),
        (weight(#""enc_type": "PER_TENSOR", "bw": 8, "scale": [1], "offset": [3]"#), "zero point"),
        (weight(#""enc_type": "PER_TENSOR", "bw": 8"#), "no scale or no offset"),
    ]
}
