import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowTensor

/// Samples in one file or one folder, before their labels are numbered.
struct DataFile {
    var features: [Dataset.Feature]
    /// Class numbers, if they are numbers.
    var labels: [Int]?
    /// Class names, if they are names.
    var labelNames: [String]?
    /// What was done to the numbers, in words to follow others; empty: nothing.
    var preparation = ""

    static let fileExtensions = ["npz", "npy", "safetensors", "csv", "csv.gz"]
    static let remedy = "give an npz, npy, safetensors, CSV or IDX file, a folder of these or of images, sounds or texts, a list of such files, or fashion-mnist"
}

extension DataFile {
    /// Reads by the file's name.
    init(reading path: String) throws {
        let name = URL(fileURLWithPath: path).lastPathComponent.lowercased()
        if name.hasSuffix(".npz") || name.hasSuffix(".safetensors") {
            try self.init(arrays: ArrayFiles.rows(path), subject: path)
        } else if name.hasSuffix(".npy") {
            self.init(features: try ArrayFiles.rows(path).values.map { .init(parts: [$0]) })
        } else if name.hasSuffix(".csv") || name.hasSuffix(".csv.gz") {
            let table = try CSV(contentsOf: path)
            let preparation = try TablePreparation(beside: path)
            let numbers = try table.labels?.classNumbers(of: path)
            self.init(
                features: [.init(try preparation.scaled(table, subject: path))],
                labels: numbers, labelNames: numbers == nil ? table.labels : nil, preparation: preparation.words)
        } else if name.contains("idx") || name.hasSuffix("ubyte") {
            try self.init(idx: path)
        } else {
            throw WinnowError(.data, path, "is of a kind that is not known", remedy: Self.remedy)
        }
    }

    /// One array per input of the model, and `labels`.
    init(arrays: [String: SampleRows], subject: String) throws {
        var arrays = arrays
        var labels: [Int]?
        if let tensor = try arrays.removeValue(forKey: "labels")?.tensor() {
            let isColumn = tensor.rank == 1 || (tensor.rank == 2 && tensor.shape[1] == 1)
            guard tensor.elementType.isInteger, isColumn else {
                throw WinnowError(
                    .data, "\(subject): labels", "are \(tensor.elementType) of shape \(tensor.shape)",
                    remedy: "give one whole number a sample")
            }
            labels = tensor.integers()
        }
        guard !arrays.isEmpty else { throw WinnowError(.data, subject, "has no arrays but labels") }
        self.init(features: arrays.sorted { $0.key < $1.key }.map { .init(name: $0.key, parts: [$0.value]) }, labels: labels)
    }

    /// Images, with the labels of the file beside that is called as MNIST's.
    init(idx path: String) throws {
        let images = try IDX.read(path)
        let other = path.replacing("images", with: "labels").replacing("idx3", with: "idx1")
        let hasLabels = other != path && FileManager.default.fileExists(atPath: other)
        self.init(
            features: [.init(images, scale: images.elementType == .uint8 ? 1 / 255 : 1)],
            labels: hasLabels ? try IDX.read(other).integers() : nil,
            preparation: images.elementType == .uint8 ? ", divided by 255" : "")
    }

    /// A folder with one npy file per input of the model, and labels.npy; or of npz or safetensors files that hold parts of one data set each,
    /// in the order of their names. nil if it holds neither.
    init?(arraysIn folder: String, skippingBad: Bool) throws {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
        let arrays = names.filter { $0.hasSuffix(".npy") }
        let shards = names.filter { name in [".npz", ".safetensors"].contains { name.lowercased().hasSuffix($0) } }
        guard !arrays.isEmpty || !shards.isEmpty else { return nil }
        var unread = UnreadFiles(skips: skippingBad)
        let rows = try arrays.isEmpty
            ? ArrayFiles.rows(shards: shards.map { "\(folder)/\($0)" }, &unread) : ArrayFiles.rows(namedIn: folder, arrays)
        try self.init(arrays: rows, subject: folder)
        preparation = unread.words
    }

    /// The samples as `graph` takes them; names of labels become their places among `classes`.
    func dataset(classes: [String], for graph: Graph?) throws -> Dataset {
        try Dataset(arrays: features, labels: labels ?? labelNames.map { $0.compactMap(classes.firstIndex) }, for: graph)
    }
}
