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
        switch split {
        case .training: training
        case .validation: validation
        case .test: test
        }
    }

    /// The split, or `.data` saying that `source` has none.
    public func required(_ split: Split, of source: String) throws -> Dataset {
        guard let data = self[split] else { throw WinnowError(.data, source, "has no \(split.rawValue) samples") }
        return data
    }
}

extension DataSplits {
    /// Reads a folder of IDX files in the manner of MNIST, or an npz file with one array per input and `labels`; the name
    /// `fashion-mnist` stands for the folder its package installs.
    ///
    /// The last twelfth of a folder's training samples (5,000 of 60,000) are the validation split. An npz is every split.
    public init(reading source: String) throws {
        let path = source == "fashion-mnist" ? try Self.fashionMNISTFolder() : source
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw WinnowError(.data, source, "there is no such file or folder", remedy: "give an IDX folder, an npz file or fashion-mnist")
        }
        if isFolder.boolValue { try self.init(folder: path) } else { try self.init(file: path) }
    }

    private init(folder: String) throws {
        let training = try Self.samples(in: folder, prefix: "train")
        let test = try Self.samples(in: folder, prefix: "t10k")
        guard training != nil || test != nil else {
            throw WinnowError(
                .data, folder, "has neither train-images-idx3-ubyte nor t10k-images-idx3-ubyte (.gz)",
                remedy: "give a folder in the manner of MNIST")
        }
        if let training {
            let boundary = training.count - training.count / 12
            self.training = training.subset(0..<boundary)
            validation = training.subset(boundary..<training.count)
        }
        self.test = test
    }

    private init(file: String) throws {
        guard file.hasSuffix(".npz") else {
            throw WinnowError(.data, file, "is no npz file", remedy: "give an IDX folder, an npz file or fashion-mnist")
        }
        var arrays = try NPZ.read(file)
        let labels = arrays.removeValue(forKey: "labels")?.integers()
        let data = try Dataset(arrays.sorted { $0.key < $1.key }.map { .init(name: $0.key, $0.value) }, labels: labels)
        self.init(training: data, validation: data, test: data)
    }

    private static func samples(in folder: String, prefix: String) throws -> Dataset? {
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
