import Foundation
import Testing
import WinnowFormats
import WinnowTensor

@Suite struct AtomicFiles {
    @Test func aFailedWriteLeavesTheOldFileAlone() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a"
            try AtomicFile.write("old", to: path)
            _ = message {
                try AtomicFile.write(to: path) { sink in
                    try sink.write(Array("new".utf8))
                    throw WinnowError(.cancelled, "", "stopped")
                }
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
        }
    }

    /// Whatever other files are called, they are not ours.
    @Test func otherFilesStay() throws {
        try withTemporaryFolder { folder in
            let others = ["a.4194305.tmp", "a.1.tmp", "a.\(getpid()).tmp", "a.tmp", ".winnow-0123456789abcdef", "b"]
            for name in others { try Data("mine".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
            try AtomicFile.write("new", to: folder + "/a")
            #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder)) == Set(others + ["a"]))
            for name in others { #expect(try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) == "mine") }
        }
    }

    @Test func nothingElseIsThereWhileAFileIsWritten() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write(to: folder + "/a") { sink in
                try sink.write([UInt8](repeating: 1, count: 1 << 20))
                let names = try FileManager.default.contentsOfDirectory(atPath: folder)
                #expect(names.allSatisfy { $0.hasPrefix(".winnow-") })
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
        }
    }

    @Test(arguments: [1, 200, 245, 255]) func anyNameTheSystemAllowsWorks(length: Int) throws {
        try withTemporaryFolder { folder in
            let name = String(repeating: "n", count: length)
            for text in ["old", "new"] { try AtomicFile.write(text, to: "\(folder)/\(name)") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [name])
        }
    }

    @Test func companionsHaveNamesTheSystemAllows() {
        #expect(FilePath.companion(of: "x/m.onnx", suffix: ".data") == "x/m.onnx.data")
        let names = ["a", "b"].map { FilePath.companion(of: "x/" + String(repeating: "é", count: 126) + $0, suffix: ".data") }
        #expect(Set(names).count == 2)
        for name in names { #expect(name.hasPrefix("x/é") && name.hasSuffix(".data") && name.utf8.count <= 257) }
    }

    @Test func permissionsStay() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write("old", to: folder + "/a")
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder + "/a")
            try AtomicFile.write("new", to: folder + "/a")
            #expect(try FileManager.default.attributesOfItem(atPath: folder + "/a")[.posixPermissions] as? Int == 0o640)
        }
    }

    @Test func aLinkStaysALink() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write("old", to: folder + "/a")
            try FileManager.default.createSymbolicLink(atPath: folder + "/b", withDestinationPath: "a")
            try AtomicFile.write("new", to: folder + "/b")
            #expect(try String(contentsOfFile: folder + "/a", encoding: .utf8) == "new")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/b") == "a")
        }
    }

    @Test func aLinkToNothingYetStaysALink() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(atPath: folder + "/in/a", withDestinationPath: "../b")
            try FileManager.default.createSymbolicLink(atPath: folder + "/c", withDestinationPath: folder + "/in/a")
            try AtomicFile.write("new", to: folder + "/c")
            #expect(try String(contentsOfFile: folder + "/b", encoding: .utf8) == "new")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/in/a") == "../b")
            try FileManager.default.createSymbolicLink(atPath: folder + "/loop", withDestinationPath: "loop")
            #expect(message { try AtomicFile.write("", to: folder + "/loop") }.contains("cannot be written: too many"))
        }
    }

    @Test func manyPiecesArriveInOrder() throws {
        let pieces: [[UInt8]] = [1, 70_000, 0, 65_535, 1, 65_536, 200_000, 3].enumerated().map { index, count in
            [UInt8](repeating: UInt8(index), count: count)
        }
        try withTemporaryFolder { folder in
            try AtomicFile.write(to: folder + "/a") { sink in
                for piece in pieces { try sink.write(piece) }
                #expect(sink.position == pieces.reduce(0) { $0 + $1.count })
            }
            #expect(try Array(Data(contentsOf: URL(fileURLWithPath: folder + "/a"))) == pieces.flatMap { $0 })
        }
    }

    @Test func devicesAreWrittenToNotReplaced() throws {
        try AtomicFile.write("gone", to: "/dev/null")
        #expect(try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType == .typeCharacterSpecial)
    }

    /// `/dev/stdout` and its like are links to something without a path.
    @Test func pipesBehindLinksAreWrittenTo() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        try AtomicFile.write("text", to: "/dev/fd/\(ends[1])")
        close(ends[1])
        #expect(FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).readDataToEndOfFile() == Data("text".utf8))
    }

    @Test func wrongPathsAreOneSentence() {
        #expect(message { try AtomicFile.write("", to: "/nowhere/a") } == "/nowhere/a: cannot be written: no such file or directory")
        #expect(message { _ = try MappedFile("/nowhere") } == "/nowhere: cannot be opened: no such file or directory")
        #expect(message { _ = try MappedFile("/tmp") } == "/tmp: is a folder, not a file")
        #expect(message { _ = try MappedFile("/dev/zero") } == "/dev/zero: is not a regular file")
    }
}

