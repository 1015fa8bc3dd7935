import Foundation

/// The file called `name` in `folder` or the nearest folder around it; nil if there is none.
func nearestFile(_ name: String, from folder: String) -> String? {
    var place = URL(fileURLWithPath: folder).standardizedFileURL
    while true {
        let file = place.appendingPathComponent(name).path
        if FileManager.default.fileExists(atPath: file) { return file }
        let parent = place.deletingLastPathComponent().standardizedFileURL
        guard parent.path != place.path, parent.path.count < place.path.count else { return nil }
        place = parent
    }
}
