import Foundation

/// Plots as inline SVG that follow the page's colours.
enum Chart {
    struct Point {
        var x: Double
        var y: Double
        var label: String
        var isFilled = true
        var isChosen = false
    }

    /// A line through points with labelled axes; `bound` draws a horizontal line with its caption, `others` lie beside the line.
    static func line(
        _ points: [Point], others: [Point] = [], x xTitle: String, y yTitle: String, bound: (value: Double, caption: String)? = nil
    ) -> String {
        let (width, height, left, bottom, top, right) = (640.0, 300.0, 64.0, 44.0, 16.0, 28.0)
        let xs = ChartAxis((points + others).map(\.x))
        let ys = ChartAxis((points + others).map(\.y) + (bound.map { [$0.value] } ?? []))
        func px(_ x: Double) -> Double { left + (x - xs.low) / (xs.high - xs.low) * (width - left - right) }
        func py(_ y: Double) -> Double { height - bottom - (y - ys.low) / (ys.high - ys.low) * (height - bottom - top) }
        var parts: [String] = []
        for y in ys.ticks {
            parts.append("<line class='grid' x1='\(left)' x2='\(width - right)' y1='\(text(py(y)))' y2='\(text(py(y)))'/>")
            parts.append("<text x='\(left - 8)' y='\(text(py(y) + 4))' text-anchor='end'>\(ys.label(y))</text>")
        }
        for x in xs.ticks {
            parts.append(
                "<text x='\(text(px(x)))' y='\(height - bottom + 18)' text-anchor='middle'>\(xs.label(x))</text>")
        }
        if let bound {
            let y = text(py(bound.value))
            parts.append("<line class='bound' x1='\(left)' x2='\(width - right)' y1='\(y)' y2='\(y)'/>")
            parts.append("<text x='\(left + 6)' y='\(text(py(bound.value) - 5))'>\(HTML.escape(bound.caption))</text>")
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

    /// A cell for each row and column, the warmer the larger its value beside the largest; those below 0 in the colour of a gain.
    static func heatMap(
        rows: [String], columns: [String], x xTitle: String, _ cells: [[(value: Double, label: String)?]]
    ) -> String {
        let (left, size, width, gap) = (260.0, 22.0, 56.0, 2.0)
        let peak = max(cells.joined().compactMap { $0?.value.magnitude }.filter(\.isFinite).max() ?? 0, 1e-9)
        var parts: [String] = []
        for (row, name) in rows.enumerated() {
            let y = Double(row) * size
            parts.append("<text x='\(left - 8)' y='\(text(y + size / 2 + 4))' text-anchor='end'>\(HTML.escape(name))</text>")
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
            <svg class='bars' viewBox='0 -2 \(width) \(height + 18)' role='img' aria-label='\(HTML.escape("histogram of \(name)"))'>\(bars.joined())\
            <text x='0' y='\(height + 13)'>\(Format.number(histogram.low, 3))</text>\
            <text x='\(width)' y='\(height + 13)' text-anchor='end'>\(Format.number(histogram.high, 3))</text></svg>
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
