import Foundation
#if canImport(FoundationXML)
    import FoundationXML
#endif
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
@testable import WinnowReport

/// What pages draw of findings and of the models between steps.
@Suite struct ReportSectionTests {
    private func measurement(_ stage: String, weights: Int = 4, validation: Double? = nil) throws -> ModelMeasurement {
        let b = GraphBuilder("g")
        let x = try b.input("x", .float32, ["N", 2])
        let y = try b.add(MatMul(), x, b.constant("w", Tensor(repeating: Float(0.5), shape: [2, weights])), name: "layer")
        var result = ModelMeasurement(try b.graph(outputs: [y]), model: "m", stage: stage)
        result.validationTop1 = validation
        return result
    }

    private func report(_ steps: [(name: String, findings: [Finding], result: ModelMeasurement?)]) throws -> Report {
        Report(
            title: "t", environment: [:], models: [try measurement("a", weights: 8, validation: 0.8), try measurement("b", validation: 0.7)],
            steps: steps.map { .init(name: $0.name, settings: "", seconds: 1, findings: $0.findings, result: $0.result) })
    }

    private func table(_ caption: String, _ page: String) throws -> Substring {
        try #require(page.components(separatedBy: "<table aria-label='\(caption)'").last?.components(separatedBy: "</table>").first)[...]
    }

    private func isWellFormed(_ chart: String) -> Bool { XMLParser(data: Data(chart.utf8)).parse() }

