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
    /// What is called labels, if it is numbers: some models take an input of this name.
    var labelArray: Dataset.Feature?
    /// Why it holds no classes, which matters to models that do not take it.
    var labelObjection: WinnowError?
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
            try self.init(ArrayFiles.contents(path), subject: path)
        } else if name.hasSuffix(".npy") {
            self.init(features: try ArrayFiles.contents(path).rows.values.map { .init(parts: [$0]) })
        } else if name.hasSuffix(".csv") || name.hasSuffix(".csv.gz") {
            let table = try CSV(contentsOf: path)
            let preparation = try TablePreparation(beside: path)
            self.init(features: [.init(try preparation.scaled(table, subject: path))], preparation: preparation.words)
            if let labels = table.labels { try setLabels(labels, name: table.labelName ?? "", subject: path) }
        } else if name.contains("idx") || name.hasSuffix("ubyte") {
            try self.init(idx: path)
        } else {
            throw WinnowError(.data, path, "is of a kind that is not known", remedy: Self.remedy)
        }
    }

    /// One array per input of the model, and `labels`.
    private init(_ contents: ArrayFiles.Contents, subject: String) throws {
        var arrays = contents.rows
        let labels = arrays.removeValue(forKey: ArrayFiles.labelName)
        self.init(features: arrays.sorted { $0.key < $1.key }.map { .init(name: $0.key, parts: [$0.value]) })
        if let names = contents.labels {
            try setLabels(names, name: ArrayFiles.labelName, subject: subject)
        } else if let labels {
            labelArray = .init(name: ArrayFiles.labelName, parts: [labels])
            do {
                self.labels = try labels.classNumbers(of: subject)
            } catch let error as WinnowError {
                labelObjection = error
            }
        }
        if features.isEmpty { labelObjection = WinnowError(.data, subject, "has no arrays but labels") }
    }

    /// Labels as they are written, which are classes by number or name, or numbers that a model takes.
    private mutating func setLabels(_ texts: [String], name: String, subject: String) throws {
        do {
            labels = try texts.classNumbers(of: subject)
            labelNames = labels == nil ? texts : nil
            labelArray = labels.map { .init(name: name, Tensor($0.map { Int64($0) })) }
        } catch let error as WinnowError {
            labelObjection = error
            let numbers = texts.compactMap { Float(decimal: $0.trimmingCharacters(in: .whitespaces)) }
            labelArray = numbers.count == texts.count ? .init(name: name, Tensor(numbers)) : nil
        }
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
        let contents = try arrays.isEmpty
            ? ArrayFiles.contents(shards: shards.map { "\(folder)/\($0)" }, &unread) : ArrayFiles.contents(namedIn: folder, arrays)
        try self.init(contents, subject: folder)
        preparation = unread.words
    }

    /// The samples as `graph` takes them; names of labels become their places among `classes`.
    func dataset(classes: [String], for graph: Graph?) throws -> Dataset {
        var (features, labels) = (features, labels ?? labelNames.map { $0.compactMap(classes.firstIndex) })
        if let labelObjection {
            // What a model takes, or an objective compares places with, need not be classes of samples.
            guard let labelArray, graph?.inputNames.contains(labelArray.name) == true || !features.isEmpty && labelArray.hasPlaces
            else { throw labelObjection }
            features.append(labelArray)
            labels = nil
        }
        var data = try Dataset(arrays: features, labels: labels, for: graph)
        data.labelArray = labelArray
        return data
    }
}

extension SampleRows {
    /// The classes that labels are, one a sample. Throws `.data` where they are none.
    fileprivate func classNumbers(of subject: String) throws -> [Int] {
        let isColumn = shape.rank == 1 || (shape.rank == 2 && shape[1] == 1)
        guard isColumn else {
            throw WinnowError(
                .data, "\(subject): labels", "are \(elementType) of shape \(shape)", remedy: "give one whole number a sample")
        }
        let labels = try tensor()
        if elementType.isInteger { return labels.integers() }
        // Arrays that were put together with floats hold classes as 2.0.
        return try labels.doubles().map { label in
            guard let number = Int(exactly: label) else {
                throw WinnowError(.data, "\(subject): labels", "are no classes: one of them is \(label)", remedy: "give whole numbers or names")
            }
            return number
        }
    }
}
