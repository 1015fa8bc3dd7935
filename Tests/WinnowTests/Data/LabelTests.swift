import Foundation
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor

@testable import Winnow

/// What is called labels: classes, or what a model takes.
@Suite struct LabelTests {
    private let folder: String
    private let samples = Tensor((0..<12).map { Float($0) }, shape: [3, 4])

    init() throws {
        folder = NSTemporaryDirectory() + "winnow-labels-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder + "/arrays", withIntermediateDirectories: true)
    }

    /// The sum of inputs of these types.
    private func graph(_ inputs: KeyValuePairs<String, ElementType>) throws -> Graph {
        let b = GraphBuilder("sum")
        let values = try inputs.map { name, type in try b.add(Cast(to: .float32), b.input(name, type, name == "x" ? ["N", 4] : ["N", 1])) }
        return try b.graph(outputs: [values.dropFirst().reduce(values[0]) { try b.add(Add(), $0, $1) }])
    }

    /// The arrays as npz, safetensors, a folder of npy files and a folder of shards.
    private func sources(_ arrays: [String: Tensor]) throws -> [String] {
        try NPZ.write(arrays, to: folder + "/a.npz")
        try SafeTensors(tensors: arrays).write(to: folder + "/a.safetensors")
        for (name, array) in arrays { try NPY.write(array, to: folder + "/arrays/\(name).npy") }
        try FileManager.default.createDirectory(atPath: folder + "/shards", withIntermediateDirectories: true)
        for part in 0..<3 { try NPZ.write(arrays.mapValues { $0.rows(part..<(part + 1)) }, to: folder + "/shards/\(part).npz") }
        return ["a.npz", "a.safetensors", "arrays", "shards"].map { "\(folder)/\($0)" }
    }

    @Test func aModelMayTakeLabels() throws {
        let graph = try graph(["x": .float32, "labels": .int64])
        for source in try sources(["x": samples, "labels": Tensor([2, 0, 1] as [Int64])]) {
            for reader in [graph, nil] {
                let data = try #require(try DataSplits(reading: source, for: reader).test)
                let batch = try data.selecting([2, 0]).adapted(to: graph).batch(at: [0, 1])
                #expect(batch["labels"] == Tensor([1, 2] as [Int64], shape: [2, 1]), "\(source)")
                #expect(data.labels == [2, 0, 1], "\(source)")
                #expect(try data.adapted(to: self.graph(["x": .float32])).features.map(\.name) == ["x"], "\(source)")
            }
        }
    }

    /// Labels of places are told as the array that they are, and not as none.
    @Test func labelsOfPlacesAreTold() throws {
        for labels in [Tensor([0, 1, 2, 1, 0, 2] as [Int64], shape: [3, 2]), Tensor([0, 0.5, 2, 1, 0, 2] as [Float], shape: [3, 2])] {
            for source in try sources(["x": samples, "labels": labels]) {
                let told = try #require(try DataSplits(reading: source).notes.first)
                #expect(told.contains("labels \(labels.elementType) 2") && !told.contains("no labels") && !told.contains("classes"), "\(told)")
            }
        }
        for source in try sources(["x": samples, "labels": Tensor([0, 1, 0] as [Int64])]) {
            #expect(try DataSplits(reading: source).notes[0].contains(" in 2 classes"))
        }
    }

    /// As a table's labels: `2.0` is class 2, and truth values are two classes.
    @Test(arguments: [ElementType.float32, .float64, .float16, .bool]) func classesMayBeStoredAsOtherNumbers(type: ElementType) throws {
        let classes = type == .bool ? [1, 0, 1] : [2, 0, 1]
        let labels = Tensor(classes.map(Double.init), shape: [3], as: type)
        for source in try sources(["x": samples, "labels": labels]) {
            #expect(try DataSplits(reading: source).test?.labels == classes, "\(source)")
        }
        try NPZ.write(["x": samples, "labels": Tensor([1, 2.5, 0] as [Float])], to: folder + "/a.npz")
        let error = #expect(throws: WinnowError.self) { try DataSplits(reading: folder + "/a.npz") }
        #expect(error?.problem == "are no classes: one of them is 2.5")
    }

    /// An npy file of texts, as NumPy writes `<U3` and `|S3`.
    private func npy(_ texts: [String], _ order: String, width: Int) -> Data {
        let header = "{'descr': '\(order)\(width)', 'fortran_order': False, 'shape': (\(texts.count),), }"
        var bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
        for text in texts {
            let letters = text.unicodeScalars.map(\.value)
            for place in 0..<width {
                let point = place < letters.count ? letters[place] : 0
                switch order {
                case "<U": bytes += (0..<4).map { UInt8(truncatingIfNeeded: point >> (8 * $0)) }
                case ">U": bytes += (0..<4).map { UInt8(truncatingIfNeeded: point >> (24 - 8 * $0)) }
                default: bytes.append(UInt8(truncatingIfNeeded: point))
                }
            }
        }
        return Data(bytes)
    }

