import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Pictures in one folder a class, or all in one folder without classes.
struct ImageFolder {
    let path: String
    /// The classes' folders, whole numbers by value, everything else by name; empty where pictures have no class.
    let classes: [String]

    /// nil if there is no picture in a folder inside this one, nor, where there are no arrays either, in this one.
    init?(_ path: String) {
        let contents = Self.contents(of: path)
        let folders = contents.filter { Self.isFolder("\(path)/\($0)") && !Self.images(in: "\(path)/\($0)").isEmpty }
        let holdsArrays = contents.contains { $0.hasSuffix(".npy") }
        guard !folders.isEmpty || !holdsArrays && !Self.images(in: path).isEmpty else { return nil }
        self.path = path
        classes = Self.sorted(Set(folders))
    }

    static func sorted(_ classes: Set<String>) -> [String] {
        classes.sorted { a, b in
            guard let x = Int(a), let y = Int(b), x != y else { return a < b }
            return x < y
        }
    }

    /// The pictures in the order of their classes and names, and what was done to them; a label is a class's place among
    /// `classes`. Pictures get the size of `target`, the shape of an input.
    func samples(classes: [String], _ target: Shape?) throws -> (Dataset, words: String) {
        let (stated, file) = try ImagePreparation.nearest(to: path)
        let preparation = try stated.sized(for: target)
        var images = PreparedImages(preparation)
        var labels: [Int] = []
        for folder in self.classes {
            guard let label = classes.firstIndex(of: folder) else { continue }
            for name in Self.images(in: "\(path)/\(folder)") {
                try images.add("\(path)/\(folder)/\(name)")
                labels.append(label)
            }
        }
        let loose = Self.images(in: path)
        if self.classes.isEmpty { for name in loose { try images.add("\(path)/\(name)") } }
        let data = try Dataset([images.feature], labels: self.classes.isEmpty ? nil : labels)
        let left = self.classes.isEmpty || loose.isEmpty ? "" : "; \(loose.count) beside the classes' folders are left out"
        let source = (preparation.resize == stated.resize ? "" : ", as --shape says") + (file.map { " (\($0))" } ?? "")
        return (data, "\(data.count) images\(data.classWords), \(images.words)\(source)\(left)")
    }

    private static func images(in folder: String) -> [String] {
        contents(of: folder).filter { name in
            let kind = URL(fileURLWithPath: name).pathExtension.lowercased()
            return PixelImage.fileExtensions.contains(kind) || PixelImage.unreadExtensions.contains(kind)
        }
    }

    private static func contents(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
