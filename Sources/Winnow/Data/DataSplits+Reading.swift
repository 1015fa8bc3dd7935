import Foundation
import WinnowEngine
public import WinnowGraph
import WinnowTensor

extension DataSplits {
    /// How axes of images lie in arrays that are read.
    public enum Layout: String, Sendable, CaseIterable {
        case nchw, nhwc

        /// Throws `.usage` for another word.
        public static func named(_ word: String) throws -> Layout {
            guard let layout = Layout(rawValue: word) else {
                throw WinnowError(.usage, "--layout", "\(word) is no layout", remedy: "choose nchw or nhwc")
            }
            return layout
        }
    }

    /// Reads samples; `Guides/Data.md` lists the kinds. The name `fashion-mnist` stands for the folder its package installs.
    ///
    /// Where there are training but no validation samples, a twelfth of each class becomes the validation split. A source
    /// without named splits is split by the samples' contents. Arrays of `layout` nhwc are turned to channels first.
    ///
    /// `graph` is the model that takes the arrays: its samples may lie along other axes than the first, and all of them may share a
    /// value. `shapes` are texts as `image=1x3x224x224`: pictures are brought to the size of the first shape of four axes.
    public init(reading source: String, for graph: Graph? = nil, layout: Layout = .nchw, shapes: [String] = []) throws {
        let path = source == "fashion-mnist" ? try Self.fashionMNISTFolder() : source
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw WinnowError(.data, source, "there is no such file or folder", remedy: DataFile.remedy)
        }
        let target = try InputShapes.shapes(parsing: shapes).first { $0.shape.rank == 4 }?.shape
        self = try isFolder.boolValue ? Self.folder(path, source, target, graph) : Self.file(path, source, graph)
        guard layout == .nhwc else { return }
        guard !arePictures else {
            throw WinnowError(.usage, "--layout", "is for arrays", remedy: "say layout: nhwc in \(ImagePreparation.fileName)")
        }
        self = map { $0.channelsFirst() }
        notes[0] += ", turned to channels first"
    }

    private static func file(_ path: String, _ source: String, _ graph: Graph?) throws -> DataSplits {
        let file = try DataFile(reading: path)
        let data = try file.dataset(classes: ImageFolder.sorted(Set(file.labelNames ?? [])), for: graph)
        return try DataSplits(splitting: data, notes: ["\(source): \(data.words)\(file.preparation)"])
    }

    private static func folder(_ path: String, _ source: String, _ target: Shape?, _ graph: Graph?) throws -> DataSplits {
        if let splits = try DataSplits(mnist: path, source) ?? DataSplits(splitsIn: path, source, target, for: graph) { return splits }
        if let folder = ImageFolder(path) {
            let (data, words) = try folder.samples(classes: folder.classes, target)
            var splits = try DataSplits(splitting: data, notes: ["\(source): \(words)"])
            splits.arePictures = true
            return splits
        }
        if let arrays = try DataFile(arraysIn: path) {
            let data = try arrays.dataset(classes: [], for: graph)
            return try DataSplits(splitting: data, notes: ["\(source): \(data.words)"])
        }
        throw WinnowError(.data, path, "holds no images, arrays or tables that could be read", remedy: DataFile.remedy)
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

extension Dataset {
    /// How many samples of what: `512 samples of x 3×48×192 in 10 classes`.
    var words: String {
        let parts = features.map { feature in
            let shape = feature.sampleShape(at: 0)
            let size = feature.isUniform ? (shape.isEmpty ? "1" : "\(shape)") : "several shapes"
            let place = feature.isShared ? " for all" : feature.sampleAxis > 0 ? " along axis \(feature.sampleAxis)" : ""
            return (feature.name.isEmpty ? "" : "\(feature.name) ") + "\(feature.elementType) \(size)\(place)"
        }
        return "\(count) samples of \(parts.joined(separator: ", "))\(classWords)"
    }

    var classWords: String {
        labels.map { " in \(Set($0).count) classes" } ?? ", no labels"
    }
}
