import Foundation
import WinnowFormats
import WinnowReport
import WinnowTensor

/// A report as a page, and as JSON beside it.
struct ReportFiles {
    let page: String

    /// The page's name with another ending.
    var json: String { URL(fileURLWithPath: page).deletingPathExtension().path + ".json" }

    /// Throws `.usage` if one of the files would take the place of another, of one that is read, or of JSON that is no report.
    func check(_ files: inout FileRoles) throws {
        try OutputName.checkPage(page)
        try files.writes(page, for: "--report", makesFolder: true)
        try files.writes(json, for: "--report, as JSON,", makesFolder: true)
        guard Report.isOne(at: json) else {
            throw WinnowError(
                .usage, "--report", "\(json), where the same is written as JSON, holds something else", remedy: "give another name")
        }
    }

    /// Makes the folder if there is none.
    func write(_ report: Report) throws {
        let folder = URL(fileURLWithPath: page).deletingLastPathComponent().path
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw WinnowError(.file, folder, "cannot be made", remedy: "give the report another folder")
        }
        try AtomicFile.write(report.html, to: page)
        try AtomicFile.write(Array(try report.json()), to: json)
    }
}
