import Foundation
import WinnowPasses

extension Report {
    /// For each step that made codes, what rounding each tensor costs, what loses most first, and how the signal fares on its way.
    var codeSections: [Page.Section] {
        steps.compactMap { step in
            let rounded = step.findings.filter { $0.codes != nil }
            guard !rounded.isEmpty else { return nil }
            let html = Self.verdict(on: rounded) + Self.signalChart(rounded) + Self.codeTable(rounded)
            return Page.Section(title: "What rounding costs: \(step.name)", html: html)
        }
    }

    /// The part of the outputs' energy that rounding takes, else of the tensor's own; nil where neither is known.
    private static func noise(_ finding: Finding, atOutputs: Bool) -> Double? {
        let decibels = atOutputs ? finding.codes?.outputNoise : finding.codes?.signal.map { -$0 }
        return decibels.map { pow(10, $0 / 10) }
    }

    private static func isKnownAtOutputs(_ findings: [Finding]) -> Bool { findings.contains { $0.codes?.outputNoise != nil } }

    private static func ordered(_ findings: [Finding]) -> [Finding] {
        let atOutputs = isKnownAtOutputs(findings)
        let keys = findings.enumerated().map { place, finding in (noise(finding, atOutputs: atOutputs) ?? -1, -place) }
        return findings.indices.sorted { keys[$0] > keys[$1] }.map { findings[$0] }
    }

    private static func verdict(on findings: [Finding]) -> String {
        guard let worst = ordered(findings).first, let codes = worst.codes else { return "" }
        if let decibels = codes.outputNoise {
            return HTML.paragraph("Most is lost by \(worst.subject): rounding it alone takes \(decibelText(decibels)) dB of the outputs' energy.")
        }
        return codes.signal.map { HTML.paragraph("\(worst.subject) loses most by itself: its SQNR is \(decibelText($0)) dB.") } ?? ""
    }

    /// The signal behind each layer in their order, and that of each weight alone.
    private static func signalChart(_ findings: [Finding]) -> String {
        let layers = findings.filter { $0.codes?.signalSoFar != nil && $0.quantity != .rangeWidth }
        guard layers.count > 1 else { return "" }
        func points(_ signal: KeyPath<Finding.Codes, Double?>, _ words: String, isFilled: Bool) -> [Chart.Point] {
            layers.enumerated().compactMap { place, finding in
                finding.codes?[keyPath: signal].map { value in
                    Chart.Point(x: Double(place + 1), y: value, label: "\(finding.subject): \(decibelText(value)) dB \(words)", isFilled: isFilled)
                }
            }
        }
        return Chart.line(
            points(\.signalSoFar, "of what the layer gives, with all before it in codes", isFilled: true),
            others: points(\.signal, "of the weight alone", isFilled: false), x: "layer", y: "SQNR (dB)")
            + HTML.paragraph("One point a layer, in their order; the line is the SQNR so far, hollow points are that of weights alone.", "soft")
    }

    private static func codeTable(_ findings: [Finding]) -> String {
        let atOutputs = isKnownAtOutputs(findings)
        let most = findings.compactMap { noise($0, atOutputs: atOutputs) }.max() ?? 0
        let rows = ordered(findings).map { finding -> [Cell] in
            guard let codes = finding.codes else { return [] }
            let bar = noise(finding, atOutputs: atOutputs).flatMap { most > 0 ? $0 / most : nil }
            return [
                Cell(finding.subject), Cell(finding.quantity == .rangeWidth ? "activation" : "weight"),
                decibels(codes.outputNoise, bar: atOutputs ? bar : nil), decibels(codes.signal, bar: atOutputs ? nil : bar),
                decibels(codes.signalSoFar),
                codes.clippedPart.map { Cell(clippedText($0), $0) } ?? "–", codes.scales.map { Cell(scaleText($0), $0.upperBound) } ?? "–",
                Cell(codes.scheme),
            ]
        }
        let header = ["tensor", "what", "noise at the outputs (dB)", "SQNR alone (dB)", "SQNR so far (dB)", "clipped", "scale", "codes"]
        return HTML.table("What rounding each tensor costs", header, rows, numbers: [2, 3, 4, 5, 6])
            + HTML.paragraph(
                "What costs most comes first; bars are parts of energy. Noise: 10·log₁₀ of the part of the outputs' energy that rounding "
                    + "this tensor alone takes. SQNR alone: the tensor beside its rounding. SQNR so far: what the layer gives, beside the float "
                    + "model, with everything before it in codes.", "soft")
    }

    private static func decibels(_ value: Double?, bar: Double? = nil) -> Cell { value.map { Cell(decibelText($0), $0, bar: bar) } ?? "–" }

    private static func decibelText(_ value: Double) -> String { (value < 0 ? "−" : "") + Format.number(value.magnitude, 1) }

    /// One number, or the smallest and the largest.
    private static func scaleText(_ scales: ClosedRange<Double>) -> String {
        let bounds = [scales.lowerBound, scales.upperBound].map(Format.short)
        return bounds[0] == bounds[1] ? bounds[0] : bounds.joined(separator: "–")
    }

    private static func clippedText(_ part: Double) -> String { part == 0 ? "0 %" : part < 1e-4 ? "< 0.01 %" : Format.percent(part) }
}
