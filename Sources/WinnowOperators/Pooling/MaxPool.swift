package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// The maximum of each window; pads never win.
package struct MaxPool: Pooling {
    package static let type = OperatorType("MaxPool")
    package static let maximumInputCount = 1
    package static let maximumOutputCount = 2

    package var window: Window
    package var roundsUp: Bool
    /// Whether indices count with the first spatial axis fastest.
    package var columnsFirst: Bool

    package init(window: Window, roundsUp: Bool = false, columnsFirst: Bool = false) {
        self.window = window
        self.roundsUp = roundsUp
        self.columnsFirst = columnsFirst
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            window: try Window(attributes: attributes), roundsUp: try attributes.flag("ceil_mode", default: false),
            columnsFirst: try attributes.flag("storage_order", default: false))
    }

    package var attributes: Attributes {
        var result = window.attributes
        if roundsUp { result["ceil_mode"] = .int(1) }
        if columnsFirst { result["storage_order"] = .int(1) }
        return result
    }

    package var minimumVersion: Int { roundsUp || window.dilations != nil ? 10 : columnsFirst ? 8 : 1 }
    package func minimumVersion(of node: Node) -> Int { max(minimumVersion, node.output(1) == nil ? 1 : 8) }
    package var quantization: QuantizationRule { .keepsScale }
    package var kind: PoolingKind { .maximum }

    package func outputExtents(source: [Extent]) throws -> [Extent] {
        try window.outputExtents(source: source, roundsUp: roundsUp)
    }

    package func geometry(source: Shape) throws -> PoolingGeometry {
        try window.poolingGeometry(source: source, roundsUp: roundsUp)
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let maxima = try pooledInfo(inputs)
        return [maxima, ValueInfo(.int64, maxima.extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        guard request.outputs.count > 1 else { return try request.inFloat32(poolingKernel) }
        let isExact = [.int8, .uint8, .float64].contains(request.outputs[0].elementType)
        return isExact ? try indexKernel(request) : try request.inFloat32(indexKernel)
    }

    private func indexKernel(_ request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let geometry = try geometry(source: data.shape)
        try geometry.validate()
        let pooling = MaxPoolIndices(
            geometry, try request.dataLayouts(), columnsFirst: columnsFirst)
        func kernel<Value: Comparable & BitwiseCopyable>(lowest: Value) -> Kernel {
            Kernel { operands in
                pooling.run(
                    operands.input(0, as: Value.self), maxima: operands.output(0, as: Value.self),
                    indices: operands.output(1, as: Int64.self), lowest: lowest)
            }
        }
        switch data.elementType {
        case .float32: return kernel(lowest: -Float.infinity)
        case .float64: return kernel(lowest: -Double.infinity)
        case .int8: return kernel(lowest: Int8.min)
        case .uint8: return kernel(lowest: UInt8.min)
        default: throw WinnowError(.unsupported, request.nodeName, "finds no indices of \(data.elementType) maxima")
        }
    }

    /// `"nc.. -> nc.., ...."`: indices are not to be touched.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        var map = window.axes(for: inputs)
        if let data = map.outputs.first { map.outputs.append(data.map { _ in .opaque }) }
        return map
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.builder.add(MaxPoolGradient(pooling: self), context.input(0), context.outputGradient())]
    }
}

extension Window {
    /// The geometry of a pooling with this window.
    func poolingGeometry(source: Shape, roundsUp: Bool) throws -> PoolingGeometry {
        PoolingGeometry(
            sourceShape: source, window: try resolved(source: Array(source.dropFirst(2))), roundsUp: roundsUp)
    }

    /// A square window.
    package init(size: Int, stride: Int? = nil, padding: Int = 0, rank: Int = 2) {
        self.init(
            extents: [Int](repeating: size, count: rank), strides: [Int](repeating: stride ?? size, count: rank),
            pads: padding == 0 ? nil : [Int](repeating: padding, count: 2 * rank))
    }
}

extension GraphBuilder {
    package func maxPool(_ x: ValueName, size: Int, stride: Int? = nil, padding: Int = 0, name: String? = nil) throws
        -> ValueName
    {
        try add(MaxPool(window: Window(size: size, stride: stride, padding: padding)), inputs: [x], name: name)[0]
    }
}
