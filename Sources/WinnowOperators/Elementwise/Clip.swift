package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// max(low, min(high, x)); the bounds are inputs 1 and 2, or attributes before operator-set 11.
package struct Clip: ActivationOperator {
    package static let type = OperatorType("Clip")
    package static let maximumInputCount = 3

    package var inputRoles: [Int: OperandRole] { [1: .setting, 2: .setting] }

    /// Bounds as attributes; nil takes them from the inputs.
    package struct Bounds: Hashable, Sendable {
        package var low: Float?
        package var high: Float?

        package init(low: Float? = nil, high: Float? = nil) {
            self.low = low
            self.high = high
        }
    }

    package var bounds: Bounds?

    package init(bounds: Bounds? = nil) { self.bounds = bounds }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            bounds: version >= 11 ? nil : Bounds(low: try attributes.float("min"), high: try attributes.float("max")))
    }

    package var attributes: Attributes {
        var result = Attributes()
        if let low = bounds?.low { result["min"] = .float(low) }
        if let high = bounds?.high { result["max"] = .float(high) }
        return result
    }

    package var minimumVersion: Int { bounds == nil ? 11 : 6 }
    package var maximumVersion: Int { bounds == nil ? .max : 10 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let type = graph.info(of: node.input(0))?.elementType ?? .float32
        func scalar(_ bound: Float?) -> Tensor? { bound.map { Tensor(scalar: $0).converted(to: type) } }
        return graph.edit(
            replacing: node, with: Clip(), inputs: [("min", scalar(bounds?.low)), ("max", scalar(bounds?.high))])
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        return try evaluatingConstants([ValueInfo(data.type)], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let count = data.shape.elementCount
        if let bounds = bounds ?? constantBounds(request.optionalInput(1), request.optionalInput(2)) {
            let loop = try UnaryKernel(bounds.function, data.elementType)
            return Kernel(elements: count, forBlocks: Parallel.forBlocks) { operands, range in
                loop.run(from: operands.input(0), to: operands.output(0), range)
            }
        }
        let lower = try request.optionalInput(1).map { try BinaryKernel(.maximum, data.elementType, data.shape, $0.shape) }
        let upper = try request.optionalInput(2).map { try BinaryKernel(.minimum, data.elementType, data.shape, $0.shape) }
        guard [lower, upper].allSatisfy({ $0?.shape ?? data.shape == data.shape }) else {
            throw WinnowError(.shape, request.nodeName, "its bounds are no single numbers")
        }
        return Kernel { operands in
            var source = operands.input(0)
            if let lower {
                lower.run(source, operands.input(1), to: operands.output(0))
                source = UnsafeRawPointer(operands.output(0))
            }
            upper?.run(source, operands.input(2), to: operands.output(0))
        }
    }

    private func constantBounds(_ low: OperandPlan?, _ high: OperandPlan?) -> Bounds? {
        guard (low == nil) == (low?.constant == nil), (high == nil) == (high?.constant == nil) else { return nil }
        return Bounds(low: low?.constant?.floats(first: 1).first, high: high?.constant?.floats(first: 1).first)
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .elementByElement(inputs) }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        let given = zeros.inputs.dropFirst().compactMap { $0 }
        guard zeros.are(at: 0), given.allSatisfy({ $0.constant != nil }) else { return .number }
        func bound(_ index: Int) -> Float? { zeros.inputs.optional(index)?.constant?.floats(first: 1).first }
        let bounds = bounds ?? Bounds(low: bound(1), high: bound(2))
        return bounds.low ?? 0 <= 0 && bounds.high ?? 0 >= 0 ? .zero : .number
    }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        guard case .clip(let low, let high)? = activation(of: node, in: graph), low <= high else { return nil }
        return .between(Double(low)...Double(high))
    }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? {
        activation(of: node) { graph.info(of: $0) }
    }

    private func activation(of node: Node, _ info: (ValueName) -> ValueInfo?) -> Activation? {
        func bound(_ index: Int) -> Tensor? { node.input(index).flatMap { info($0)?.constant } }
        let (low, high) = (bound(1), bound(2))
        guard (node.input(1) == nil) == (low == nil), (node.input(2) == nil) == (high == nil) else { return nil }
        let bounds = bounds ?? Bounds(low: low?.floats(first: 1).first, high: high?.floats(first: 1).first)
        return .clip(low: bounds.low ?? -.greatestFiniteMagnitude, high: bounds.high ?? .greatestFiniteMagnitude)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let rest = context.node.inputs.dropFirst().map { _ -> ValueName? in nil }
        let (x, g) = (try context.input(0), try context.outputGradient())
        if context.info(of: x)?.elementType == .float32, let activation = activation(of: context.node, context.info) {
            return [try context.gradient(of: activation)] + rest
        }
        let low = bounds == nil ? context.node.input(1) : bounds?.low.map { b.scalar(Double($0), like: x) }
        let high = bounds == nil ? context.node.input(2) : bounds?.high.map { b.scalar(Double($0), like: x) }
        var result = g
        let zero = b.scalar(0, like: x)
        if let low { result = try b.add(Where(), b.add(Less(), x, low), zero, result) }
        if let high { result = try b.add(Where(), b.add(Greater(), x, high), zero, result) }
        return [result] + rest
    }
}

extension Clip.Bounds {
    fileprivate var function: UnaryFunction {
        .clip(low: low.map { Double($0) } ?? -.infinity, high: high.map { Double($0) } ?? .infinity)
    }
}

extension GraphBuilder {
    /// `low` and `high` as constant inputs.
    package func clip(_ x: ValueName, low: Double, high: Double, name: String? = nil) throws -> ValueName {
        try add(Clip(), inputs: [x, scalar(low, like: x), scalar(high, like: x)], name: name)[0]
    }
}
