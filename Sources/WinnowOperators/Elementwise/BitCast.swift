package import WinnowGraph
package import WinnowTensor

/// The same bits as elements of another type of the same width.
package struct BitCast: Operator {
    package static let type = OperatorType("BitCast")
    package static let maximumInputCount = 1
    package static var typeAttributes: Set<String> { ["to"] }

    package var target: ElementType

    package init(to target: ElementType) { self.target = target }

    package init(attributes: Attributes, version: Int) throws {
        guard let code = try attributes.int("to"), let target = ElementType(rawValue: code) else {
            throw WinnowError(.model, "to", "names no element type that is known")
        }
        self.init(to: target)
    }

    package var attributes: Attributes { ["to": .int(target.rawValue)] }
    package var minimumVersion: Int { 26 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard data.elementType.bitWidth == target.bitWidth else {
            throw WinnowError(.model, "to", "is \(target), of another width than \(data.elementType)")
        }
        return [ValueInfo(target, data.extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let byteCount = try request.input(0).byteCount
        return Kernel { $0.output(0).copyMemory(from: $0.input(0), byteCount: byteCount) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .elementByElement(inputs) }

    /// Bits have no slope.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { [nil] }
}
