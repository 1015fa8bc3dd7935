import Foundation
import WinnowFormats
import WinnowReport
import WinnowTensor

/// Reports that were written as JSON, shown again: one as its page, a folder of them as an index.
public struct ReportFolder: Sendable {
    /// A page that was written, what it shows, and what came of that.
    public struct Entry: Codable, Sendable {
        public var page: String
        public var title: String
        public var headline: String
    }

    public init() {}

    /// Writes the page of the report at `path`, or `index.html` with a line for every report in that folder and those in it, their
    /// pages where these are missing, and links to Winnow's other pages there.
    ///
    /// Throws `.file` for what cannot be read, `.data` for what is no report, `.usage` where a page would take the place of one that
    /// Winnow did not write.
    @discardableResult
    public func write(_ path: String, to output: String? = nil) throws -> (page: String, entries: [Entry]) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw WinnowError(.file, path, "there is no such file or folder", remedy: "give a report's JSON file, or a folder of reports")
        }
        let page = output ?? (isFolder.boolValue ? URL(fileURLWithPath: path, isDirectory: true).appendingPathComponent("index.html").relativePath : Self.page(of: path))
        try Self.check(page)
        guard isFolder.boolValue else {
            guard let report = Self.report(at: path) else {
                throw WinnowError(.data, path, "is no report", remedy: "give the JSON file that is written beside the page of --report")
            }
            try AtomicFile.write(report.html, to: page)
            return (page, [Entry(page: page, title: report.title, headline: report.headline)])
        }
        let folder = URL(fileURLWithPath: page).deletingLastPathComponent().standardizedFileURL.path
        let reports = Self.reports(in: path).map { (page: Self.page(of: $0.file), report: $0.report) }
        let entries = try reports.map { own, report in
            if !FileManager.default.fileExists(atPath: own) { try AtomicFile.write(report.html, to: own) }
            return ReportIndex.Entry(page: Self.link(own, from: folder), report)
        }
        let known = [page] + reports.map(\.page)
        let others = Self.otherPages(in: path, besides: known).map { (page: Self.link($0.file, from: folder), title: $0.title) }
        guard !entries.isEmpty || !others.isEmpty else {
            throw WinnowError(.data, path, "holds no reports", remedy: "give a folder where --report has written")
        }
        let name = URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
        try AtomicFile.write(ReportIndex(title: "Reports of \(name)", entries: entries, others: others).html, to: page)
        return (page, entries.map { Entry(page: $0.page, title: $0.title, headline: $0.headline) })
    }

    private static func page(of json: String) -> String { URL(fileURLWithPath: json).deletingPathExtension().path + ".html" }

    private static func check(_ page: String) throws {
        try OutputName.checkPage(page)
        guard let bytes = FileManager.default.contents(atPath: page), !bytes.isEmpty else { return }
        guard ReportIndex.isOurs(String(decoding: bytes.prefix(4096), as: UTF8.self)) else {
            throw WinnowError(.usage, page, "is there and is no page of Winnow's", remedy: "give another name with -o")
        }
    }

    private static func report(at path: String) -> Report? {
        FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder.exact.decode(Report.self, from: $0) }
    }

    /// The reports below a folder, by path.
    private static func reports(in folder: String) -> [(file: String, report: Report)] {
        files(in: folder, ending: ".json").compactMap { file in report(at: file).map { (file, $0) } }
    }

    /// Pages of Winnow's below a folder but these, by path.
    private static func otherPages(in folder: String, besides known: [String]) -> [(file: String, title: String)] {
        let known = Set(known.map { URL(fileURLWithPath: $0).standardizedFileURL.path })
        return files(in: folder, ending: ".html").compactMap { file in
            guard !known.contains(URL(fileURLWithPath: file).standardizedFileURL.path),
                let bytes = FileManager.default.contents(atPath: file)
            else { return nil }
            return ReportIndex.title(ofOurs: String(decoding: bytes.prefix(4096), as: UTF8.self)).map { (file, $0) }
        }
    }

    private static func files(in folder: String, ending: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        let files = names.filter { $0.hasSuffix(ending) && !$0.split(separator: "/").contains { $0.hasPrefix(".") } }
        return files.sorted().map { "\(folder)/\($0)" }
    }

    /// A path as a link from a folder.
    private static func link(_ path: String, from folder: String) -> String {
        let own = URL(fileURLWithPath: path).standardizedFileURL.pathComponents
        let base = URL(fileURLWithPath: folder).standardizedFileURL.pathComponents
        let shared = zip(own, base).prefix { $0 == $1 }.count
        let parts = [String](repeating: "..", count: base.count - shared) + own.dropFirst(shared)
        return parts.map { $0.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? $0 }.joined(separator: "/")
    }
}
