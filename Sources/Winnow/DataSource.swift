import Foundation
public import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Data read from disk, split for training, choosing and the final test.
public struct DataSplits: Sendable {
    public var training: Dataset?
    public var validation: Dataset?
    public var test: Dataset?

    public enum Split: String, Sendable, CaseIterable { case training, validation, test }

    public subscript(split: Split) -> Dataset? {
        get {
            switch split {
            case .training: training
            case .validation: validation
            case .test: test
            }
        }
        set {
            switch split {
            case .training: training = newValue
            case .validation: validation = newValue
            case .test: test = newValue
            }
        }
    }

    /// The split, or `.data` saying that `source` has none.
    public func required(_ split: Split, of source: String) throws -> Dataset {
        guard let data = self[split] else { throw WinnowError(.data, source, "has no \(split.rawValue) samples") }
        return data
    }
}

extension DataSplits {
    /// Reads samples; `Guides/Data.md` lists the kinds. The name `fashion-mnist` stands for the folder its package installs.
    ///
    /// Where there are training but no validation samples, the last twelfth of MNIST's (5,000 of 60,000), else every twelfth,
    /// become the validation split. A source without named splits is every split.
    public init(reading source: String) throws {
        let path = source == "fashion-mnist" ? try Self.fashionMNISTFolder() : source
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw WinnowError(.data, source, "there is no such file or folder", remedy: DataFile.remedy)
        }
        guard isFolder.boolValue else {
            let file = try DataFile(reading: path)
            self.init(every: try file.dataset(classes: ImageFolder.sorted(Set(file.labelNames ?? []))))
            return
        }
        if let splits = try DataSplits(mnist: path) ?? DataSplits(splitsIn: path) {
            self = splits
        } else if let folder = ImageFolder(path) {
            self.init(every: try folder.samples(classes: folder.classes, ImagePreparation(in: [path])))
        } else if let arrays = try DataFile(arraysIn: path) {
            self.init(every: try arrays.dataset(classes: []))
        } else {
            throw WinnowError(.data, path, "holds no images, arrays or tables that could be read", remedy: DataFile.remedy)
        }
    }

    private init(every data: Dataset) { self.init(training: data, validation: data, test: data) }

    private static func fashionMNISTFolder() throws -> String {
        let candidates =
            [ProcessInfo.processInfo.environment["WINNOW_DATA"]].compactMap { $0 }
            + ["/usr/share/datasets/fashion-mnist", ".deps/usr/share/datasets/fashion-mnist"]
        guard let folder = candidates.first(where: { FileManager.default.fileExists(atPath: "\($0)/train-images-idx3-ubyte.gz") })
        else {
            throw WinnowError(
                .data, "fashion-mnist", "is not installed",
                remedy: "install the package dataset-fashion-mnist or set WINNOW_DATA to its folder")
        }
        return folder
    }
}
