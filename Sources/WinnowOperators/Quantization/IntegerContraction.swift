import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Σ (x − zero point of x) · (w − zero point of w) of a whole contraction: Σ x·(w − zw) less the zero point of x times
/// the sums of (w − zw), so that the zero point of x may change from run to run.
struct ZeroPointCorrection {
    /// Σ (w − zw) of what meets each output channel.
    private let filterSums: [Int32]
    /// The distance in elements between channels of the target, and the channels' extent.
    private let channelStride: Int
    private let elementCount: Int
    private let zeroPointType: ElementType?

    /// `zeroPoint` is nil where it is constant and already taken care of.
    init(filterSums: [Int32], target: Shape, channelAxis: Int, zeroPoint: OperandPlan?, nodeName: String) throws {
        self.filterSums = filterSums
        channelStride = target[(channelAxis + 1)...].reduce(1, *)
        elementCount = target.elementCount
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
        guard value != 0 else { return }
        filterSums.withUnsafeBufferPointer { filterSums in
            let channels = filterSums.count
            for index in 0..<elementCount { sums[index] &-= value &* filterSums[index / channelStride % channels] }
        }
    }
}

extension GraphIndex {
    /// Sums of codes, cast and multiplied by scales, as the contraction of dequantized operands that they are; nil where
    /// the filter is not constant or the sums are read otherwise.
    func dequantizedForm(of node: Node, by op: any Operator, filterAxis: Int) throws -> GraphEdit? {
        guard let cast = soleConsumer(of: node.output(0)), (cast.op as? Cast)?.target == .float32,
            let scaling = soleConsumer(of: cast.output(0)), scaling.op is Mul, let factor = cast.otherInput(of: scaling),
            let codes = node.input(0), let filter = node.input(1), let weights = constant(filter), weights.rank > filterAxis,
            node.input(2) == nil || info(of: node.input(2))?.extents?.isEmpty == true,
            info(of: codes)?.elementType == .uint8 || info(of: codes)?.elementType == .int8,
            let scales = scales(factor, channels: weights.shape[filterAxis], trailing: filterAxis == 0 ? weights.rank - 2 : 0)
        else { return nil }
        let count = scales.filter.count
        var zeroPoints: Tensor?
        if let name = node.input(3) {
            guard let tensor = constant(name), tensor.elementCount == 1 || tensor.elementCount == weights.shape[filterAxis] else { return nil }
            let values = tensor.doubles()
            let all = [Double](repeating: values[0], count: count)
            zeroPoints = Tensor(values.count == 1 ? all : values, shape: [max(count, values.count)], as: tensor.elementType)
        }
        let channels = max(count, zeroPoints?.elementCount ?? 1)
        let filterScales = scales.filter.count == channels ? scales.filter : [Float](repeating: scales.filter[0], count: channels)
        func name(_ part: String) -> ValueName { graph.freshValueName("\(node.name).\(part)") }
        let (source, real) = (name("source"), name("filter"))
        var edit = GraphEdit(
            replacing: [node.name, cast.name, scaling.name],
            with: [
                Node(
                    name: source, op: DequantizeLinear(),
                    inputs: [codes, scales.source] + (node.input(2).map { [$0] } ?? []), outputs: [source]),
                Node(
                    name: real, op: DequantizeLinear(axis: filterAxis),
                    inputs: [filter, name("scales")] + (zeroPoints == nil ? [] : [name("zero_points")]), outputs: [real]),
                Node(name: node.name, op: op, inputs: [source, real], outputs: scaling.outputs),
            ])
        edit.initializers = [(name("scales"), Tensor(filterScales))]
        if let zeroPoints { edit.initializers.append((name("zero_points"), zeroPoints)) }
        return edit
    }

    /// A factor as a scale of the source, one number, times constant scales of the filter.
    private func scales(_ factor: ValueName, channels: Int, trailing: Int) -> (source: ValueName, filter: [Float])? {
        func isNumber(_ value: ValueName) -> Bool { info(of: value)?.extents?.isEmpty == true && constant(value) == nil }
        if isNumber(factor) {
            guard let product = producer(of: factor), product.op is Mul,
                let (source, tensor) = constantFactor(of: product), tensor.elementCount == 1
            else { return (factor, [1]) }
            return (source, tensor.floats())
        }
        guard let product = producer(of: factor), product.op is Mul, let (source, tensor) = constantFactor(of: product),
            isNumber(source)
        else { return nil }
        let axis = tensor.rank - 1 - trailing
        guard tensor.elementCount == 1 || tensor.elementCount == channels && axis >= 0 && tensor.shape[axis] == channels else { return nil }
        return (source, tensor.floats())
    }

    private func constantFactor(of product: Node) -> (ValueName, Tensor)? {
        for (a, b) in [(0, 1), (1, 0)] {
            if let tensor = constant(product.inputs[b]), tensor.elementType == .float32 { return (product.inputs[a], tensor) }
        }
        return nil
    }
}
