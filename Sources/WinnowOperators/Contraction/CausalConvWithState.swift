package import WinnowGraph
import WinnowTensor

/// A depthwise convolution of (N, C, length) that sees only what came before, and the places the next call needs.
///
/// Inputs: data, filter (C, 1, taps), bias (C), the state before (N, C, taps − 1). Outputs: the sums, the state after.
package struct CausalConvWithState: Decomposition {
    package static let type = OperatorType("CausalConvWithState")
    package static let maximumInputCount = 4
    package static let maximumOutputCount = 2

    /// Whether x · sigmoid(x) follows.
    package var appliesSwish: Bool

    package init(appliesSwish: Bool = false) { self.appliesSwish = appliesSwish }

    package init(attributes: Attributes, version: Int) throws {
        let name = try attributes.string("activation", default: "none")
        guard ["none", "silu", "swish"].contains(name) else { throw WinnowError(.model, "activation", "\(name) is not known") }
        self.init(appliesSwish: name != "none")
    }

    package var attributes: Attributes { appliesSwish ? ["activation": .string("silu")] : [:] }
    package var minimumVersion: Int { 27 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        return [ValueInfo(data.type), ValueInfo(data.elementType, [.unknown, .unknown, .unknown])]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, filter) = (try inputs.required(0), try inputs.required(1))
        let (channels, taps) = (try b.extent(0, of: filter), try b.extent(2, of: filter))
        let before = taps - 1
        let longer = try inputs.present(3).map { try b.add(Concat(axis: 2), $0, x) }
            ?? b.add(Pad(), x, b.integers([0, 0, before, 0, 0, 0], name: "pads"))
        let convolution = Conv(window: Window(extents: [taps]), groups: channels)
        let sums = try b.add(convolution, longer, filter, inputs.present(2))
        // The last places; none of a filter with one tap.
        let start = b.integers([before == 0 ? Int(Int32.max) : -before], name: "starts")
        let state = try b.add(
            Slice(), longer, start, b.integers([Int(Int32.max)], name: "ends"), b.integers([2], name: "axes"))
        return [appliesSwish ? try b.add(Swish(), sums) : sums, state]
    }
}
