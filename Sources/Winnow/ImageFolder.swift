import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Pictures in one folder a class.
struct ImageFolder {
    let path: String
    /// The classes' folders, whole numbers by value, everything else by name.
    let classes: [String]

    /// nil if no folder inside holds a picture.
    init?(_ path: String) {
        let folders = Self.contents(of: path).filter { name in
            Self.isFolder("\(path)/\(name)") && !Self.images(in: "\(path)/\(name)").isEmpty
        }
        guard !folders.isEmpty else { return nil }
        self.path = path
        classes = Self.sorted(Set(folders))
    }

    static func sorted(_ classes: Set<String>) -> [String] {
        classes.sorted { a, b in
            guard let x = Int(a), let y = Int(b), x != y else { return a < b }
            return x < y
        }
    }

    /// The pictures in the order of their classes and names; a label is a class's place among `classes`.
    /// Throws `.data` naming a picture of another size than the first.
    func samples(classes: [String], _ preparation: ImagePreparation) throws -> Dataset {
        var images: [PixelImage] = []
        var labels: [Int] = []
        for folder in self.classes {
            guard let label = classes.firstIndex(of: folder) else { continue }
            for name in Self.images(in: "\(path)/\(folder)") {
                let file = "\(path)/\(folder)/\(name)"
                let image = try preparation.prepared(PixelImage(contentsOf: file), subject: file)
                if let first = images.first, (first.width, first.height) != (image.width, image.height) {
                    throw WinnowError(
                        .data, file, "is \(image.height)×\(image.width), others are \(first.height)×\(first.width)",
                        remedy: "give resize and crop in \(ImagePreparation.fileName)")
                }
                images.append(image)
                labels.append(label)
            }
        }
        return try Dataset([preparation.feature(of: images)], labels: labels)
    }

    private static func images(in folder: String) -> [String] {
        contents(of: folder).filter {
            PixelImage.fileExtensions.contains(URL(fileURLWithPath: $0).pathExtension.lowercased())
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
