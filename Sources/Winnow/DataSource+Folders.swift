import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

extension DataSplits {
    /// A folder of IDX files in the manner of MNIST; nil if it has none.
    init?(mnist folder: String) throws {
        let training = try Self.mnistSamples(in: folder, prefix: "train")
        let test = try Self.mnistSamples(in: folder, prefix: "t10k")
        guard training != nil || test != nil else { return nil }
        self.init()
        if let training {
            let boundary = training.count - training.count / 12
            self.training = training.subset(0..<boundary)
            validation = training.subset(boundary..<training.count)
        }
        self.test = test
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

    /// A folder whose parts are called train, validation and test: files, or folders of images by class or of arrays; nil if
    /// there is no such part. Classes are numbered over all parts together.
    init?(splitsIn folder: String) throws {
        var sources: [(split: Split, source: Source)] = []
        for (split, names) in [
            (Split.training, ["train", "training"]), (.validation, ["validation", "valid", "val"]), (.test, ["test"]),
        ] {
            if let source = try names.lazy.compactMap({ try Source("\(folder)/\($0)") }).first {
                sources.append((split, source))
            }
        }
        guard !sources.isEmpty else { return nil }
        let classes = ImageFolder.sorted(Set(sources.flatMap(\.source.classes)))
        self.init()
        for (split, source) in sources {
            self[split] = try source.samples(classes: classes, folder: folder)
        }
        guard let all = training, validation == nil else { return }
        training = all.selecting((0..<all.count).filter { $0 % 12 != 11 })
        validation = all.selecting((0..<all.count).filter { $0 % 12 == 11 })
    }
}

/// One split's samples before classes are numbered.
private enum Source {
    case images(ImageFolder)
    case file(DataFile)

    /// nil if there is neither a folder of this name nor a file with it and a known ending.
    init?(_ path: String) throws {
        if let file = DataFile.fileExtensions.map({ "\(path).\($0)" }).first(where: FileManager.default.fileExists(atPath:)) {
            self = .file(try DataFile(reading: file))
        } else if let folder = ImageFolder(path) {
            self = .images(folder)
        } else if let arrays = try DataFile(arraysIn: path) {
            self = .file(arrays)
        } else {
            return nil
        }
    }

    var classes: [String] {
        switch self {
        case .images(let folder): folder.classes
        case .file(let file): file.labelNames ?? []
        }
    }

    func samples(classes: [String], folder: String) throws -> Dataset {
        switch self {
        case .images(let images): try images.samples(classes: classes, ImagePreparation(in: [images.path, folder]))
        case .file(let file): try file.dataset(classes: classes)
        }
    }
}

extension Dataset {
    /// The samples at `indices`.
    fileprivate func selecting(_ indices: [Int]) -> Dataset {
        var result = self
        for index in features.indices { result.features[index].tensor = features[index].tensor.rows(at: indices) }
        result.labels = labels.map { labels in indices.map { labels[$0] } }
        return result
    }
}
