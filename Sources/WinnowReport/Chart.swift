/// Plots as inline SVG that follow the page's colours.
enum Chart {
    struct Point {
        var x: Double
        var y: Double
        var label: String
        var isFilled = true
    }

    /// A line through points with labelled axes; `bound` draws a horizontal line with its caption.
    static func line(
        _ points: [Point], x xTitle: String, y yTitle: String, bound: (value: Double, caption: String)? = nil
    ) -> String {
        let (width, height, left, bottom, top, right) = (640.0, 300.0, 64.0, 44.0, 16.0, 16.0)
        let xs = range(points.map(\.x))
        let ys = range(points.map(\.y) + (bound.map { [$0.value] } ?? []))
        func px(_ x: Double) -> Double { left + (x - xs.low) / (xs.high - xs.low) * (width - left - right) }
        func py(_ y: Double) -> Double { height - bottom - (y - ys.low) / (ys.high - ys.low) * (height - bottom - top) }
        var parts: [String] = []
        for tick in 0...4 {
            let x = xs.low + (xs.high - xs.low) * Double(tick) / 4
            let y = ys.low + (ys.high - ys.low) * Double(tick) / 4
            parts.append("<line class='grid' x1='\(left)' x2='\(width - right)' y1='\(text(py(y)))' y2='\(text(py(y)))'/>")
            parts.append("<text x='\(left - 8)' y='\(text(py(y) + 4))' text-anchor='end'>\(Format.number(y, 2))</text>")
            parts.append(
                "<text x='\(text(px(x)))' y='\(height - bottom + 18)' text-anchor='middle'>\(Format.number(x, 1))</text>")
        }
        if let bound {
            let y = text(py(bound.value))
            parts.append("<line class='bound' x1='\(left)' x2='\(width - right)' y1='\(y)' y2='\(y)'/>")
            parts.append("<text x='\(left + 6)' y='\(text(py(bound.value) - 5))'>\(HTML.escape(bound.caption))</text>")
        }
        let path = points.map { "\(text(px($0.x))),\(text(py($0.y)))" }.joined(separator: " ")
        parts.append("<polyline class='series' points='\(path)'/>")
        for point in points {
            parts.append(
                "<circle class='\(point.isFilled ? "point" : "hollow")' cx='\(text(px(point.x)))' cy='\(text(py(point.y)))' "
                    + "r='4'><title>\(HTML.escape(point.label))</title></circle>")
        }
        parts.append("<text x='\((left + width - right) / 2)' y='\(height - 6)' text-anchor='middle'>\(HTML.escape(xTitle))</text>")
        parts.append(
            "<text transform='translate(14 \((height - bottom + top) / 2)) rotate(-90)' text-anchor='middle'>\(HTML.escape(yTitle))</text>")
        return "<svg class='chart' viewBox='0 0 \(width) \(height)' role='img' aria-label='\(HTML.escape(yTitle)) against \(HTML.escape(xTitle))'>\(parts.joined())</svg>"
    }

    /// Bars of a histogram with the bounds written below.
    static func bars(_ histogram: Histogram) -> String {
        let (width, height) = (200.0, 70.0)
        let peak = Double(max(histogram.counts.max() ?? 1, 1))
        let step = width / Double(histogram.counts.count)
        let bars = histogram.counts.enumerated().map { index, count in
            let size = Double(count) / peak * height
            return "<rect x='\(text(Double(index) * step))' y='\(text(height - size))' width='\(text(step - 0.5))' height='\(text(size))'/>"
        }
        return """
            <svg class='bars' viewBox='0 -2 \(width) \(height + 18)' role='img' aria-label='histogram'>\(bars.joined())\
            <text x='0' y='\(height + 13)'>\(Format.number(histogram.low, 3))</text>\
            <text x='\(width)' y='\(height + 13)' text-anchor='end'>\(Format.number(histogram.high, 3))</text></svg>
            """
    }

    private static func text(_ value: Double) -> String { Format.number(value, 1) }

    private static func range(_ values: [Double]) -> (low: Double, high: Double) {
        let low = values.min() ?? 0
        let high = values.max() ?? 1
        let margin = high > low ? (high - low) * 0.06 : max(0.01, high.magnitude * 0.05)
        return (low - margin, high + margin)
    }
}
