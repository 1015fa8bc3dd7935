import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
@testable import WinnowReport

@Suite struct VerdictTests {
    private func measurement(_ stage: String, bytes: Int, top1: Double?, speed: [Double]? = nil) throws -> ModelMeasurement {
        let b = GraphBuilder("g")
        let graph = try b.graph(outputs: [b.input("x", .float32, ["N", 2])])
        var result = ModelMeasurement(graph, model: "m", stage: stage)
        (result.byteCount, result.zippedByteCount, result.top1) = (bytes, bytes / 2, top1)
        if let speed { result.speedup = try JSONDecoder().decode(Speedup.self, from: Data("{\"ratio\":\(speed[1]),\"low\":\(speed[0]),\"high\":\(speed[2])}".utf8)) }
        return result
    }

    private func report(bytes: Int, top1: Double, speed: [Double]) throws -> Report {
        Report(
            title: "t", environment: [:],
            models: [try measurement("a", bytes: 1000, top1: 0.9), try measurement("b", bytes: bytes, top1: top1, speed: speed)], steps: [])
    }

    /// The first line tells what was lost and won, a loss of speed before all else.
    @Test func slowerModelsSaySoFirst() throws {
        let slow = try report(bytes: 500, top1: 0.88, speed: [0.7, 0.8, 0.9]).text.split(separator: "\n")[0]
        #expect(slow.hasPrefix("t: 1.25× slower (1.11–1.43) on 1 thread, 2.0× smaller on disk, 2.0× smaller zipped, top-1 −2.00 points"))
        let fast = try report(bytes: 500, top1: 0.91, speed: [1.7, 1.8, 1.9]).text.split(separator: "\n")[0]
        #expect(fast == "t: 2.0× smaller on disk, 2.0× smaller zipped, top-1 +1.00 points, 1.80× faster (1.70–1.90) on 1 thread")
    }

    /// Where integers were asked for and there are none, text and page begin with that, and the reason is the first of its kind.
    @Test func noIntegersAreSaidFirst() throws {
        func quantized(_ count: Double) throws -> Report {
            var result = try report(bytes: 1000, top1: 0.9, speed: [0.9, 1, 1.1])
            let others = (0..<20).map { Finding("v\($0)", .fellBack, reason: "reason \($0 / 2)") }
            let whole = Finding("graph", .fellBack, .integerLayers, before: 10, after: count, reason: "they stay float")
            result.steps = [.init(name: "static-quantization", settings: "", seconds: 1, findings: others + [whole], result: nil)]
            return result
        }
        let none = try quantized(0)
        let lines = none.text.split(separator: "\n")
        #expect(lines[0].hasPrefix("t: none of 10 layers became integers, as large on disk"))
        #expect(lines.first { $0.contains("fell back") } == "static-quantization: graph: fell back (they stay float)")
        #expect(none.headline.hasPrefix("None of 10 layers became integers. t is now as large"))
        let some = try quantized(1)
        #expect(some.text.hasPrefix("t: as large on disk") && some.headline.hasPrefix("t is now"))
    }

    /// Within the noise there is no ratio.
    @Test func noiseIsCalledNoise() throws {
        let report = try report(bytes: 500, top1: 0.9, speed: [0.9, 1.05, 1.2])
        #expect(report.text.contains("too noisy to tell") && !report.text.contains("1.05"))
        #expect(report.html.contains("too noisy to tell") && !report.html.contains("1.05×"))
    }

    /// A certain difference of less than a hundredth is none, and what is a little smaller is not `1.0× smaller`.
    @Test func littleIsCalledLittle() throws {
        let report = try report(bytes: 960, top1: 0.9, speed: [0.993, 0.996, 0.999])
        #expect(report.text.contains("as fast (0.99–1.00×)") && !report.text.contains("slower") && report.text.contains("1.04× smaller"))
    }

    /// Losses are never in the colour of gains.
    @Test func lossesAreNotGreen() throws {
        let bad = try report(bytes: 1500, top1: 0.8, speed: [0.7, 0.8, 0.9])
        #expect(!bad.html.contains("class='card gain'") && bad.html.components(separatedBy: "class='card loss'").count == 5)
        let good = try report(bytes: 500, top1: 0.95, speed: [1.7, 1.8, 1.9])
        #expect(!good.html.contains("class='card loss'") && good.html.components(separatedBy: "class='card gain'").count == 5)
        let same = try report(bytes: 1000, top1: 0.9, speed: [0.9, 1, 1.1])
        #expect(!same.html.contains("card gain") && !same.html.contains("card loss"))
    }

    /// Text, page and JSON have the same figures.
    @Test func figuresAreTheSameEverywhere() throws {
        let report = try report(bytes: 300, top1: 0.9, speed: [1.7, 1.8, 1.9])
        let again = try JSONDecoder().decode(Report.self, from: report.json())
        #expect(again.verdict?.text == report.verdict?.text && again.verdict?.smaller == 1000 / 300)
        #expect(report.html.contains("3.3×") && report.text.contains("3.3× smaller on disk"))
    }

