import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowTensor

/// Files that hold a sample each, with their classes: in one folder a class, all in one folder, or named in a list.
struct SampleFiles {
    /// What the files are.
    enum Kind: CaseIterable {
        case picture, sound, text

        /// Endings by which files are found in folders; those of kinds that are not read are named, not passed over.
        var fileExtensions: Set<String> {
            switch self {
            case .picture: PixelImage.fileExtensions.union(PixelImage.unreadExtensions)
            case .sound: WAV.fileExtensions.union(WAV.unreadExtensions)
            case .text: ["txt"]
            }
        }

        func isOne(_ file: String) -> Bool { fileExtensions.contains(URL(fileURLWithPath: file).pathExtension.lowercased()) }
    }

    let kind: Kind
    /// The folder, or that of the list: where what is to be done to samples is looked for.
    let folder: String
    private var files: [(path: String, label: String?)]
    /// What is wrong with lines of a list that name no file, by the paths they would be.
    private var absent: [String: WinnowError] = [:]
    /// Classes of which there is no sample: folders with nothing in them.
    private var emptyClasses: Set<String> = []
    /// Files beside the classes' folders, which have no class.
    private var leftOutCount = 0
    /// Whether labels are the numbers of classes.
    private var areNumbers = false

    private var isLabelled: Bool { files.contains { $0.label != nil } }

    /// The names of classes, whole numbers by value, everything else by name; empty where there are none.
    var classes: [String] { areNumbers ? [] : Self.sorted(emptyClasses.union(files.compactMap(\.label))) }

    /// Without labels where all samples are of one class by name, as in a folder that lies in another by itself: that tells nothing.
    var withoutOnlyClass: SampleFiles {
        guard classes.count == 1 else { return self }
        var result = self
        result.files = files.map { ($0.path, nil) }
        return result
    }

    static func sorted(_ classes: Set<String>) -> [String] {
        classes.sorted { a, b in
            guard let x = a.classNumber, let y = b.classNumber, x != y else { return a < b }
            return x < y
        }
    }
}

extension SampleFiles {
    /// nil if there is no sample in a folder inside this one, nor, where there are no arrays either, in this one.
    init?(folder: String) {
        let contents = Self.contents(of: folder)
        let holdsArrays = contents.contains { $0.hasSuffix(".npy") }
        for kind in Kind.allCases where kind != .text || nearestFile(TokenizerFile.name, from: folder) != nil {
            let loose = contents.filter(kind.isOne)
            let folders = contents.filter { Self.isFolder("\(folder)/\($0)") }
            let classed = folders.flatMap { name in
                Self.contents(of: "\(folder)/\(name)").filter(kind.isOne).map { (path: "\(folder)/\(name)/\($0)", label: Optional(name)) }
            }
            if !classed.isEmpty {
                (self.kind, self.folder, leftOutCount) = (kind, folder, loose.count)
                emptyClasses = Set(folders.filter { Self.contents(of: "\(folder)/\($0)").isEmpty })
                files = Self.sorted(Set(classed.compactMap(\.label))).flatMap { name in classed.filter { $0.label == name } }
                return
            }
            guard !holdsArrays, !loose.isEmpty else { continue }
            (self.kind, self.folder) = (kind, folder)
            files = loose.map { ("\(folder)/\($0)", nil) }
            return
        }
        return nil
    }

    static let listExtensions: Set<String> = ["txt", "tsv", "lst", "list", "csv"]

    private static func mayBeList(_ file: String) -> Bool { listExtensions.contains(URL(fileURLWithPath: file).pathExtension.lowercased()) }

    /// The names of files in a folder that are read where they are given themselves, as lists or as a text a line.
    static func lists(in folder: String) -> [String] { contents(of: folder).filter(mayBeList) }

    /// A list of files, a line each: its path from the list's folder or from the root, and behind a comma, a tab or a space its class. nil where
    /// none of the first lines names a file that is there.
    init?(list: String) throws {
        guard Self.mayBeList(list) else { return nil }
        let folder = URL(fileURLWithPath: list).deletingLastPathComponent().path
        var lines = try TextLines(list).lines.enumerated().filter { !$0.element.isEmpty }
        // A first line such as `path,label` names the columns.
        if let first = lines.first, Self.entry(first.element, folder) == nil, lines.count > 1,
            first.element.lowercased().hasPrefix("path") || first.element.lowercased().hasPrefix("file") { lines.removeFirst() }
        guard let entry = lines.prefix(100).lazy.compactMap({ Self.entry($0.element, folder) }).first, let kind = Kind.allCases.first(where: { $0.isOne(entry.path) }) else { return nil }
        (self.kind, self.folder) = (kind, folder)
        var absent: [String: WinnowError] = [:]
        files = try lines.map { number, line in
            guard let found = Self.entry(line, folder) else {
                let found = Self.unfound(line, folder, isLabelled: entry.label != nil)
                absent[found.path] = WinnowError(
                    .data, "\(list): line \(number + 1)", "names no file that is there: \(line.prefix(80))", remedy: "paths are from the list's folder")
                return found
            }
            guard kind.isOne(found.path), (found.label == nil) == (entry.label == nil) else {
                throw WinnowError(
                    .data, "\(list): line \(number + 1)", found.label == nil ? "has no class, as other lines have" : "is of another kind than the first",
                    remedy: "write a path and a class in every line, or paths alone")
            }
            return found
        }
        self.absent = absent
        areNumbers = isLabelled ? try files.compactMap(\.label).classNumbers(of: list) != nil : false
    }

