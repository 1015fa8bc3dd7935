import Foundation
import WinnowPasses

/// Plots as inline SVG that follow the page's colours.
enum Chart {
    struct Point {
        var x: Double
        var y: Double
        var label: String
        var isFilled = true
        var isChosen = false
    }

    /// A height that a line across the plot marks.
    typealias Bound = (value: Double, caption: String)

    /// A line through points with labelled axes; `bounds` are horizontal lines with their captions, `others` lie beside the line.
    static func line(
        _ points: [Point], others: [Point] = [], x xTitle: String, y yTitle: String, bounds: [Bound] = []
    ) -> String {
        let (width, height, left, bottom, top, right) = (640.0, 300.0, 64.0, 50.0, 18.0, 28.0)
        let xs = ChartAxis((points + others).map(\.x))
        let ys = ChartAxis((points + others).map(\.y) + bounds.map(\.value))
        func px(_ x: Double) -> Double { left + (x - xs.low) / (xs.high - xs.low) * (width - left - right) }
        func py(_ y: Double) -> Double { height - bottom - (y - ys.low) / (ys.high - ys.low) * (height - bottom - top) }
        var parts: [String] = []
        for y in ys.ticks {
            parts.append("<line class='grid' x1='\(left)' x2='\(width - right)' y1='\(text(py(y)))' y2='\(text(py(y)))'/>")
            parts.append("<text x='\(left - 8)' y='\(text(py(y) + 4))' text-anchor='end'>\(ys.label(y))</text>")
        }
        for x in xs.ticks {
            parts.append(
                "<text x='\(text(px(x)))' y='\(height - bottom + 20)' text-anchor='middle'>\(xs.label(x))</text>")
        }
        parts += bounds.sorted { $0.value > $1.value }.enumerated().map { place, bound in
            Self.bound(bound, y: py(bound.value), from: left, to: width - right, isEven: place.isMultiple(of: 2))
        }
        let path = points.map { "\(text(px($0.x))),\(text(py($0.y)))" }.joined(separator: " ")
        parts.append("<polyline class='series' points='\(path)'/>")
        for point in (points + others).sorted(by: { $0.x < $1.x }) {
            let kind = (point.isFilled ? "point" : "hollow") + (point.isChosen ? " chosen" : "")
            parts.append(
                "<circle class='\(kind)' cx='\(text(px(point.x)))' cy='\(text(py(point.y)))' "
                    + "r='4'><title>\(HTML.escape(point.label))</title></circle>")
        }
        parts.append("<text x='\((left + width - right) / 2)' y='\(height - 6)' text-anchor='middle'>\(HTML.escape(xTitle))</text>")
        parts.append(
            "<text transform='translate(14 \((height - bottom + top) / 2)) rotate(-90)' text-anchor='middle'>\(HTML.escape(yTitle))</text>")
        return "<svg class='chart' viewBox='0 0 \(width) \(height)' role='img' aria-label='\(HTML.escape(yTitle)) against \(HTML.escape(xTitle))'>\(parts.joined())</svg>"
    }

    /// A line across a plot; captions of neighbours stand at different ends, so that they do not meet.
    private static func bound(_ bound: Bound, y: Double, from left: Double, to right: Double, isEven: Bool) -> String {
        let place = isEven ? "x='\(left + 6)'" : "x='\(right - 6)' text-anchor='end'"
        return "<line class='bound' x1='\(left)' x2='\(right)' y1='\(text(y))' y2='\(text(y))'/>"
            + "<text \(place) y='\(text(y - 5))'>\(HTML.escape(bound.caption))</text>"
    }

    /// The part of a weight's energy by rank, with a line at the rank that was taken; `count` is the full rank.
    static func energy(_ curve: Finding.EnergyCurve, rank: Int, of count: Int, of name: String) -> String {
        let (width, height) = (200.0, 80.0)
        func px(_ rank: Int) -> Double { width * Double(rank) / Double(max(1, count)) }
        func py(_ energy: Double) -> Double { height * (1 - energy) }
        let points = zip(curve.ranks, curve.energies).map { ($0, $1) }
        let path = ["0,\(height)"] + points.map { "\(text(px($0.0))),\(text(py($0.1)))" }
        let circles = points.map { own, energy in
            let (kind, size, words) = own == rank ? ("point chosen", 4, ", and was taken") : ("point", 2, "")
            let label = HTML.escape("\(name): rank \(own) of \(count) holds \(Format.percent(energy)) of the energy\(words)")
            return "<circle class='\(kind)' cx='\(text(px(own)))' cy='\(text(py(energy)))' r='\(size)'><title>\(label)</title></circle>"
        }
        return """
            <svg class='curve' viewBox='-5 -6 \(width + 10) \(height + 26)' role='img' aria-label='\(HTML.escape("energy of \(name) by rank"))'>\
            <line class='grid' x1='0' x2='\(width)' y1='\(height)' y2='\(height)'/><line class='grid' x1='0' x2='\(width)' y1='0' y2='0'/>\
            <line class='bound' x1='\(text(px(rank)))' x2='\(text(px(rank)))' y1='0' y2='\(height)'/>\
            <polyline class='series' points='\(path.joined(separator: " "))'/>\(circles.joined())\
            <text x='0' y='\(height + 15)'>0</text><text x='\(width)' y='\(height + 15)' text-anchor='end'>rank \(count)</text></svg>
            """
    }

