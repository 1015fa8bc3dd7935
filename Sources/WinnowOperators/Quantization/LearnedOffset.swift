package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// The zero point of values whose offset β is trained: (scale, β) → round(−β / scale), within the codes, so that β is what the code
/// before the zero point's shift stands for (LSQ+; Bhalgat et al. 2020, equation 2).
package struct LearnedOffset: LearnedEncoding {
    package static let type = OperatorType("LearnedOffset", domain: "winnow")

    package var codeType: ElementType

    package init(_ codeType: ElementType) { self.codeType = codeType }

    package init(attributes: Attributes, version: Int) throws {
        codeType = ElementType(rawValue: try attributes.int("type", default: ElementType.uint8.rawValue)) ?? .uint8
    }

    package var attributes: Attributes { ["type": .int(codeType.rawValue)] }

    /// round(−β / scale), half to even.
    package func zeroPoint(scale: Float, offset: Float) -> Int {
        let range = codeType.integerRange ?? 0...255
        let code = (-offset / scale).rounded(.toNearestOrEven)
        return code.isNaN ? 0 : Int(min(max(code, Float(range.lowerBound)), Float(range.upperBound)))
    }

    package func learned(by node: Node) -> [ValueName] { node.input(1).map { [$0] } ?? [] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try (inputs.required(0), inputs.required(1))
        return [ValueInfo(codeType, [])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let op = self
        return Kernel { operands in
            let code = op.zeroPoint(scale: operands.input(0, as: Float.self)[0], offset: operands.input(1, as: Float.self)[0])
            if op.codeType.bitWidth > 8 {
                operands.output(0).storeBytes(of: UInt16(truncatingIfNeeded: code), as: UInt16.self)
            } else {
                operands.output(0).storeBytes(of: UInt8(truncatingIfNeeded: code) & UInt8((1 << op.codeType.bitWidth) - 1), as: UInt8.self)
            }
        }
    }

    /// What β is worth is told where values are rounded.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { context.node.inputs.map { _ in nil } }
}
