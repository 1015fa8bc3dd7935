import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowTensor

extension DataSplits {
    /// A folder of IDX files in the manner of MNIST; nil if it has none.
    init?(mnist folder: String, _ source: String) throws {
        let training = try Self.mnistSamples(in: folder, prefix: "train")
        let test = try Self.mnistSamples(in: folder, prefix: "t10k")
        guard let some = training ?? test else { return nil }
        self.init()
        (self.training, self.test) = (training, test)
        drawValidation()
        let size = some.features[0].sampleShape(at: 0)
        notes = ["\(source): \(splitWords), images of \(size)\(some.classWords), 0…1"]
    }

    private static func mnistSamples(in folder: String, prefix: String) throws -> Dataset? {
        func file(_ name: String) -> String? {
            ["\(folder)/\(name).gz", "\(folder)/\(name)"].first { FileManager.default.fileExists(atPath: $0) }
        }
        guard let images = file("\(prefix)-images-idx3-ubyte") else { return nil }
        guard let labels = file("\(prefix)-labels-idx1-ubyte") else {
            throw WinnowError(.data, folder, "has \(prefix) images without \(prefix)-labels-idx1-ubyte")
        }
        return try Dataset(
            [.init(IDX.read(images), scale: 1 / 255)], labels: IDX.read(labels).integers())
    }

    /// A folder whose parts are called train, validation and test: files, or folders of images or arrays; nil if there is
    /// no such part. Classes are numbered over all parts together.
    init?(splitsIn folder: String, _ source: String, _ reading: SampleReading) throws {
        var sources: [(split: Split, source: Source)] = []
        for (split, names) in [
            (Split.training, ["train", "training"]), (.validation, ["validation", "valid", "val"]), (.test, ["test"]),
        ] {
            if let source = try names.lazy.compactMap({ try Source("\(folder)/\($0)", skippingBad: reading.skipsBad) }).first {
                sources.append((split, source))
            }
        }
        guard !sources.isEmpty else { return nil }
        let classes = SampleFiles.sorted(Set(sources.flatMap(\.source.classes)))
        self.init()
        preparation = try sources.lazy.compactMap { try $0.source.record(reading) }.first
        var words = ""
        for (split, source) in sources {
            let (data, what) = try source.samples(classes: classes, reading)
            self[split] = data
            words = words.isEmpty ? what : words
        }
        drawValidation()
        notes = ["\(source): \(splitWords), the first \(words)"]
    }

    /// Takes a twelfth of every class from training for validation where the source names none; a class's last sample stays.
    private mutating func drawValidation() {
        guard let all = training, validation == nil, all.count >= 12 else { return }
        let first = Set(all.drawnIndices(all.count / 12))
        let trained = all.labels.map { labels in Set(labels.indices.filter { !first.contains($0) }.map { labels[$0] }) }
        let drawn = first.sorted().filter { index in all.labels.map { trained?.contains($0[index]) ?? true } ?? true }
        let taken = Set(drawn)
        validation = all.selecting(drawn)
        training = all.selecting((0..<all.count).filter { !taken.contains($0) })
    }

    /// `55000 training, 5000 validation, 10000 test`
    private var splitWords: String {
        [Split.training, .validation, .test].compactMap { split in self[split].map { "\($0.count) \(split.rawValue)" } }
            .joined(separator: ", ")
    }
}

/// One split's samples before classes are numbered.
private enum Source {
    case files(SampleFiles)
    case file(DataFile)

    /// nil if there is neither a folder of this name nor a file with it and a known ending.
    init?(_ path: String, skippingBad: Bool) throws {
        if let file = DataFile.fileExtensions.map({ "\(path).\($0)" }).first(where: FileManager.default.fileExists(atPath:)) {
            if let files = try SampleFiles(list: file) { self = .files(files) } else { self = .file(try DataFile(reading: file)) }
        } else if let list = SampleFiles.listExtensions.sorted().map({ "\(path).\($0)" }).first(where: FileManager.default.fileExists(atPath:)),
            let files = try SampleFiles(list: list)
        {
            self = .files(files)
        } else if let files = SampleFiles(folder: path) {
            self = .files(files)
        } else if let arrays = try DataFile(arraysIn: path, skippingBad: skippingBad) {
            self = .file(arrays)
        } else {
            return nil
        }
    }

    /// What is done to pictures.
    func record(_ reading: SampleReading) throws -> String? { if case .files(let files) = self { try files.record(reading) } else { nil } }

    var classes: [String] {
        switch self {
        case .files(let files): files.classes
        case .file(let file): file.labelNames ?? []
        }
    }

    func samples(classes: [String], _ reading: SampleReading) throws -> (Dataset, words: String) {
        switch self {
        case .files(let files): return try files.samples(classes: classes, reading)
        case .file(let file):
            let data = try file.dataset(classes: classes, for: reading.graph)
            return (data, data.words + file.preparation)
        }
    }
}