    /// Characters of a row's name that fit beside a heat map.
    private static let nameLimit = 40

    /// A name with its middle left out where it is long.
    private static func shortened(_ name: String) -> String {
        name.count <= nameLimit ? name : "\(name.prefix(nameLimit / 2 - 1))…\(name.suffix(nameLimit / 2))"
    }

    /// A cell for each row and column, the warmer the larger its value beside the largest; those below 0 in the colour of a gain.
    static func heatMap(
        rows: [String], columns: [String], x xTitle: String, _ cells: [[(value: Double, label: String)?]]
    ) -> String {
        let longest = rows.map { Double(shortened($0).count) }.max() ?? 0
        let (left, size, width, gap) = (max(60, 16 + 6.6 * longest), 22.0, 56.0, 2.0)
        let peak = max(cells.joined().compactMap { $0?.value.magnitude }.filter(\.isFinite).max() ?? 0, 1e-9)
        var parts: [String] = []
        for (row, name) in rows.enumerated() {
            let y = Double(row) * size
            parts.append("<text x='\(left - 8)' y='\(text(y + size / 2 + 4))' text-anchor='end'>\(HTML.escape(shortened(name)))</text>")
            for (column, cell) in cells[row].enumerated() {
                guard let cell else { continue }
                let (x, extents) = (text(left + Double(column) * width), "width='\(text(width - gap))' height='\(text(size - gap))'")
                let opacity = Format.number(min(1, cell.value.magnitude / peak).squareRoot(), 3)
                parts.append(
                    "<rect class='\(cell.value < 0 ? "cool" : "heat")' x='\(x)' y='\(text(y))' \(extents) fill-opacity='\(opacity)'>"
                        + "<title>\(HTML.escape(cell.label))</title></rect>")
            }
        }
        let bottom = Double(rows.count) * size
        for (column, name) in columns.enumerated() {
            let x = left + (Double(column) + 0.5) * width
            parts.append("<text x='\(text(x))' y='\(text(bottom + 14))' text-anchor='middle'>\(HTML.escape(name))</text>")
        }
        let right = left + Double(columns.count) * width
        parts.append("<text x='\(text((left + right) / 2))' y='\(text(bottom + 32))' text-anchor='middle'>\(HTML.escape(xTitle))</text>")
        let label = "heat map against \(HTML.escape(xTitle))"
        let widest = "style='max-width: \(text(1.5 * right))px'"
        return "<svg class='map' \(widest) viewBox='0 -2 \(text(right)) \(text(bottom + 40))' role='img' aria-label='\(label)'>\(parts.joined())</svg>"
    }

    /// Bars of a histogram with the bounds written below; `name` is whose it is.
    static func bars(_ histogram: Histogram, of name: String) -> String {
        let (width, height) = (200.0, 70.0)
        let peak = Double(max(histogram.counts.max() ?? 1, 1))
        let step = width / Double(histogram.counts.count)
        let bars = histogram.counts.enumerated().map { index, count in
            let size = Double(count) / peak * height
            return "<rect x='\(text(Double(index) * step))' y='\(text(height - size))' width='\(text(step - 0.5))' height='\(text(size))'/>"
        }
        return """
            <svg class='bars' viewBox='0 -2 \(width) \(height + 18)' role='img' aria-label='\(HTML.escape("histogram of \(name)"))' \
            data-low='\(histogram.low)' data-high='\(histogram.high)' data-counts='\(histogram.counts.map(String.init).joined(separator: " "))'>\
            \(bars.joined())<text x='0' y='\(height + 13)'>\(Format.short(histogram.low))</text>\
            <text x='\(width)' y='\(height + 13)' text-anchor='end'>\(Format.short(histogram.high))</text></svg>
            """
    }

    private static func text(_ value: Double) -> String { Format.number(value, 1) }
}

/// An axis from a round number to a round number, with ticks at round numbers (1, 2 or 5 times a power of ten).
struct ChartAxis {
    let low: Double
    let high: Double
    private let step: Double

    init(_ values: [Double]) {
        let least = values.min() ?? 0
        let most = values.max() ?? 1
        let span = max(most - least, 1e-6 * max(1, most.magnitude))
        let power = pow(10, (log10(span / 4)).rounded(.down))
        step = ([1, 2, 5].map { $0 * power }.first { span / $0 <= 5 }) ?? 10 * power
        low = (least / step).rounded(.down) * step
        high = max((most / step).rounded(.up) * step, low + step)
    }

    var ticks: [Double] { Array(stride(from: low, through: high + step / 2, by: step)) }

    func label(_ value: Double) -> String { Format.number(value, max(0, Int(-log10(step).rounded(.down)))) }
}
