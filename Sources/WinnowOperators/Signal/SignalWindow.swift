import Foundation
package import WinnowGraph
package import WinnowTensor

/// A window over `size` samples (input 0): (c₀ − c₁·cos(2πn/N) + c₂·cos(4πn/N)) ÷ d.
package protocol SignalWindow: Decomposition {
    /// Whole numbers: they add up to exactly 0 and d where the window is 0 and 1.
    static var coefficients: [Double] { get }
    static var divisor: Double { get }
    var shape: SignalWindowShape { get }
    init(_ shape: SignalWindowShape)
}

/// The element type of a window, and whether N is the size (periodic) or one less (symmetric).
package struct SignalWindowShape: Sendable, Hashable {
    package var target: ElementType
    package var isPeriodic: Bool

    package init(target: ElementType = .float32, isPeriodic: Bool = true) {
        self.target = target
        self.isPeriodic = isPeriodic
    }
}

extension SignalWindow {
    package static var typeAttributes: Set<String> { ["output_datatype"] }

    package init(attributes: Attributes, version: Int) throws {
        guard let target = ElementType(rawValue: try attributes.int("output_datatype", default: 1)) else {
            throw WinnowError(.model, "output_datatype", "names no element type that is known")
        }
        self.init(SignalWindowShape(target: target, isPeriodic: try attributes.flag("periodic", default: true)))
    }

    package var attributes: Attributes {
        ["output_datatype": .int(shape.target.rawValue), "periodic": .int(shape.isPeriodic ? 1 : 0)]
    }

    package var minimumVersion: Int { 17 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(shape.target, [.unknown])] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        guard let size = try b.knownIntegers(of: inputs.required(0)).first, size >= 0 else {
            throw WinnowError(.model, "size", "is missing or negative")
        }
        let period = Double(max(shape.isPeriodic ? size : size - 1, 1))
        let window = try b.table("window", [size], as: shape.target) { n in
            let angle = 2 * Double.pi * Double(n) / period
            let (first, second) = (Self.coefficients[1] * cos(angle), Self.coefficients[2] * cos(2 * angle))
            return (Self.coefficients[0] - first + second) / Self.divisor
        }
        return [try b.add(Identity(), window)]
    }
}
