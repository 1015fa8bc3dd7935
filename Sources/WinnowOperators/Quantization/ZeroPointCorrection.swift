import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Σ (x − zero point of x) · (w − zero point of w) of a whole contraction: Σ x·(w − zw) less the zero point of x times
/// the sums of (w − zw), so that the zero point of x may change from run to run.
struct ZeroPointCorrection {
    private let share: ZeroPointShare
    private let zeroPointType: ElementType?

    /// - Parameters:
    ///   - filterSums: Σ (w − zw) of what meets each output channel.
    ///   - zeroPoint: nil where it is constant and already taken care of.
    init(filterSums: [Int32], target: Shape, channelAxis: Int, zeroPoint: OperandPlan?, nodeName: String) throws {
        share = ZeroPointShare(
            filterSums: filterSums, sumCount: target.elementCount, channelStride: target[(channelAxis + 1)...].reduce(1, *))
        zeroPointType = zeroPoint?.elementType
        guard zeroPoint == nil || zeroPoint?.shape.elementCount == 1 else {
            throw WinnowError(.unsupported, nodeName, "its data has a zero point for each row")
        }
    }

    /// Takes the zero point's share off the sums.
    func apply(_ sums: UnsafeMutablePointer<Int32>, zeroPoint: UnsafeRawPointer?) {
        guard let zeroPoint, let zeroPointType else { return }
        let value = zeroPointType == .int8
            ? Int32(zeroPoint.load(as: Int8.self)) : Int32(zeroPoint.load(as: UInt8.self))
        share.subtract(from: sums, zeroPoint: value)
    }
}

extension GraphIndex {
    /// Sums of codes, something perhaps added, cast and multiplied by scales, as the contraction of dequantized operands that
    /// they are; nil where the filter is not constant or the sums are read otherwise.
    func dequantizedForm(of node: Node, by op: any Operator, filterAxis: Int) throws -> GraphEdit? {
        let addition = soleConsumer(of: node.output(0)).flatMap { $0.op is Add && $0.input(0) != $0.input(1) ? $0 : nil }
        guard let cast = soleConsumer(of: (addition ?? node).output(0)), (cast.op as? Cast)?.target == .float32,
            let scaling = soleConsumer(of: cast.output(0)), scaling.op is Mul, let factor = cast.otherInput(of: scaling),
            let codes = node.input(0), [.int8, .uint8].contains(info(of: codes)?.elementType),
            node.input(2) == nil || info(of: node.input(2))?.extents?.isEmpty == true,
            let filter = node.input(1), let weights = constant(filter), weights.rank > filterAxis,
            let scale = scales(factor, trailing: filterAxis == 0 ? weights.rank - 2 : 0),
            let filterScales = scale.filter.repeated(weights.shape[filterAxis]),
            let zeroPoints = (node.input(3).map { constant($0) } ?? Tensor(zeros: [], weights.elementType))?
                .repeated(weights.shape[filterAxis])
        else { return nil }
        func name(_ part: String) -> ValueName { graph.freshValueName("\(node.name).\(part)") }
        let (source, real) = (name("source"), name("filter"))
        var edit = GraphEdit(
            replacing: [node.name, cast.name, scaling.name] + (addition.map { [$0.name] } ?? []),
            with: [
                Node(
                    name: source, op: DequantizeLinear(),
                    inputs: [codes, scale.source] + (node.input(2).map { [$0] } ?? []), outputs: [source]),
                Node(
                    name: real, op: DequantizeLinear(axis: filterAxis),
                    inputs: [filter, name("scales"), name("zero_points")], outputs: [real]),
                Node(
                    name: node.name, op: op, inputs: [source, real],
                    outputs: addition == nil ? scaling.outputs : [name("product")]),
            ])
        // (sums + term) · factor = sums · factor + term · factor
        if let addition, let term = node.otherInput(of: addition) {
            edit.addedNodes += [
                Node(name: cast.name, op: cast.op, inputs: [term], outputs: cast.outputs),
                Node(name: scaling.name, op: Mul(), inputs: [cast.outputs[0], factor], outputs: [name("term")]),
                Node(name: addition.name, op: Add(), inputs: [name("product"), name("term")], outputs: scaling.outputs),
            ]
        }
        edit.initializers = [(name("scales"), filterScales), (name("zero_points"), zeroPoints)]
        return edit
    }

    /// A factor as a scale of the source, one number, times constant scales of the filter: one, or one of each channel, on
    /// the axis before the last `trailing`.
    private func scales(_ factor: ValueName, trailing: Int) -> (source: ValueName, filter: Tensor)? {
        func isNumber(_ value: ValueName) -> Bool { info(of: value)?.extents?.isEmpty == true && constant(value) == nil }
        if let product = producer(of: factor), product.op is Mul, let (source, scales) = constantFactor(of: product),
            isNumber(source), scales.shape.dropLast(trailing).last == scales.elementCount || scales.elementCount == 1
        {
            return (source, scales)
        }
        return isNumber(factor) ? (factor, Tensor(scalar: Float(1))) : nil
    }

    private func constantFactor(of product: Node) -> (ValueName, Tensor)? {
        for (a, b) in [(0, 1), (1, 0)] {
            if let tensor = constant(product.inputs[b]), tensor.elementType == .float32 { return (product.inputs[a], tensor) }
        }
        return nil
    }
}

extension Tensor {
    /// One number repeated, or so many numbers, as a vector; nil for others.
    func repeated(_ count: Int) -> Tensor? {
        guard elementCount == 1 || elementCount == count else { return nil }
        let values = doubles()
        return Tensor(values.count == count ? values : [Double](repeating: values[0], count: count), shape: [count], as: elementType)
    }
}
