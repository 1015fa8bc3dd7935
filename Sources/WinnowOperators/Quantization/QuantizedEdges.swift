import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// What integer convolutions and matrix products share: the encodings of what comes in and goes out, and fused steps.
///
/// Inputs: source codes, filter codes (constant), filter scales (constant), filter zero points (constant, optional),
/// bias (float32 constant, optional), residual (codes or float32, optional); scale and zero point of a dynamic source.
package struct QuantizedEdges: Sendable, Hashable {
    package var source: IntegerSource
    /// nil: the residual is float32.
    package var residual: AffineEncoding?
    /// nil: the result is float32.
    package var target: AffineEncoding?
    package var activation: Activation?

    package init(
        source: IntegerSource, residual: AffineEncoding? = nil, target: AffineEncoding? = nil,
        activation: Activation? = nil
    ) {
        self.source = source
        self.residual = residual
        self.target = target
        self.activation = activation
    }

    init(attributes: Attributes) throws {
        guard let source = try AffineEncoding("source", in: attributes) else {
            throw WinnowError(.model, "source_type", "is missing")
        }
        self.init(
            source: attributes["source_scale"] == nil ? .dynamic(source.elementType) : .constant(source),
            residual: try AffineEncoding("residual", in: attributes),
            target: try AffineEncoding("target", in: attributes), activation: try Activation(attributes: attributes))
    }

    func add(to attributes: inout Attributes) {
        var encodings = [("residual", residual), ("target", target)]
        switch source {
        case .constant(let encoding): encodings.append(("source", encoding))
        case .dynamic(let elementType): attributes["source_type"] = .int(elementType.rawValue)
        }
        for (prefix, encoding) in encodings {
            for (name, value) in encoding?.attributes(prefix) ?? [:] { attributes[name] = value }
        }
        activation?.add(to: &attributes)
    }

    static var residualInput: Int { 5 }
    static var sourceScaleInput: Int { 6 }

    /// The encoding of a dynamic source in this run.
    func runtimeEncoding(_ operands: Operands) -> AffineEncoding? {
        guard case .dynamic(let type) = source else { return nil }
        let scale = operands.input(Self.sourceScaleInput).load(as: Float.self)
        guard let code = operands.optionalInput(Self.sourceScaleInput + 1) else { return AffineEncoding(type, scale: scale) }
        return AffineEncoding(
            type, scale: scale,
            zeroPoint: type == .int8 ? Int32(code.load(as: Int8.self)) : Int32(code.load(as: UInt8.self)))
    }

    var targetType: ElementType { target?.elementType ?? .float32 }

    private func epilogue(_ request: KernelRequest) -> Epilogue {
        var steps: [Epilogue.Step] = []
        if request.optionalInput(Self.residualInput) != nil {
            steps.append(
                residual.map { .addResidual($0.elementType, scale: $0.scale, zeroPoint: $0.zeroPoint) } ?? .addResidual())
        }
        if let activation { steps.append(activation.step) }
        return Epilogue(steps)
    }

    /// Calls `body` with what a request computes, its filter and bias constant.
    func withContraction<Result>(_ request: KernelRequest, _ body: (IntegerContraction) throws -> Result) throws -> Result {
        guard let codes = try request.input(1).constant, let scales = try request.input(2).constant,
            request.optionalInput(3).map({ $0.constant != nil }) ?? true,
            request.optionalInput(4).map({ $0.constant != nil }) ?? true
        else {
            throw WinnowError(.unsupported, request.nodeName, "its filter, scales or bias are not constant")
        }
        let zeroPoints = request.optionalInput(3)?.constant?.integers().map { Int32(clamping: $0) } ?? [0]
        return try codes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { throw WinnowError(.shape, request.nodeName, "its filter is empty") }
            let filter = IntegerFilter(base, codes.elementType, scales: scales.floats(), zeroPoints: zeroPoints)
            return try body(
                IntegerContraction(
                    source: source, filter: filter,
                    bias: request.optionalInput(4)?.constant?.floats(), target: target.map { .codes($0) } ?? .float32,
                    epilogue: epilogue(request)))
        }
    }
}