    @Test func spectraTellWhatWasKept() throws {
        var rank = Finding("conv <1>", .done, .rank, before: 20, after: 9)
        rank.energy = Finding.EnergyCurve(ranks: [1, 9, 20], energies: [0.25, 0.8369, 1])
        let parameters = Finding("conv <1>", .done, .parameters, before: 500, after: 405)
        let page = try report([("svd-factorization", [parameters, rank, Finding("conv <1>", .done, .relativeChange, after: 0.4039)], nil)]).html
        #expect(page.contains(">Spectrum of each layer: svd-factorization</h2>"))
        #expect(page.contains("conv &lt;1&gt;: rank 9 of 20 holds 83.69 % of the energy, and was taken"))
        #expect(page.contains("conv &lt;1&gt;: rank 9 of 20, 83.7 % of the energy"))
        let table = try table("Kept energy", page)
        for cell in ["500", "405", "20", "83.7 %", "40.4 %"] { #expect(table.contains(">\(cell)</td>"), "\(cell)") }
        // Nobody measured outputs.
        #expect(!table.contains("error of the outputs"))
        #expect(isWellFormed(Chart.energy(try #require(rank.energy), rank: 9, of: 20, of: "a & b")))
    }

    private func coded(_ name: String, _ quantity: Quantity, signal: Double, soFar: Double?, noise: Double?) -> Finding {
        var finding = Finding(name, .done, quantity, before: 32, after: 8)
        var codes = Finding.Codes("int8 −127…127, one scale", scales: 0.25...0.5)
        (codes.signal, codes.signalSoFar, codes.outputNoise, codes.clippedPart) = (signal, soFar, noise, 0.02)
        finding.codes = codes
        return finding
    }

    /// What costs most at the outputs comes first; without that, what loses most by itself.
    @Test func whatCostsMostComesFirst() throws {
        let findings = [
            coded("in", .rangeWidth, signal: 60, soFar: nil, noise: -77), coded("a", .elementSize, signal: 30, soFar: 45.5, noise: -60),
            coded("b", .elementSize, signal: 50, soFar: 41.5, noise: -40), Finding("c", .kept, reason: "stays float: a Log reads it"),
        ]
        func names(_ page: String) throws -> [String] {
            let names = try table("What rounding each tensor costs", page).split(separator: "<th scope='row'>").dropFirst()
            return names.compactMap { $0.split(separator: "<").first.map(String.init) }
        }
        let page = try report([("static-quantization", findings, nil)]).html
        #expect(try names(page) == ["b", "a", "in"])
        #expect(page.contains("Most is lost by b: rounding it alone takes −40.0 dB of the outputs&#39; energy."))
        let marks = ["b: 41.5 dB of what the layer gives", "b: 50.0 dB of the weight alone"]
        for part in marks + [">0.25–0.5</td>", ">2.00 %</td>", ">stays float: a Log reads it</th>"] {
            #expect(page.contains(part), "\(part)")
        }
        let alone = findings.prefix(3).map { finding in
            var finding = finding
            finding.codes?.outputNoise = nil
            finding.codes?.signalSoFar = nil
            return finding
        }
        let other = try report([("weight-only-quantization", Array(alone), nil)]).html
        #expect(try names(other) == ["a", "b", "in"])
        #expect(other.contains("a loses most by itself: its SQNR is 30.0 dB.") && !other.contains("noise at the outputs (dB)</th>"))
    }

    private func epochs(_ values: [Double], _ quantity: Quantity) -> [Finding] {
        values.enumerated().flatMap { place, value in
            [Finding("epoch \(place + 1)", .done, .trainingLoss, after: 1.5), Finding("epoch \(place + 1)", .done, quantity, after: value)]
        }
    }

    /// Epochs are drawn beside the teacher and the student as it came; a model's own beginning where nobody told it.
    @Test func trainingIsDrawnBesideTeacherAndBeginning() throws {
        let top1 = Quantity.validation("top-1")
        let course = epochs([0.6, 0.75], top1)
        let references = [Finding("teacher", .done, top1, after: 0.8086), Finding("student", .done, top1, after: 0.5117, reason: "before training")]
        let taught = try report([("finetune", references + course, nil)]).html
        for part in [">teacher 80.86 %</text>", ">before training 51.17 %</text>", "epoch 2: validation top-1 75.00 %, training loss 1.5"] {
            #expect(taught.contains(part), "\(part)")
        }
        let alone = try report([
            ("magnitude-pruning", [], try measurement("p", validation: 0.1234)), ("finetune", course, nil),
        ]).html
        #expect(alone.contains(">before training 12.34 %</text>") && !alone.contains(">teacher"))
        #expect(alone.contains(">Course of training: step 2, finetune</h2>"))
        // Of losses nothing is said in percent.
        let loss = try report([("finetune", epochs([0.6, 0.5], .validation("loss")), nil)]).html
        #expect(loss.contains("epoch 2: validation loss 0.5, training loss 1.5") && !loss.contains(">before training"))
        #expect(try !report([("finetune", epochs([0.6], top1), nil)]).html.contains("Course of training"))
    }

    @Test func stagesAreListedWhereThereAreSeveral() throws {
        let pruned = try measurement("magnitude-pruning", weights: 6, validation: 0.75)
        let page = try report([("magnitude-pruning", [], pruned), ("finetune", [], try measurement("finetune", validation: 0.7))]).html
        let table = try table("Stage by stage", page)
        for cell in ["64", "48", "32", "80.00 %", "75.00 %", "70.00 %"] { #expect(table.contains(">\(cell)</td>"), "\(cell)") }
        #expect(try !report([("magnitude-pruning", [], pruned)]).html.contains("Stage by stage"))
    }

    /// All stages are told by the same measure: that of the user where there is one, whatever top-1 is.
    @Test func stagesAreToldByTheMeasureAskedFor() throws {
        func judged(_ stage: String, _ value: Double) throws -> ModelMeasurement {
            var result = try measurement(stage, validation: 0.75)
            result.validationMetrics = [MetricResult("IoU", value, unit: "", isHigherBetter: true, output: "y")]
            return result
        }
        var report = try report([("magnitude-pruning", [], try judged("p", 0.5)), ("finetune", [], try judged("f", 0.625))])
        report.models[0] = try judged("a", 0.875)
        let table = try table("Stage by stage", report.html)
        for value in ["0.875", "0.5", "0.625"] { #expect(table.contains(">IoU \(value)</td>"), "\(value)") }
        #expect(!table.contains("75.00 %"))
    }

    @Test func runtimesSayWhatTheyGain() throws {
        var report = try report([])
        report.models[0].multiplyAccumulates = 300
        report.models[1].multiplyAccumulates = 150
        report.runtimes = [
            RuntimeForm(name: "onnxruntime", layerCount: 4, integerLayerCount: 3, objections: []),
            RuntimeForm(name: "openvino", layerCount: 4, integerLayerCount: 0, objections: []),
            RuntimeForm(name: "tensorrt", layerCount: nil, integerLayerCount: nil, objections: ["it has no X", "it has no Y"]),
        ]
        let page = try JSONDecoder().decode(Report.self, from: report.json()).html
        for part in ["2.00× fewer multiply–accumulates", "3 of 4 layers in integers", "does not take it as it is: it has no X, and 1 more"] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(page.contains(">takes it</td>") && !page.contains("computes in float"))
        #expect(page.contains("which layers onnxruntime and openvino compute in integers was measured of each before; their times"))
        report.models[1].coverage = IntegerCoverage()
        #expect(report.html.contains(">takes it, and computes in float</td>"))
        report.runtimes = nil
        #expect(!report.html.contains("What each runtime gains"))
    }

    /// Columns that hold nothing take no place.
    @Test func emptyColumnsAreLeftOut() {
        let table = HTML.table("t", ["a", "b", "c"], [["1", "", "x"], ["2", "–", "y"]], numbers: [0, 1])
        #expect(!table.contains(">b</th>") && table.contains(">c</th>") && table.contains("<td>x</td>"))
        #expect(HTML.table("t", ["a", "b"], [["1", ""], ["2", "3"]]).contains(">b</th>"))
    }

    /// Long names lose their middle, and fit.
    @Test func heatMapsFitTheirNames() {
        let name = "/features/features.1/conv/conv.0/conv.0.0/Conv.weight"
        let map = Chart.heatMap(rows: [name, "w"], columns: ["0.5"], x: "sparsity", [[(0.25, "\(name) at 0.5")], [nil]])
        #expect(isWellFormed(map) && !map.contains(">\(name)</text>") && map.contains("<title>\(name) at 0.5</title>"))
        let short = Chart.heatMap(rows: ["w"], columns: ["0.5"], x: "sparsity", [[(0.25, "w")]])
        #expect(short.contains("x='60.0'") && map.count > short.count)
    }
}
