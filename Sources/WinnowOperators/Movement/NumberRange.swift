package import WinnowGraph
import WinnowTensor

/// The numbers start, start + delta, … below limit (ONNX's Range).
package struct NumberRange: Operator {
    package static let type = OperatorType("Range")
    package static let maximumInputCount = 3
    package static var typeAttributes: Set<String> { ["stash_type"] }
    package var float32Inputs: Set<Int> { [0, 1, 2] }

    private var hints = RuntimeHints()

    package init() {}
    package init(attributes: Attributes, version: Int) throws { hints = try RuntimeHints(attributes, "stash_type") }

    package var attributes: Attributes { hints.added(to: [:]) }

    package var minimumVersion: Int { 11 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let type = try inputs.required(0).elementType
        let numbers = (0..<3).compactMap { inputs.optional($0)?.constant?.doubles().first }
        guard numbers.count == 3 else {
            let isCount = inputs.integers(0) == [0] && inputs.integers(2) == [1]
            return [ValueInfo(type, [isCount ? inputs.optional(1)?.elementExtents?.first ?? .unknown : .unknown])]
        }
        guard numbers[2] != 0 else { throw WinnowError(.model, "delta", "is 0") }
        let count = max(0, Int(place: ((numbers[1] - numbers[0]) / numbers[2]).rounded(.up)))
        return try evaluatingConstants([ValueInfo(type, [.fixed(count)])], of: inputs)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        guard let start = try request.input(0).constant?.doubles().first,
            let delta = try request.input(2).constant?.doubles().first
        else { throw WinnowError(.unsupported, request.nodeName, "its bounds depend on data") }
        let output = request.outputs[0]
        let values = Tensor(
            (0..<output.shape.elementCount).map { start + Double($0) * delta }, shape: output.shape, as: output.elementType)
        return Constant(values).filling()
    }
}

extension Constant {
    /// A kernel that copies the value out.
    func filling() -> Kernel {
        let value = value
        return Kernel { operands in
            value.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { operands.output(0).copyMemory(from: base, byteCount: bytes.count) }
            }
        }
    }
}
