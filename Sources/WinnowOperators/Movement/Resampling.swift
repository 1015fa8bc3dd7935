import WinnowGraph
import WinnowKernels
import WinnowTensor

/// How Resize turns a place in the result into places in its input, and those into weights.
package struct Resampling: Sendable, Hashable {
    package enum Mode: String, Sendable { case nearest, linear, cubic }
    package enum Coordinates: String, Sendable {
        case halfPixel = "half_pixel"
        case halfPixelSymmetric = "half_pixel_symmetric"
        case torchHalfPixel = "pytorch_half_pixel"
        case alignCorners = "align_corners"
        case asymmetric
        /// For nearest neighbours: the centers of target elements, not moved back by half an element.
        case tensorFlowHalfPixel = "tf_half_pixel_for_nn"
        /// The part of the axis that a region names.
        case region = "tf_crop_and_resize"
    }
    package enum Rounding: String, Sendable {
        case preferFloor = "round_prefer_floor"
        case preferCeil = "round_prefer_ceil"
        case floor, ceil
        /// Before operator set 11: up where the axis shrinks, else down.
        case inward
    }

    package var mode: Mode
    package var coordinates: Coordinates
    package var rounding: Rounding
    package var cubicCoefficient: Float
    /// Whether cubic weights outside the input are dropped and the others made to sum to 1.
    package var excludesOutside: Bool
    /// Whether the weights of linear and cubic widen where the result is smaller.
    package var smooths = false
    /// What stands outside the data that a region reaches beyond.
    package var extrapolation: Float = 0

    package init(
        mode: Mode = .nearest, coordinates: Coordinates = .halfPixel, rounding: Rounding = .preferFloor,
        cubicCoefficient: Float = -0.75, excludesOutside: Bool = false
    ) {
        self.mode = mode
        self.coordinates = coordinates
        self.rounding = rounding
        self.cubicCoefficient = cubicCoefficient
        self.excludesOutside = excludesOutside
    }

    init(attributes: Attributes) throws {
        func choice<Choice: RawRepresentable<String>>(_ name: String, _ fallback: Choice) throws -> Choice {
            let text = try attributes.string(name, default: fallback.rawValue)
            guard let choice = Choice(rawValue: text) else {
                throw WinnowError(.unsupported, name, "\"\(text)\" is not supported")
            }
            return choice
        }
        self.init(
            mode: try choice("mode", .nearest), coordinates: try choice("coordinate_transformation_mode", .halfPixel),
            rounding: try choice("nearest_mode", .preferFloor),
            cubicCoefficient: try attributes.float("cubic_coeff_a", default: -0.75),
            excludesOutside: try attributes.flag("exclude_outside", default: false))
        guard rounding != .inward else { throw WinnowError(.unsupported, "nearest_mode", "\"inward\" is not supported") }
        smooths = try attributes.flag("antialias", default: false)
        extrapolation = try attributes.float("extrapolation_value", default: 0)
    }

    var attributes: Attributes {
        var attributes: Attributes = [
            "mode": .string(mode.rawValue), "coordinate_transformation_mode": .string(coordinates.rawValue),
        ]
        if mode == .nearest { attributes["nearest_mode"] = .string(rounding.rawValue) }
        if mode == .cubic || cubicCoefficient != -0.75 { attributes["cubic_coeff_a"] = .float(cubicCoefficient) }
        if excludesOutside { attributes["exclude_outside"] = .int(1) }
        if smooths { attributes["antialias"] = .int(1) }
        if extrapolation != 0 { attributes["extrapolation_value"] = .float(extrapolation) }
        return attributes
    }

    /// The place in an axis of `source` elements that element `index` of `target` looks at.
    private func place(_ index: Int, source: Int, target: Int, scale: Double, region: (start: Double, end: Double)) -> Double {
        // Where a place lies between two elements decides what is nearest: float32, in ONNX Runtime's order of operations.
        let (x, scale) = (Float(index), Float(scale))
        switch coordinates {
        case .halfPixel: return Double((x + 0.5) / scale - 0.5)
        case .halfPixelSymmetric:
            // The offset in float32, the rest in float64.
            let offset = Float(source) / 2 * (1 - Float(target) / (scale * Float(source)))
            return Double(Float(Double(offset) + (Double(x) + 0.5) / Double(scale) - 0.5))
        case .torchHalfPixel: return target > 1 ? Double((x + 0.5) / scale - 0.5) : 0
        case .alignCorners: return target == 1 ? 0 : Double(x * Float(source - 1) / Float(target - 1))
        case .asymmetric: return Double(x / scale)
        case .tensorFlowHalfPixel: return Double((x + 0.5) / scale)
        case .region:
            let (start, end, last) = (Float(region.start), Float(region.end), Float(source - 1))
            guard target > 1 else { return Double((start + end) / 2 * last) }
            return Double(start * last + x * (end - start) * last / Float(target - 1))
        }
    }

    /// How far from the middle of two elements a place still lies there, as ONNX Runtime has it: 4.5 · 20/6 − ½ is 14.5.
    private static let tie = 1e-6

    private func nearest(_ place: Double, scale: Double) -> Int {
        switch rounding {
        case .inward: Int(place: place.rounded(scale < 1 ? .up : .down))
        case .preferFloor: Int(place: (place - 0.5 - Self.tie).rounded(.up))
        case .preferCeil: Int(place: (place + 0.5 + Self.tie).rounded(.down))
        case .floor: Int(place: place.rounded(.down))
        case .ceil: Int(place: place.rounded(.up))
        }
    }

    /// Indices relative to the place's floor, and weights.
    private func weights(_ fraction: Double, scale: Double) -> [(offset: Int, weight: Double)] {
        let width = mode == .cubic ? 2.0 : 1
        let narrowing = smooths ? min(scale, 1) : 1
        let first = Int(place: (-width / narrowing).rounded(.down)) + 1
        let taps = (first..<(2 - first)).map { (offset: $0, weight: weight(abs(Double($0) - fraction) * narrowing)) }
        guard narrowing < 1 else { return taps }
        let sum = taps.reduce(0) { $0 + $1.weight }
        return taps.map { ($0.offset, $0.weight / sum) }
    }

    /// The weight of an element at a distance: a triangle, or the cubic convolution of Keys (1981).
    private func weight(_ t: Double) -> Double {
        guard mode == .cubic else { return max(0, 1 - t) }
        let a = Double(cubicCoefficient)
        if t <= 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
        return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0
    }

    /// Whether every place is between two elements, or at an edge.
    var isLinear: Bool { mode == .linear && !smooths && !excludesOutside }

    /// The elements around a place that is moved to the edge where it lies outside; there both are the same.
    private static func neighbours(_ place: Double, source: Int) -> (low: (index: Int, weight: Float), high: (index: Int, weight: Float)) {
        let place = max(0, min(place, Double(source - 1)))
        let low = Int(place: place)
        guard low + 1 < source else { return ((low, 0.5), (low, 0.5)) }
        return ((low, Float(Double(low + 1) - place)), (low + 1, Float(place - Double(low))))
    }

    /// The table of an axis that stays as it is.
    func unchangedAxis(_ axis: Int, extent: Int) -> ResamplingKernel.Axis {
        let taps = (0..<extent).map { Self.neighbours(Double($0), source: extent) }
        return ResamplingKernel.Axis(
            axis: axis, taps: 2, indices: taps.flatMap { [$0.low.index, $0.high.index] },
            weights: taps.flatMap { [$0.low.weight, $0.high.weight] })
    }

    /// The table of one axis.
    func axis(
        _ axis: Int, source: Int, target: Int, scale: Double, region: (start: Double, end: Double) = (0, 1)
    ) -> ResamplingKernel.Axis {
        var indices: [Int] = []
        var factors: [Float] = []
        var outside: [Int] = []
        for index in 0..<target {
            let place = place(index, source: source, target: target, scale: scale, region: region)
            let isOutside = coordinates == .region && (place < 0 || place > Double(source - 1))
            if isOutside { outside.append(index) }
            if mode == .nearest {
                indices.append(min(max(nearest(place, scale: scale), 0), source - 1))
                factors.append(isOutside ? 0 : 1)
                continue
            }
            if isLinear {
                let (low, high) = Self.neighbours(place, source: source)
                indices += [low.index, high.index]
                factors += isOutside ? [0, 0] : [low.weight, high.weight]
                continue
            }
            let floor = place.rounded(.down)
            var taps = weights(place - floor, scale: scale)
            if excludesOutside {
                taps = taps.map { (0..<source).contains(Int(place: floor) + $0.offset) ? $0 : ($0.offset, 0) }
                let sum = taps.reduce(0) { $0 + $1.weight }
                taps = taps.map { ($0.offset, $0.weight / sum) }
            }
            indices += taps.map { min(max(Int(place: floor) + $0.offset, 0), source - 1) }
            factors += taps.map { isOutside ? 0 : Float($0.weight) }
        }
        return ResamplingKernel.Axis(
            axis: axis, taps: target == 0 ? 1 : indices.count / target, indices: indices, weights: factors, outside: outside)
    }
}