    private static let separators: [Character] = [",", "\t", ";", " "]

    /// A path that is there, with what is behind it.
    private static func entry(_ line: String, _ folder: String) -> (path: String, label: String?)? {
        func file(_ name: some StringProtocol) -> String? {
            let name = name.trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
            let path = name.hasPrefix("/") ? name : "\(folder)/\(name)"
            return !name.isEmpty && !isFolder(path) && FileManager.default.fileExists(atPath: path) ? path : nil
        }
        if let path = file(line) { return (path, nil) }
        for separator in separators {
            guard let place = line.lastIndex(of: separator), let path = file(line[..<place]) else { continue }
            let label = line[line.index(after: place)...].trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
            if !label.isEmpty { return (path, label) }
        }
        return nil
    }

    /// What a line says of a file that is not there.
    private static func unfound(_ line: String, _ folder: String, isLabelled: Bool) -> (path: String, label: String?) {
        let separator = isLabelled ? Self.separators.first { line.contains($0) } : nil
        guard let place = separator.flatMap({ line.lastIndex(of: $0) }) else { return ("\(folder)/\(line)", nil) }
        let label = line[line.index(after: place)...].trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
        return ("\(folder)/\(line[..<place])", label.isEmpty ? nil : label)
    }

    private static func contents(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}

extension SampleFiles {
    /// The samples in the order of their classes and names, and what was done to them; a label is a class's place among `classes`.
    ///
    /// Throws `.data` naming the first files that cannot be read and how many there are, unless they are to be skipped.
    func samples(classes: [String], _ reading: SampleReading) throws -> (Dataset, words: String) {
        switch kind {
        case .picture: try collected(PreparedImages(in: folder, reading), "images", classes, reading)
        case .sound: try collected(PreparedSounds(in: folder, reading), "sounds", classes, reading)
        case .text: try collected(PreparedTexts(in: folder, reading), "texts", classes, reading)
        }
    }

    /// What is done to pictures, so that a model can remember it; nil for other samples.
    func record(_ reading: SampleReading) throws -> String? { kind == .picture ? try PreparedImages(in: folder, reading).record : nil }

    private func collected(
        _ samples: some SampleCollector, _ noun: String, _ classes: [String], _ reading: SampleReading
    ) throws -> (Dataset, words: String) {
        var (samples, labels) = (samples, [Int]())
        var unread = UnreadFiles(skips: reading.skipsBad)
        for file in files {
            let isRead: Void? = try unread.reading(file.path) {
                if let error = absent[file.path] { throw error }
                try samples.add(file.path)
            }
            guard isRead != nil else { continue }
            if let label = file.label, let number = areNumbers ? label.classNumber : classes.firstIndex(of: label) { labels.append(number) }
        }
        try unread.check(of: files.count, noun)
        let data = try Dataset(samples.features(), labels: isLabelled ? labels : nil)
        let missing = classes.filter(emptyClasses.contains)
        let empty = missing.isEmpty ? "" : "; no sample of \(missing.joined(separator: ", "))"
        let left = leftOutCount == 0 ? "" : "; \(leftOutCount) beside the classes' folders are left out"
        return (data, "\(data.count) \(noun)\(data.classWords), \(samples.words)\(empty)\(left)\(unread.words)")
    }
}

/// What of a model and of a command says how samples are read.
struct SampleReading {
    /// The model that takes them.
    var graph: Graph?
    /// Shapes of inputs as they were given.
    var shapes: [(name: ValueName, shape: Shape)] = []
    /// How pictures are prepared: a name, or a YAML file; nil: as `images.yaml` or the model says.
    var preparation: String?
    /// Whether files that cannot be read are left out.
    var skipsBad = false

    /// The shape that pictures are to have; nil: none was given.
    var pictureShape: Shape? { shapes.first { $0.shape.rank == 4 }?.shape }

    /// The extents of the model's input of a rank; nil for those that are open.
    func extents(ofRank rank: Int) -> [Int?]? {
        graph?.requiredInputs.first { $0.type.extents?.count == rank }?.type.extents?.map(\.value)
    }
}

/// Samples that are read from a file each.
protocol SampleCollector {
    /// Reads a sample. Throws where it cannot be.
    mutating func add(_ file: String) throws
    /// All of them as a model takes them.
    func features() throws -> [Dataset.Feature]
    /// What was done to them.
    var words: String { get }
}

/// The lines of a text file.
struct TextLines {
    let lines: [String]

    init(_ path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw WinnowError(.data, path, "cannot be read", remedy: "check its permissions")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw WinnowError(.data, path, "is not UTF-8", remedy: "convert it, for example with iconv")
        }
        lines = text.drop { $0 == "\u{FEFF}" }.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map { String($0) }
    }
}