    /// One sentence that says size, speed and loss, and calls noise noise.
    @Test func theHeadlineIsOneSentence() throws {
        #expect(try report(bytes: 500, top1: 0.88, speed: [1.7, 1.8, 1.9]).headline == "t is now 2.0× smaller and 1.80× faster, and loses 2.00 points of top-1 (90.00 % → 88.00 %).")
        #expect(try report(bytes: 500, top1: 0.9, speed: [0.7, 0.8, 0.9]).headline == "t is now 1.25× slower and 2.0× smaller, and keeps its top-1 (90.00 % → 90.00 %).")
        #expect(try report(bytes: 1000, top1: 0.91, speed: [0.9, 1.05, 1.2]).headline == "t is now as large and about as fast, and gains 1.00 points of top-1 (90.00 % → 91.00 %).")
    }
}

@Suite struct IntegerCoverageTests {
    private let codes = Tensor((0..<4).map { Int8($0) }, shape: [2, 2])

    /// x → Q → DQ → MatMul(DQ(w)) [→ Relu] → Q → DQ → HardSwish → y
    private func graph(quantizesData: Bool, isRectified: Bool = true) throws -> Graph {
        let b = GraphBuilder("g")
        let scale = b.constant("s", Tensor(scalar: Float(0.1)))
        let zero = b.constant("z", Tensor(scalar: UInt8(0)))
        func pair(_ value: ValueName) throws -> ValueName {
            quantizesData ? try b.add(DequantizeLinear(), b.add(QuantizeLinear(), value, scale, zero), scale, zero) : value
        }
        let x = try pair(b.input("x", .float32, ["N", 2]))
        var y = try b.add(MatMul(), x, b.add(DequantizeLinear(), b.constant("w", codes), scale))
        if isRectified { y = try b.add(Relu(), y) }
        return try b.graph(outputs: [b.add(HardSwish(), pair(y))])
    }

    @Test func layersAndFloatsBetweenAreCounted() throws {
        let whole = try #require(IntegerCoverage(graph(quantizesData: true)))
        #expect(whole.layerCount == 1 && whole.integerLayerCount == 1 && whole.floatNodes == ["HardSwish": 1])
        #expect(whole.text == "1 of 1 layers int8; 1 nodes float: HardSwish 1")
        let weights = try #require(IntegerCoverage(graph(quantizesData: false)))
        #expect(weights.integerLayerCount == 0 && weights.text == "1 of 1 layers hold codes and compute in float")
    }

    /// What limits to numbers that are known when the model runs goes into no codes.
    @Test func computedLimitsAreFloats() throws {
        for isComputed in [false, true] {
            let b = GraphBuilder("g")
            let (scale, zero) = (b.constant("s", scalar: Float(0.1)), b.constant("z", scalar: UInt8(0)))
            func pair(_ value: ValueName) throws -> ValueName {
                try b.add(DequantizeLinear(), b.add(QuantizeLinear(), value, scale, zero), scale, zero)
            }
            let y = try b.add(MatMul(), pair(b.input("x", .float32, ["N", 2])), b.add(DequantizeLinear(), b.constant("w", codes), scale))
            let high = try isComputed ? b.input("high", .float32, []) : b.constant("high", scalar: Float(6))
            let graph = try b.graph(outputs: [pair(b.add(Clip(), y, b.constant("low", scalar: Float(0)), high))])
            #expect(IntegerCoverage(graph)?.floatNodes == (isComputed ? ["Clip": 1] : [:]))
        }
    }

    /// Runtimes add codes, but have no difference of them.
    @Test(arguments: [true, false]) func differencesAreFloats(adds: Bool) throws {
        let b = GraphBuilder("g")
        let (scale, zero) = (b.constant("s", scalar: Float(0.1)), b.constant("z", scalar: UInt8(0)))
        func pair(_ value: ValueName) throws -> ValueName {
            try b.add(DequantizeLinear(), b.add(QuantizeLinear(), value, scale, zero), scale, zero)
        }
        let x = try pair(b.input("x", .float32, ["N", 2]))
        let y = try pair(b.add(MatMul(), x, b.add(DequantizeLinear(), b.constant("w", codes), scale)))
        let op: any Operator = adds ? Add() : Sub()
        #expect(IntegerCoverage(try b.graph(outputs: [pair(b.add(op, y, x))]))?.floatNodes == (adds ? [:] : ["Sub": 1]))
    }

    @Test func floatModelsHaveNone() throws {
        let b = GraphBuilder("g")
        let x = try b.input("x", .float32, ["N", 2])
        #expect(IntegerCoverage(try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", Tensor(zeros: [2, 2])))])) == nil)
        let codes = b.constant("codes", Tensor([Int8](repeating: 3, count: 4), shape: [2, 2]))
        let own = try b.add(DynamicQuantizeMatMul(), x, codes, b.constant("scale", scalar: Float(0.1)), b.constant("zero", Tensor(scalar: Int8(0))))
        #expect(IntegerCoverage(try b.graph(outputs: [own]))?.integerLayerCount == 1)
    }
}