@Suite struct Compression {
    private func sample(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * $0 >> 5) } }

    @Test(arguments: [Zlib.Wrapper.raw, .zlib, .gzip], [0, 1, 1000, 1_000_000])
    func whatIsDeflatedInflates(wrapper: Zlib.Wrapper, count: Int) throws {
        let bytes = sample(count)
        let packed = try bytes.withUnsafeBytes { try Zlib.deflate($0, wrapper) }
        #expect(try packed.withUnsafeBytes { try Zlib.inflate($0, wrapper, limit: count, subject: "") } == bytes)
        guard count > 0 else { return }
        #expect(message { try packed.withUnsafeBytes { _ = try Zlib.inflate($0, wrapper, limit: count - 1, subject: "x") } }
            == "x: decompresses to more than \(count - 1) bytes")
        #expect(message { try packed.dropLast(9).withUnsafeBytes { _ = try Zlib.inflate($0, wrapper, limit: count, subject: "x") } }
            == "x: is cut short; copy it again")
    }

    @Test func gzipMembersFollowEachOther() throws {
        let packed = try sample(100).withUnsafeBytes { try Zlib.deflate($0, .gzip) }
        let whole = try (packed + packed).withUnsafeBytes { try Zlib.inflate($0, .gzip, limit: 200, subject: "") }
        #expect(whole == sample(100) + sample(100))
    }

    @Test func theZippedSizeIsThatOfTheArchive() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/m.bin"
            try AtomicFile.write(sample(100_000), to: path)
            let size = try Zip.byteCount(ofFiles: [path])
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "python3", "-c", "import sys,zipfile; z=zipfile.ZipFile(sys.argv[2],'w',8,compresslevel=9); z.write(sys.argv[1],'m.bin')",
                path, folder + "/m.zip",
            ]
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { return }
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/m.zip")).count == size + 2 * "m.bin".utf8.count)
        }
    }

    /// What a file is called does not count.
    @Test func zippedSizesAreOfContentsAlone() throws {
        try withTemporaryFolder { folder in
            let paths = ["a.onnx", "a-name-that-is-longer.onnx"].map { "\(folder)/\($0)" }
            for path in paths { try AtomicFile.write(sample(1_000), to: path) }
            #expect(try Set(paths.map { try Zip.byteCount(ofFiles: [$0]) }).count == 1)
        }
    }

    @Test func externalDataCountsAsPartOfTheModel() throws {
        let model = try Zip.byteCount(ofFiles: [Fixture.path("external.onnx")])
        #expect(try ONNXFile.files(of: Fixture.path("external.onnx")) == [Fixture.path("external.onnx"), Fixture.path("external.bin")])
        #expect(try ONNXFile.zippedByteCount(of: Fixture.path("external.onnx")) > model)
    }
}
