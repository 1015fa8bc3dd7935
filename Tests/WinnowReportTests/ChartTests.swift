import Foundation
#if canImport(FoundationXML)
    import FoundationXML
#endif
import Testing
@testable import WinnowReport

@Suite struct ChartTests {
    /// Ticks are round numbers that enclose the values, few enough to read.
    @Test(arguments: [[0.0, 1], [0.8812, 0.8923], [-5, 1e6], [3, 3], [1e-9, 2e-9], []]) func axes(values: [Double]) {
        let axis = ChartAxis(values)
        #expect(axis.low <= values.min() ?? 0)
        #expect(axis.high >= values.max() ?? 1)
        #expect(axis.low < axis.high)
        #expect((2...8).contains(axis.ticks.count))
    }

    @Test func lineIsWellFormed() throws {
        let chart = Chart.line(
            [.init(x: 0, y: 0.9, label: "round 1 <&>"), .init(x: 0.5, y: 0.89, label: "round 2")], x: "sparsity", y: "top-1",
            bounds: [(0.88, "bound"), (0.885, "teacher <&>")])
        #expect(XMLParser(data: Data(chart.utf8)).parse())
    }
}
