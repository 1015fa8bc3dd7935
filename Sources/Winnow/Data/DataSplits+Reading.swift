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
    ///
    /// `preparation` says what is done to pictures: `imagenet`, `zero-to-one`, `minus-one-to-one`, or a YAML file; nil: the nearest `images.yaml`, or what
    /// the model remembers. With `skippingBad`, files that cannot be read are left out, which a note says.
    public init(
        reading source: String, for graph: Graph? = nil, layout: Layout = .nchw, shapes: [String] = [], preparation: String? = nil, skippingBad: Bool = false
    ) throws {
        self = try WinnowError.leading(to: "Data") {
            try Self.reading(source, for: graph, layout: layout, shapes: shapes, preparation: preparation, skippingBad: skippingBad)
        }
    }

    private static func reading(
        _ source: String, for graph: Graph?, layout: Layout, shapes: [String], preparation: String?, skippingBad: Bool
    ) throws -> DataSplits {
        let path = source == "fashion-mnist" ? try Self.fashionMNISTFolder() : source
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw WinnowError(.data, source, "there is no such file or folder", remedy: DataFile.remedy)
        }
        let given = try InputShapes.shapes(parsing: shapes).map { (name: $0.0, shape: $0.shape) }
        let reading = SampleReading(graph: graph, shapes: given, preparation: preparation, skipsBad: skippingBad)
        var splits = try isFolder.boolValue ? Self.folder(path, source, reading) : Self.file(path, source, reading)
        guard Split.allCases.contains(where: { splits[$0].map { $0.count > 0 } ?? false }) else {
            throw WinnowError(.data, source, "has no samples", remedy: DataFile.remedy)
        }
        guard preparation == nil || splits.preparation != nil else {
            throw WinnowError(.usage, "--preparation", "is for pictures, and \(source) has none", remedy: "leave it out")
        }
        guard layout == .nhwc else { return splits }
        guard splits.preparation == nil else {
            throw WinnowError(.usage, "--layout", "is for arrays", remedy: "say layout: nhwc in \(ImagePreparation.fileName)")
        }
        splits = splits.map { $0.channelsFirst() }
        splits.notes[0] += ", turned to channels first"
        return splits
    }

    private static func file(_ path: String, _ source: String, _ reading: SampleReading) throws -> DataSplits {
        if let files = try SampleFiles(list: path) { return try DataSplits(files, source, reading) }
        if let text = try TextFile(path) {
            let (data, words) = try text.samples(path, reading)
            return try DataSplits(splitting: data, notes: ["\(source): \(words)"])
        }
        let file = try DataFile(reading: path)
        let data = try file.dataset(classes: SampleFiles.sorted(Set(file.labelNames ?? [])), for: reading.graph)
        return try DataSplits(splitting: data, notes: ["\(source): \(data.words)\(file.preparation)"])
    }

    private init(_ files: SampleFiles, _ source: String, _ reading: SampleReading) throws {
        let files = files.withoutOnlyClass
        let (data, words) = try files.samples(classes: files.classes, reading)
        try self.init(splitting: data, notes: ["\(source): \(words)"])
        preparation = try files.record(reading)
    }

    private static func folder(_ path: String, _ source: String, _ reading: SampleReading) throws -> DataSplits {
        if let splits = try DataSplits(mnist: path, source) ?? DataSplits(splitsIn: path, source, reading) { return splits }
        if let files = SampleFiles(folder: path) { return try DataSplits(files, source, reading) }
        if let arrays = try DataFile(arraysIn: path, skippingBad: reading.skipsBad) {
            let data = try arrays.dataset(classes: SampleFiles.sorted(Set(arrays.labelNames ?? [])), for: reading.graph)
            return try DataSplits(splitting: data, notes: ["\(source): \(data.words)\(arrays.preparation)"])
        }
        let list = SampleFiles.lists(in: path).first.map { "give \(path.hasSuffix("/") ? path : path + "/")\($0) itself if it has a sample a line" }
        throw WinnowError(.data, path, "holds no images, sounds, arrays or tables that could be read", remedy: list ?? DataFile.remedy)
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
            let place = feature.isShared ? (count > 1 ? " for all" : "") : feature.sampleAxis > 0 ? " along axis \(feature.sampleAxis)" : ""
            return (feature.name.isEmpty ? "" : "\(feature.name) ") + "\(feature.elementType) \(size)\(place)"
        }
        return "\(count) \(count == 1 ? "sample" : "samples") of \(parts.joined(separator: ", "))\(classWords)"
    }

    /// ` in 10 classes`; nothing for labels of places, which stand among the arrays.
    var classWords: String {
        if let count = labels.map({ Set($0).count }) { return " in \(count) \(count == 1 ? "class" : "classes")" }
        return (labelArray ?? placeLabels)?.hasPlaces == true ? "" : ", no labels"
    }
}
