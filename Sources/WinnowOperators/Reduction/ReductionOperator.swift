package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// What the ten Reduce operators share: which axes, and whether they stay as 1.
package struct ReductionParameters: Sendable, Hashable {
    /// The axes as an attribute; nil where they are an input or all.
    package var axes: [Int]?
    package var keepsAxes = true
    /// Whether no axes means "reduce nothing" rather than "reduce all".
    package var skipsWithoutAxes = false
    /// Whether the axes are input 1, as newer versions have it.
    package var takesAxesInput = false

    package init(axes: [Int]? = nil, keepsAxes: Bool = true) {
        self.axes = axes
        self.keepsAxes = keepsAxes
    }

    init(attributes: Attributes, version: Int, axesInputVersion: Int) throws {
        axes = try attributes.ints("axes")
        keepsAxes = try attributes.flag("keepdims", default: true)
        skipsWithoutAxes = try attributes.flag("noop_with_empty_axes", default: false)
        takesAxesInput = axes == nil && version >= axesInputVersion
    }

    var attributes: Attributes {
        var attributes: Attributes = ["keepdims": .int(keepsAxes ? 1 : 0)]
        if let axes { attributes["axes"] = .ints(axes) }
        if skipsWithoutAxes { attributes["noop_with_empty_axes"] = .int(1) }
        return attributes
    }
}

/// An operator that makes one element of many along some axes.
package protocol ReductionOperator: Operator {
    static var function: ReductionFunction { get }
    /// The operator-set version that made the axes an input.
    static var axesInputVersion: Int { get }
    var parameters: ReductionParameters { get set }
    init(_ parameters: ReductionParameters)
}

extension ReductionOperator {
    package static var axesInputVersion: Int { 18 }