    /// Names are sorted, numbers written as texts are numbers; in a folder of arrays.
    @Test(arguments: ["<U", ">U", "|S"]) func classesMayBeTexts(order: String) throws {
        try NPY.write(samples, to: folder + "/arrays/x.npy")
        let file = URL(fileURLWithPath: folder + "/arrays/labels.npy")
        let graph = try graph(["x": .float32])
        for (texts, classes) in [(["dog", "ape", "cat"], [2, 0, 1]), (["10", "2.0", "3"], [10, 2, 3]), (["b", "a", "b"], [1, 0, 1])] {
            try npy(texts, order, width: 4).write(to: file)
            let data = try #require(try DataSplits(reading: folder + "/arrays", for: graph).test)
            #expect(try data.labels == classes && data.adapted(to: graph).features.map(\.name) == ["x"], "\(texts)")
        }
        try npy(["a", "b"], order, width: 2).dropLast().write(to: file)
        #expect(throws: WinnowError.self) { try DataSplits(reading: folder + "/arrays") }
        // Texts elsewhere are no numbers.
        try npy(["a", "b", "c"], order, width: 1).write(to: file)
        try npy(["a", "b", "c"], order, width: 1).write(to: URL(fileURLWithPath: folder + "/arrays/x.npy"))
        let error = #expect(throws: WinnowError.self) { try DataSplits(reading: folder + "/arrays") }
        #expect(error?.problem == "holds texts, not numbers")
    }

    /// Such labels are no classes, and a model without others has nothing to be judged by.
    @Test func labelsThatAModelTakesMayBeAnything() throws {
        let numbers = Tensor([0.5, 1.5, 2.5] as [Float], shape: [3, 1])
        let both = try graph(["x": .float32, "labels": .float32])
        for source in try sources(["x": samples, "labels": numbers]) {
            let data = try #require(try DataSplits(reading: source, for: both).test)
            #expect(try data.labels == nil && data.adapted(to: both).batch(at: [1])["labels"]?.floats() == [1.5], "\(source)")
            #expect(throws: WinnowError.self) { try DataSplits(reading: source, for: graph(["x": .float32])) }
        }
        try NPZ.write(["labels": Tensor([2, 0, 1] as [Int64])], to: folder + "/only.npz")
        let alone = try graph(["labels": .int64])
        let data = try #require(try DataSplits(reading: folder + "/only.npz", for: alone).test)
        #expect(try data.labels == nil && data.adapted(to: alone).batch(at: [0])["labels"]?.integers() == [2])
        let error = #expect(throws: WinnowError.self) { try DataSplits(reading: folder + "/only.npz", for: graph(["x": .float32])) }
        #expect(error?.problem == "has no arrays but labels")
    }

    /// Classes of tokens or pixels are an array of that name: no class of a sample, but no fault of the data.
    @Test func labelsMayBeOfPlaces() throws {
        let places = Tensor((0..<6).map { Int64($0) }, shape: [3, 2])
        let only = try graph(["x": .float32])
        for source in try sources(["x": samples, "labels": places]) {
            let data = try #require(try DataSplits(reading: source, for: only).test)
            #expect(data.labels == nil && data.features.map(\.name) == ["x", "labels"], "\(source)")
            #expect(try data.batch(at: [0, 1, 2])["labels"] == places && data.adapted(to: only).features.map(\.name) == ["x"], "\(source)")
            let run = try MetricRun(of: only, on: data)
            #expect(run.objections["top-1"] == "labels are int64 [2] a sample, not one class", "\(source)")
        }
    }

    /// Numbers are read as decimals: what C would take for one besides is a name.
    @Test func otherNotationsAreNames() throws {
        #expect(["2", "2.0", " 2e0"].map(\.classNumber) == [2, 2, 2])
        #expect(["0x2", "2\0", "1e400", "0x1p1"].allSatisfy { $0.classNumber == nil })
    }

    /// A table's columns are the other input, or the only one, whatever it is called.
    @Test func aModelMayTakeTheColumnOfLabels() throws {
        try Data("a,b,c,d,target\n0,1,2,3,2\n4,5,6,7,0\n8,9,10,11,1\n".utf8).write(to: URL(fileURLWithPath: folder + "/a.csv"))
        let data = try #require(try DataSplits(reading: folder + "/a.csv").test)
        let both = try data.adapted(to: graph(["x": .float32, "target": .float32])).batch(at: [0, 2])
        #expect(both["x"] == samples.selecting([0, 2], axis: 0) && both["target"]?.floats() == [2, 1])
        let b = GraphBuilder("echo")
        let echo = try b.graph(outputs: [b.add(Identity(), b.input("target", .float32, ["N", 4]))])
        #expect(try data.adapted(to: echo).batch(at: [0, 1, 2])["target"] == samples)
    }
}
