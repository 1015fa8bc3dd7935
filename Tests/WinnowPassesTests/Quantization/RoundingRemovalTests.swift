import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Rounding goes only where what is left means the same, and is told of only where it went.
struct RoundingRemovalTests {
    private static let steps: [Float] = [0.01, 0.1, 0.02, 0.5]

    /// Data, what it is below 0, and codes of that with a scale, or one for each of four channels.
    private func coded(_ b: GraphBuilder, isPerChannel: Bool) throws -> (codes: ValueName, scale: ValueName, zeroPoint: ValueName) {
        let scale = b.constant("s", isPerChannel ? Tensor(Self.steps) : Tensor(scalar: Float(0.01)))
        let zeroPoint = b.constant("z", Tensor(zeros: isPerChannel ? [4] : [], .int8))
        let value = try b.add(Neg(), b.input("x", .float32, [1, 4, 4, 4]), name: "value")
        return (try b.add(QuantizeLinear(axis: isPerChannel ? 1 : nil), value, scale, zeroPoint, name: "q"), scale, zeroPoint)
    }

    private func expectKept(_ graph: Graph, _ words: String, _ pass: Dequantization = Dequantization()) throws {
        let result = try pass(graph)
        #expect(result.graph.text == graph.text, "\(words)")
        #expect(result.findings.contains { $0.subject == "q" && $0.status == .skipped && $0.reason.contains(words) }, "\(result.findings)")
        #expect(!result.findings.contains { $0.status == .done }, "\(result.findings)")
    }

    /// Codes of several scales come in another order than their numbers.
    @Test func codesOfSeveralScalesAreCompared() throws {
        for isPerChannel in [false, true] {
            let b = GraphBuilder("largest")
            let codes = try coded(b, isPerChannel: isPerChannel).codes
            let graph = try b.graph(outputs: [b.add(ArgMax(axis: 1), codes, name: "largest")])
            if isPerChannel { try expectKept(graph, "largest (ArgMax) compares its codes, which have several scales"); continue }
            let result = try Dequantization()(graph)
            #expect(result.graph.node(named: "largest")?.inputs == ["value"] && result.graph.node(named: "q") == nil)
        }
    }

    /// What lies beyond a region is a code that the operator names.
    @Test func regionsStayCodes() throws {
        for coordinates in [Resampling.Coordinates.asymmetric, .region] {
            let b = GraphBuilder("region")
            let (codes, scale, zeroPoint) = try coded(b, isPerChannel: false)
            var resize = Resize(Resampling(coordinates: coordinates))
            resize.resampling.extrapolation = 3
            let region = b.constant("region", Tensor([0, 0, -1, -1, 1, 1, 2, 2] as [Float]))
            let scales = b.constant("scales", Tensor([1, 1, 1, 1] as [Float]))
            let moved = try b.add(resize, codes, region, scales, name: "resized")
            let graph = try b.graph(outputs: [b.add(DequantizeLinear(), moved, scale, zeroPoint, name: "y")])
            if coordinates == .region { try expectKept(graph, "resized (Resize)"); continue }
            #expect(try !Dequantization()(graph).graph.nodes.contains { $0.op is QuantizeLinear || $0.op is DequantizeLinear })
        }
    }

    /// Where all ends are to stay and no Clip has them, the rounding does; else they go.
    @Test func endsOfEachChannelStayWhereAsked() throws {
        let b = GraphBuilder("ends")
        let (codes, scale, zeroPoint) = try coded(b, isPerChannel: true)
        let graph = try b.graph(outputs: [b.add(DequantizeLinear(axis: 1), codes, scale, zeroPoint, name: "y")])
        try expectKept(graph, "limits=all keeps its rounding", Dequantization { $0.limits = .all })
        for limits in [Dequantization.Limits.activations, .none] {
            #expect(try Dequantization { $0.limits = limits }(graph).graph.nodes.map(\.name) == ["value"])
        }
    }

    /// Nothing is told of a value whose rounding stays because what its codes are joined with has another scale.
    @Test func whatStaysIsNotToldAsGone() throws {
        let b = GraphBuilder("joined")
        let (codes, scale, zeroPoint) = try coded(b, isPerChannel: false)
        let step = b.constant("t", Tensor(scalar: Float(0.02)))
        let other = try b.add(QuantizeLinear(), b.input("other", .float32, [1, 4, 4, 4]), step, zeroPoint)
        let joined = try b.add(Concat(axis: 0), codes, other, name: "joined")
        try expectKept(b.graph(outputs: [b.add(DequantizeLinear(), joined, scale, zeroPoint, name: "y")]), "joined (Concat)")
    }

    /// Codes that meet again and again are followed once.
    @Test(.timeLimit(.minutes(1))) func codesThatMeetAgainAreFollowedOnce() throws {
        for isRemovable in [true, false] {
            let b = GraphBuilder("ladder")
            let (first, step, zeroPoint) = try coded(b, isPerChannel: false)
            var codes = first
            for _ in 0..<60 {
                let parts = try b.add(Split(axis: 1, partCount: 2), inputs: [codes], outputs: 2)
                codes = try b.add(Concat(axis: 1), parts[1], parts[0])
            }
            let scale = isRemovable ? step : b.constant("t", Tensor(scalar: Float(0.02)))
            let graph = try b.graph(outputs: [b.add(DequantizeLinear(), codes, scale, zeroPoint, name: "y")])
            if !isRemovable { try expectKept(graph, "split"); continue }
            let result = try Dequantization()(graph).graph
            #expect(result.nodes.count == graph.nodes.count - 2 && !result.nodes.contains { $0.op is QuantizeLinear })
            // Nothing beyond the codes.
            let x = ["x": Tensor((0..<64).map { 0.02 * Float($0) - 0.64 }, shape: [1, 4, 4, 4])]
            let (wanted, found) = (try #require(Session(graph).run(x)["y"]), try #require(Session(result).run(x).values.first))
            #expect(wanted.relativeError(of: found) < 0.02)
        }
    }
}