    package init(axes: [Int]? = nil, keepsAxes: Bool = true) { self.init(ReductionParameters(axes: axes, keepsAxes: keepsAxes)) }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            try ReductionParameters(attributes: attributes, version: version, axesInputVersion: Self.axesInputVersion))
    }

    package var attributes: Attributes { parameters.attributes }

    package var minimumVersion: Int {
        parameters.takesAxesInput || parameters.skipsWithoutAxes ? Self.axesInputVersion : 1
    }

    package func minimumVersion(of node: Node) -> Int { node.input(1) == nil ? minimumVersion : Self.axesInputVersion }

    package var maximumVersion: Int { parameters.axes == nil ? .max : Self.axesInputVersion - 1 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        var modern = parameters
        modern.axes = nil
        modern.takesAxesInput = true
        return graph.edit(
            replacing: node, with: Self(modern),
            inputs: [("axes", parameters.axes.map { Tensor($0.map { Int64($0) }) })])
    }

    /// The reduced axes in rising order; nil where they depend on data.
    func reducedAxes(_ inputs: [ValueInfo?], rank: Int) throws -> [Int]? {
        var axes = parameters.axes
        if axes == nil, inputs.optional(1) != nil {
            guard let constant = inputs.integers(1) else { return nil }
            axes = constant
        }
        if let axes, !axes.isEmpty { return Array(Set(try axes.map { try $0.normalizedAxis(rank: rank) })).sorted() }
        return parameters.skipsWithoutAxes ? [] : Array(0..<rank)
    }

    /// Of sums of probabilities over other axes than theirs.
    func probabilitiesOfRest(of node: Node, in graph: GraphIndex) -> Probabilities? {
        let inputs = node.inputs.map { graph.info(of: $0) }
        guard let own = graph.probabilities(of: node.input(0)), !own.areLogarithms, let rank = inputs.optional(0)?.rank,
            let axes = try? reducedAxes(inputs, rank: rank), axes.allSatisfy({ !own.axes.contains($0) })
        else { return nil }
        let shift = parameters.keepsAxes ? 0 : axes.count { $0 < own.axes.lowerBound }
        return Probabilities(nil, along: (own.axes.lowerBound - shift)..<(own.axes.upperBound - shift))
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        guard let axes = try reducedAxes(inputs, rank: extents.count) else {
            return [ValueInfo(data.elementType, parameters.keepsAxes ? extents.map { _ in .unknown } : nil)]
        }
        let kept = extents.indices.compactMap { axis -> Extent? in
            axes.contains(axis) ? (parameters.keepsAxes ? 1 : nil) : extents[axis]
        }
        var info = ValueInfo(data.elementType, kept)
        if Self.function == .product, axes == [0], let elements = data.symbolicElements { info.hold([ExtentProduct(elements).extent]) }
        return try evaluatingConstants([info], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { parameters.keepsAxes ? .shared : .rowMajor }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let inputs = request.inputs.map { $0.map(ValueInfo.init(operand:)) }
        guard let axes = try reducedAxes(inputs, rank: data.shape.rank) else {
            throw WinnowError(.unsupported, request.nodeName, "its axes depend on data")
        }
        let reduction = try ReductionKernel(Self.function, data.elementType, data.shape, axes: axes, layout: data.layout)
        return Kernel { reduction.run(from: $0.input(0), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count,
            let axes = try? reducedAxes(inputs, rank: rank)
        else { return .opaque }
        let output = (0..<rank).compactMap { axis -> AxisTerm? in
            axes.contains(axis) ? (parameters.keepsAxes ? .one : nil) : .label(letters[axis])
        }
        let isKnown = Self.function.ignoresZeros || Self.function == .mean || Self.function == .maximum
        let data = (0..<rank).map { !isKnown && axes.contains($0) ? AxisTerm.opaque : .label(letters[$0]) }
        var map = AxisMap(inputs: [data] + inputs.dropFirst().map { $0 == nil ? [] : [.opaque] }, outputs: [output])
        if Self.function == .mean { map.population = Set(axes.map { letters[$0] }) }
        if Self.function == .maximum { map.largest = Set(axes.map { letters[$0] }) }
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        guard zeros.are(at: 0) else { return .number }
        switch Self.function {
        case .sum, .mean, .maximum, .minimum, .product, .sumOfMagnitudes, .euclideanNorm, .sumOfSquares: return .zero
        case .logSumExp: return .number
        case .logSum: return .undefined
        }
    }
}

extension ReductionOperator {
    /// The gradient spread over the input: each element's share is what `share` makes of the values that arrive with the
    /// reduced axes kept as 1.
    func spread(
        _ context: GradientContext, _ share: (_ gradient: ValueName, _ result: ValueName) throws -> ValueName
    ) throws -> [ValueName?] {
        let gradient = try keptAxes(context, context.outputGradient())
        let result = try keptAxes(context, context.output(0))
        let shape = try context.builder.add(ShapeOf(), context.input(0))
        let value = try context.builder.add(Expand(), share(gradient, result), shape)
        return [value] + context.node.inputs.dropFirst().map { _ in nil }
    }

    /// A value of the result's shape with the reduced axes back as 1.
    private func keptAxes(_ context: GradientContext, _ value: ValueName) throws -> ValueName {
        if parameters.keepsAxes { return value }
        let inputs = context.node.inputs.map { $0.isEmpty ? nil : context.info(of: $0) }
        guard let rank = try inputs.required(0).rank, let axes = try reducedAxes(inputs, rank: rank) else {
            throw WinnowError(.unsupported, "node \(context.node.name)", "its axes are not known")
        }
        if axes.isEmpty { return value }
        let list = context.builder.constant("\(context.node.name).axes", Tensor(axes.map { Int64($0) }))
        return try context.builder.add(Unsqueeze(), value, list)
    }

    /// The number of elements behind each result, as a float scalar.
    func reducedCount(_ context: GradientContext) throws -> ValueName {
        let total = try context.builder.add(SizeOf(), context.input(0))
        let results = try context.builder.add(SizeOf(), context.output(0))
        let type = context.info(of: try context.input(0))?.elementType ?? .float32
        return try context.builder.add(Cast(to: type), context.builder.add(Div(), total, results))
    }
}

extension ReductionOperator {
    /// The first gradient changed by `factor`.
    func scaled(_ gradients: [ValueName?], _ factor: (ValueName) throws -> ValueName) throws -> [ValueName?] {
        guard let first = gradients.first ?? nil else { return gradients }
        return [try factor(first)] + gradients.dropFirst()
    }

    /// The gradient divided evenly among the elements equal to the result.
    func sharedAmongEqual(_ context: GradientContext) throws -> [ValueName?] {
        let builder = context.builder
        let type = context.info(of: try context.input(0))?.elementType ?? .float32
        let result = try spread(context) { _, result in result }[0]
        let isEqual = try builder.add(Cast(to: type), builder.add(Equal(), context.input(0), result))
        let axesInput = context.node.inputs.dropFirst().map { $0.isEmpty ? nil : $0 }
        let count = try builder.add(ReduceSum(parameters), inputs: [isEqual] + axesInput)[0]
        let kept = try spread(context) { gradient, _ in
            try builder.add(Div(), gradient, countWithKeptAxes(count, context))
        }
        return try scaled(kept) { try builder.add(Mul(), $0, isEqual) }
    }

    private func countWithKeptAxes(_ count: ValueName, _ context: GradientContext) throws -> ValueName {
        try keptAxes(context, count)
    }
}

extension ReductionFunction {
    /// Whether elements of 0 may as well be left out.
    fileprivate var ignoresZeros: Bool {
        switch self {
        case .sum, .sumOfMagnitudes, .euclideanNorm, .sumOfSquares, .logSum: true
        case .mean, .maximum, .minimum, .product, .logSumExp: false
        }
    }
}
