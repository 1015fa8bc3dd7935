package import WinnowGraph
import WinnowTensor

/// A convolution whose taps read at places moved by offsets (Dai et al. 2017), weighted by a mask (Zhu et al. 2019).
///
/// Inputs: (N, C, H, W), filter, offsets (N, groups · taps · 2, rows, columns) as y x, bias, mask.
package struct DeformConv: Decomposition {
    package static let type = OperatorType("DeformConv")
    package static let maximumInputCount = 5

    package var window: Window
    package var groups: Int
    package var offsetGroups: Int

    package init(window: Window = Window(), groups: Int = 1, offsetGroups: Int = 1) {
        self.window = window
        self.groups = groups
        self.offsetGroups = offsetGroups
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            window: try Window(attributes: attributes), groups: try attributes.int("group", default: 1),
            offsetGroups: try attributes.int("offset_group", default: 1))
        guard groups > 0, offsetGroups > 0 else { throw WinnowError(.model, "group", "must be positive") }
    }

    package var attributes: Attributes {
        var attributes = window.attributes
        if groups != 1 { attributes["group"] = .int(groups) }
        if offsetGroups != 1 { attributes["offset_group"] = .int(offsetGroups) }
        return attributes
    }

    package var minimumVersion: Int { 19 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (data, filter, offsets) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
        let places = offsets.extents.map { Array($0.dropFirst(2)) } ?? [.unknown, .unknown]
        return [ValueInfo(data.elementType, [data.extents?[0] ?? .unknown, filter.extents?[0] ?? .unknown] + places)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, filter, offsets) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
        let shape = try b.knownShape(of: filter)
        guard shape.rank == 4, try b.rank(of: x) == 4, shape[0] % groups == 0 else {
            throw WinnowError(.shape, "filter", "\(shape) does not fit (N, C, H, W) in \(groups) groups")
        }
        var own = window
        own.extents = [shape[2], shape[3]]
        let columns = try b.add(
            DeformedColumns(window: own, offsetGroups: offsetGroups), inputs: [x, offsets, inputs.present(4)])[0]
        let depth = shape[1] * shape[2] * shape[3]
        let rows = try b.reshaped(filter, [1, groups, shape[0] / groups, depth])
        let places = try (2..<4).map { try b.extent($0, of: offsets) }
        let product = try b.add(MatMul(), rows, b.reshaped(columns, [-1, groups, depth, places[0] * places[1]]))
        let result = try b.reshaped(product, [-1, shape[0]] + places)
        return [try inputs.present(3).map { try b.add(result, b.reshaped($0, [-1, 1, 1])) } ?? result]
    }
}
