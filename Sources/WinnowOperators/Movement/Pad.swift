package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// A value with elements added (or, for negative pads, taken away) at both ends of its axes.
///
/// Inputs from operator set 11 on: data, pads, constant, axes; before, pads and constant are attributes.
package struct Pad: RuntimeForm {
    package static let type = OperatorType("Pad")
    package static let maximumInputCount = 4

    package var inputRoles: [Int: OperandRole] { [1: .setting, 2: .setting, 3: .setting] }

    package var mode: PadKernel.Mode
    /// The attributes of versions below 11.
    package var pads: [Int]?
    package var value: Float

    package init(mode: PadKernel.Mode = .constant, pads: [Int]? = nil, value: Float = 0) {
        self.mode = mode
        self.pads = pads
        self.value = value
    }

    package init(attributes: Attributes, version: Int) throws {
        let name = try attributes.string("mode", default: "constant")
        guard let mode = PadKernel.Mode(rawValue: name) else { throw WinnowError(.model, "mode", "\(name) is not known") }
        self.init(
            mode: mode, pads: version < 11 ? try attributes.ints("pads") ?? attributes.ints("paddings") : nil,
            value: try attributes.float("value", default: 0))
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["mode": .string(mode.rawValue)]
        if let pads {
            attributes["pads"] = .ints(pads)
            attributes["value"] = .float(value)
        }
        return attributes
    }

    package var minimumVersion: Int { mode == .wrap ? 19 : pads == nil ? 11 : 2 }

    package func minimumVersion(of node: Node) -> Int { max(minimumVersion, node.input(3) == nil ? 1 : 18) }

    package var maximumVersion: Int { pads == nil ? .max : 10 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let type = graph.info(of: node.input(0))?.elementType ?? .float32
        return graph.edit(
            replacing: node, with: Pad(mode: mode),
            inputs: [
                ("pads", pads.map { Tensor($0.map { Int64($0) }) }), ("constant", Tensor([Double(value)], shape: [], as: type)),
            ])
    }

    package func runtimeForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let inputs = node.inputs.map { $0.isEmpty ? nil : graph.info(of: $0) }
        guard let rank = inputs.optional(0)?.rank, let pads = node.input(1), let listed = inputs.integers(3) else { return nil }
        let axes = try listed.map { try $0.normalizedAxis(rank: rank, name: "axes") }
        return try graph.inlining(node) { b in
            let all: ValueName
            if let (before, after) = try amounts(inputs, rank: rank) {
                all = b.integers(before + after, name: "pads")
            } else {
                let none = b.integers([Int](repeating: 0, count: 2 * rank), name: "pads")
                all = try b.add(ScatterElements(), none, b.integers(axes + axes.map { $0 + rank }, name: "axes"), pads)
            }
            return try b.add(Pad(mode: mode), inputs: [node.input(0), all, node.input(2)])
        }
    }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        let inputs = node.inputs.map { graph.info(of: $0) }
        guard let rank = inputs.optional(0)?.rank, let (before, after) = try? amounts(inputs, rank: rank), (before + after).allSatisfy({ $0 == 0 })
        else { return nil }
        return .unchanged
    }

    /// Pads before and after every axis; nil where they depend on data.
    func amounts(_ inputs: [ValueInfo?], rank: Int) throws -> (before: [Int], after: [Int])? {
        guard let list = pads ?? inputs.integers(1) else { return nil }
        var axes = Array(0..<rank)
        if inputs.optional(3) != nil {
            guard let listed = inputs.integers(3) else { return nil }
            axes = try listed.map { try $0.normalizedAxis(rank: rank, name: "axes") }
        }
        guard list.count == 2 * axes.count else {
            throw WinnowError(.shape, "pads", "has \(list.count) numbers for \(axes.count) axes")
        }
        var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        for (index, axis) in axes.enumerated() { (before[axis], after[axis]) = (list[index], list[axes.count + index]) }
        return (before, after)
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        if let value = inputs.optional(2), value.elementType != data.elementType || value.shape.map({ $0.elementCount != 1 }) ?? false {
            throw WinnowError(.model, "constant_value", "is \(value.type), but must be one number of \(data.elementType)")
        }
        guard let extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        guard let (before, after) = try amounts(inputs, rank: extents.count) else {
            return [ValueInfo(data.elementType, extents.map { _ in .unknown })]
        }
        let result = extents.indices.map { axis -> Extent in
            let total = before[axis] + after[axis]
            return extents[axis].value.map { .fixed($0 + total) } ?? (before[axis] == 0 && total == 0 ? extents[axis] : .unknown)
        }
        return try evaluatingConstants([ValueInfo(data.elementType, result)], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let inputs = request.inputs.map { $0.map(ValueInfo.init(operand:)) }
        guard let (before, after) = try amounts(inputs, rank: data.shape.rank) else {
            throw WinnowError(.unsupported, request.nodeName, "its pads depend on data")
        }
        let order = data.layout.permutation(rank: data.shape.rank)
        let pad = try PadKernel(
            data.shape.permuted(order), before: order.map { before[$0] }, after: order.map { after[$0] }, mode: mode,
            data.elementType)
        let fill = Tensor([Double(value)], shape: [], as: data.elementType)
        return Kernel { operands in
            fill.withUnsafeBytes { bytes in
                pad.run(
                    from: operands.input(0), to: operands.output(0),
                    constant: operands.optionalInput(2) ?? bytes.baseAddress)
            }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count, let (before, after) = try? amounts(inputs, rank: rank)
        else { return .opaque }
        let terms = (0..<rank).map { before[$0] == 0 && after[$0] == 0 ? AxisTerm.label(letters[$0]) : .opaque }
        return AxisMap(
            inputs: [terms] + inputs.dropFirst().map { $0 == nil ? [] : $0?.rank == 0 ? [] : [.opaque] }, outputs: [terms])
    }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        let constant = zeros.inputs.optional(2).map { $0.constant?.doubles().first ?? 1 } ?? Double(value)
        return zeros.are(at: 0) && (mode != .constant || constant == 0) ? .zero : .number
    }

    /// Of a constant pad: the negative pad, and for the constant what is left. Of others: what was copied is summed.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let (b, g) = (context.builder, try context.outputGradient())
        let inputs = context.node.inputs.map { $0.isEmpty ? nil : context.info(of: $0) }
        guard let extents = inputs.optional(0)?.extents, let (before, after) = try amounts(inputs, rank: extents.count) else { return nil }
        var gradients = [ValueName?](repeating: nil, count: inputs.count)
        if mode == .constant {
            let kept = try b.add(Pad(), g, b.integers((before + after).map { -$0 }, name: "pads"))
            gradients[0] = kept
            if context.needs(2) {
                let all = ReduceSum(axes: nil, keepsAxes: false)
                let rest = try b.subtract(b.add(all, g), b.add(all, kept))
                gradients[2] = try b.add(Reshape(), rest, b.shape(of: context.input(2)))
            }
            return gradients
        }
        var sum = g
        for axis in extents.indices.reversed() where before[axis] != 0 || after[axis] != 0 {
            guard let extent = extents[axis].value else { return nil }
            let sources = PadKernel.sources(extent: extent, before: before[axis], after: after[axis], mode: mode)
            // Axes before this one are still as wide as the result's.
            let shape = try b.shape(of: context.input(0))
            let wide = axis == 0 ? shape
                : try b.add(
                    Concat(axis: 0), b.sliced(b.shape(of: g), axis: 0, 0..<axis), b.sliced(shape, axis: 0, axis..<extents.count))
            sum = try b.add(GatherGradient(axis: axis), sum, b.integers(sources, name: "sources"), wide)
        }
        gradients[0] = sum
        return gradients
    }
}
