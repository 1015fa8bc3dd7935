package import WinnowGraph
import WinnowTensor

/// The older name of Resize: scales as input 1, or as an attribute before version 9.
package struct Upsample: Decomposition {
    package static let type = OperatorType("Upsample")
    package static let maximumInputCount = 2

    package var inputRoles: [Int: OperandRole] { [1: .setting] }
    package var float32Inputs: Set<Int> { [1] }

    package var mode: Resampling.Mode
    package var scales: [Float]?

    package init(mode: Resampling.Mode = .nearest, scales: [Float]? = nil) {
        self.mode = mode
        self.scales = scales
    }

    package init(attributes: Attributes, version: Int) throws {
        let name = try attributes.string("mode", default: "nearest")
        guard let mode = Resampling.Mode(rawValue: name) else { throw WinnowError(.model, "mode", "\(name) is not known") }
        self.init(mode: mode, scales: try version < 7 ? Self.oldScales(attributes) : attributes.floats("scales"))
    }

    /// Before operator set 7: of rows and columns alone.
    private static func oldScales(_ attributes: Attributes) throws -> [Float] {
        [1, 1, try attributes.float("height_scale", default: 1), try attributes.float("width_scale", default: 1)]
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["mode": .string(mode.rawValue)]
        if let scales { attributes["scales"] = .floats(scales) }
        return attributes
    }

    package var minimumVersion: Int { scales == nil ? 9 : 7 }
    package var maximumVersion: Int { scales == nil ? 9 : 8 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try lowering(of: node, in: graph)
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let factors = scales.map { b.constant("scales", Tensor($0)) } ?? inputs.present(1)
        let op = Resize(Resampling(mode: mode, coordinates: .asymmetric, rounding: .floor))
        return [try b.add(op, inputs.present(0), b.emptyRegion(), factors)]
    }
}
