import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

@testable import WinnowFormats

/// Readers get whole files and headers with random damage: each is read or refused, in little time and memory.
///
/// `WINNOW_FUZZ=1000000` sets how many (`Campaign`).
@Suite(.serialized) struct FuzzTests {
    private struct Original {
        var name: String
        var bytes: [UInt8]
    }

    private static let campaign = Campaign("WINNOW_FUZZ", count: 40_000)
    private static let memoryLimit = 2 << 30
    private static let secondsLimit = 10.0

    @Test(.timeLimit(.minutes(6000))) func damagedFilesNeitherTrapNorHangNorEatMemory() throws {
        let originals = try Self.corpus()
        #expect(Set(originals.map { $0.name.split(separator: ".").last }).count >= 8)
        let watchdog = Watchdog(secondsLimit: 30, memoryLimit: Self.memoryLimit)
        var refused = 0
        var slowest = (seconds: 0.0, name: "")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-fuzz-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.write(Fixture.bytes("external.bin"), to: folder + "/external.bin")
        Self.resetPeakMemory()
        for round in Self.campaign.rounds {
            var random = try Self.campaign.begin(round)
            let original = originals[round % originals.count]
            let path = "\(folder)/\(original.name)"
            let other = originals.randomElement(using: &random)?.bytes ?? []
            try write(Mutation.damage(original.bytes, with: other, &random), to: path)
            let name = "\(Self.campaign.describe(round)), \(original.name)"
            let seconds = try watchdog.seconds(name) {
                // What is thrown must be a sentence for the user; anything else fails the test.
                do { try Self.read(path) } catch let error as WinnowError {
                    #expect(!error.problem.isEmpty)
                    refused += 1
                }
            }
            if seconds > slowest.seconds { slowest = (seconds, name) }
        }
        let count = Self.campaign.rounds.count
        let peak = Self.peakMemory() ?? 0
        print("fuzz: \(count) files of \(originals.count), \(refused) refused, peak \(peak >> 20) MB, slowest \(slowest)")
        #expect(slowest.seconds < Self.secondsLimit, "\(slowest.name)")
        #expect(peak < Self.memoryLimit)
        #expect(refused > count / 4 && refused < count)
    }

    private static func read(_ path: String) throws {
        switch path.split(separator: ".").last {
        case "onnx": _ = try ONNXFile.read(path, registry: OperatorCatalogue.registry).text
        case "npy": _ = try NPY.read(path)
        case "npz": _ = try NPZ.read(path)
        case "safetensors": _ = try SafeTensors(contentsOf: path).tensors
        case "csv": _ = try CSV(contentsOf: path)
        case "png", "jpg": _ = try PixelImage(contentsOf: path)
        default: _ = try IDX.read(path)
        }
    }

    /// The fixtures, files of every writer of ours, and the smaller of Debian's ONNX test models where they are installed.
    private static func corpus() throws -> [Original] {
        var originals = try FileManager.default.contentsOfDirectory(atPath: Fixture.path("")).sorted()
            .filter { !$0.hasSuffix(".py") && $0 != "external.bin" }
            .map { Original(name: $0, bytes: try Fixture.bytes($0)) }
        try withTemporaryFolder { folder in
            let tensors = [
                "a": Tensor((0..<300).map { Float($0) }, shape: [3, 100]), "b": Tensor(zeros: [2, 2], .uint8),
                "c": Tensor([1, 2, 3] as [Int64]),
            ]
            try SafeTensors(tensors: tensors, metadata: ["k": "v"]).write(to: folder + "/w.safetensors")
            try NPZ.write(tensors, to: folder + "/stored.npz")
            try NPZ.write(tensors, to: folder + "/deflated.npz", compressed: true)
            try Data("label,a,b\n1,0.5,2\ncat,\"3\",-1e3\n".utf8).write(to: URL(fileURLWithPath: folder + "/t.csv"))
            for name in ["w.safetensors", "stored.npz", "deflated.npz", "t.csv"] {
                originals.append(Original(name: name, bytes: try Array(Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))))
            }
        }
        let idx: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4] + (0..<24).map { UInt8($0) }
        originals.append(Original(name: "plain.idx3-ubyte", bytes: idx))
        originals.append(Original(name: "grey.png", bytes: SamplePictures.png()))
        originals.append(Original(name: "grey.jpg", bytes: SamplePictures.jpeg))
        return originals + debianModels()
    }

    private static func debianModels() -> [Original] {
        let root = "/usr/share/libonnx-testdata/data"
        guard let files = FileManager.default.enumerator(atPath: root) else { return [] }
        let models = files.compactMap { $0 as? String }.filter { $0.hasSuffix("model.onnx") }.sorted()
        // Every twelfth is some of every folder and operator family; a long run takes every second.
        let step = campaign.isLong ? 2 : 12
        return models.enumerated().compactMap { index, file in
            guard index % step == 0, let data = FileManager.default.contents(atPath: "\(root)/\(file)"), data.count < 100_000 else {
                return nil
            }
            return Original(name: file.replacingOccurrences(of: "/", with: "_"), bytes: Array(data))
        }
    }

    /// Makes the system count the process's peak memory anew.
    private static func resetPeakMemory() { try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs")) }

    private static func peakMemory() -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
}
