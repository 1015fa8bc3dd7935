package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// (Σ |x|ᵖ)^(1/p) over each window.
package struct LpPool: Decomposition {
    package static let type = OperatorType("LpPool")
    package static let maximumInputCount = 1

    package var window: Window
    package var power: Int
    package var roundsUp: Bool

    package init(window: Window, power: Int = 2, roundsUp: Bool = false) {
        self.window = window
        self.power = power
        self.roundsUp = roundsUp
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            window: try Window(attributes: attributes), power: try attributes.int("p", default: 2),
            roundsUp: try attributes.flag("ceil_mode", default: false))
        guard power > 0 else { throw WinnowError(.model, "p", "is \(power), but must be positive") }
    }

    package var attributes: Attributes {
        var result = window.attributes
        result["p"] = .int(power)
        if roundsUp { result["ceil_mode"] = .int(1) }
        return result
    }

    package var minimumVersion: Int { roundsUp || window.dilations != nil ? 18 : 2 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        return [ValueInfo(x.elementType, try x.extents.map { try $0.prefix(2) + window.outputExtents(source: Array($0.dropFirst(2)), roundsUp: roundsUp) })]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let window = roundsUp ? try roundedUp(source: b.knownShape(of: x)) : window
        let mean = try b.add(AveragePool(window: window, countsPads: true), b.magnitudes(x, power: power))
        let count = Shape(window.extents ?? []).elementCount
        return [try b.root(b.multiply(mean, by: Double(count)), power: power)]
    }

    /// The window with pads behind until it fits a whole number of times.
    private func roundedUp(source: Shape) throws -> Window {
        let spatial = Array(source.dropFirst(2))
        let plain = try window.resolved(source: spatial)
        let target = try window.outputExtents(source: spatial.map { .fixed($0) }, roundsUp: true).compactMap(\.value)
        let ends = spatial.indices.map { axis in
            ((target[axis] - 1) *| plain.strides[axis]) +| ((plain.extents[axis] - 1) *| plain.dilations[axis]) +| 1
                -| spatial[axis] -| plain.padsBegin[axis]
        }
        return Window(
            extents: plain.extents, strides: plain.strides, dilations: plain.dilations,
            pads: plain.padsBegin + ends.map { max($0, 0) })
    }
}

extension GraphBuilder {
    /// |x|ᵖ
    func magnitudes(_ x: ValueName, power: Int) throws -> ValueName {
        switch power {
        case 1: try add(Abs(), x)
        case 2: try square(x)
        default: try add(Pow(), add(Abs(), x), scalar(Double(power), like: x))
        }
    }

    /// x^(1/p)
    func root(_ x: ValueName, power: Int) throws -> ValueName {
        switch power {
        case 1: x
        case 2: try add(Sqrt(), x)
        default: try add(Pow(), x, scalar(1 / Double(power), like: x))
        }
    }
}
