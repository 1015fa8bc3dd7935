package import WinnowGraph
package import WinnowTensor

/// A weight whose numbers lie between two codes, which of them is learned: (w, scale, v) → scale · clip(⌊w / scale⌋ + h), h = 1 where
/// v ≥ 0, else 0, as a file would have it; while training h = clip(1.2·σ(v) − 0.1, 0, 1) (AdaRound; Nagel et al. 2020, equations 22 and
/// 23). Numbers that are 0 stay 0.
package struct LearnedRounding: Decomposition {
    package static let type = OperatorType("LearnedRounding", domain: "winnow")

    package var inputRoles: [Int: OperandRole] { [1: .scale] }

    /// The smallest and largest code.
    package var codes: ClosedRange<Int>
    package var codeType: ElementType
    package var scaleAxis: ScaleAxis

    package init(_ codes: ClosedRange<Int>, _ codeType: ElementType, axis: Int? = nil) {
        (self.codes, self.codeType, scaleAxis) = (codes, codeType, ScaleAxis(axis: axis))
    }

    package init(attributes: Attributes, version: Int) throws {
        let low = try attributes.int("low", default: -128)
        self.init(
            low...max(low, try attributes.int("high", default: 127)),
            ElementType(rawValue: try attributes.int("type", default: ElementType.int8.rawValue)) ?? .int8, axis: try attributes.int("axis"))
    }

    package var attributes: Attributes {
        var attributes = scaleAxis.attributes
        attributes["low"] = .int(codes.lowerBound)
        attributes["high"] = .int(codes.upperBound)
        attributes["type"] = .int(codeType.rawValue)
        return attributes
    }

    package func decompose(_ builder: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        try rounded(inputs, builder) { try builder.add(Cast(to: .float32), builder.add(GreaterOrEqual(), $0, builder.scalar(0, like: $0))) }
    }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try graph.inlining(node) { b in try rounded(node.inputs.map { $0.isEmpty ? nil : $0 }, b) { try b.softRounding($0) } }
    }

    private func rounded(_ inputs: [ValueName?], _ b: GraphBuilder, _ part: (ValueName) throws -> ValueName) throws -> [ValueName] {
        guard inputs.count == 3, let weight = inputs[0], let scale = inputs[1], let learned = inputs[2] else {
            throw WinnowError(.model, "\(Self.type)", "takes a weight, its scale and what is learned")
        }
        guard let rank = b.info(of: weight)?.rank else { throw UndeterminedShape() }
        let wide = try scaleAxis.broadcastable(scale, rank: rank, b)
        let isNumber = try b.add(Cast(to: .float32), b.add(Cast(to: .bool), weight))
        let up = try b.multiply(part(learned), isNumber)
        let code = try b.clipped(b.add(b.add(Floor(), b.divide(weight, wide)), up), Double(codes.lowerBound), Double(codes.upperBound))
        return [try b.multiply(code, wide)]
    }
}

extension GraphBuilder {
    /// How far up numbers are rounded: h = clip(1.2·σ(v) − 0.1, 0, 1).
    package func softRounding(_ learned: ValueName) throws -> ValueName {
        try clipped(add(multiply(add(Sigmoid(), learned), by: 1.2), number: -0.1), 0, 1)
    }

    /// How far from 0 and 1 that is: 1 − the mean of |2h − 1|^sharpness.
    package func roundingLooseness(_ learned: ValueName, _ sharpness: ValueName) throws -> ValueName {
        let distance = try add(Abs(), add(multiply(softRounding(learned), by: 2), number: -1))
        let mean = try add(ReduceMean(keepsAxes: false), add(Pow(), add(distance, number: 1e-6), sharpness))
        return try add(negate(mean), number: 1)
    }
}
