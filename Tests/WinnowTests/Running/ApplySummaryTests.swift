import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
@testable import Winnow

/// What `apply` says is a few lines, and everything on request.
@Suite struct ApplySummaryTests {
    private func summary(_ findings: [Finding]) throws -> ApplySummary {
        let model = Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [8, 16, 4]))
        let file = NSTemporaryDirectory() + "winnow-summary-\(UUID().uuidString).onnx"
        try model.write(to: file)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try ApplySummary(findings, from: .init(Model(reading: file), data: nil, shapes: []), to: model, output: file)
    }

    @Test func whatWasNotDoneIsOneLineAReason() throws {
        let findings =
            [Finding("w", .done, .sparsity, before: 0, after: 1.0 / 3)]
            + (1...30).map { Finding("k\($0)", .kept, reason: "it is small") }
            + [Finding("s1", .skipped, reason: "odd"), Finding("s2", .skipped, reason: "odd"), Finding("f", .fellBack, reason: "mild")]
        let lines = try summary(findings).lines(isVerbose: false)
        #expect(
            lines.dropLast() == [
                "w: sparsity 0 → 0.333333", "k1, k2 and 28 more: kept (it is small)", "s1 and s2: skipped (odd)", "f: fell back (mild)",
            ])
        #expect(lines.last?.hasSuffix("1 done, 30 kept, 2 skipped, 1 fell back") == true)
        #expect(try summary(findings).lines(isVerbose: true).count == findings.count + 1)
    }

    @Test func noIntegersAreSaidBeforeTheSums() throws {
        let lines = try summary([Finding("graph", .fellBack, .integerLayers, before: 3, after: 0, reason: "noise")]).lines(isVerbose: false)
        #expect(lines.count == 3 && lines[0] == "graph: fell back (noise)" && lines[1] == "none of 3 layers became integers")
    }

    @Test func manyReasonsAreCut() throws {
        let findings = (0..<50).map { Finding("d\($0)") } + (0..<30).map { Finding("s\($0)", .skipped, reason: "reason \($0)") }
        let lines = try summary(findings).lines(isVerbose: false)
        #expect(lines.count == 1 + 8 + 1 + 1 && lines[0].hasPrefix("50 done") && lines[9] == "22 more skipped; --verbose lists them")
    }
}
