package import WinnowGraph
import WinnowTensor

/// (Σ |x|ᵖ)^(1/p) over all spatial axes.
package struct GlobalLpPool: Decomposition {
    package static let type = OperatorType("GlobalLpPool")
    package static let maximumInputCount = 1

    package var power: Int

    package init(power: Int = 2) { self.power = power }

    package init(attributes: Attributes, version: Int) throws {
        // Operator set 1 has a float here.
        let power = version < 2 ? try attributes.float("p", default: 2) : Float(try attributes.int("p", default: 2))
        guard let power = Int(exactly: power) else { throw WinnowError(.unsupported, "p", "\(power) is no whole number") }
        self.init(power: power)
        guard power > 0 else { throw WinnowError(.model, "p", "is \(power), but must be positive") }
    }

    package var attributes: Attributes { ["p": .int(power)] }
    package var minimumVersion: Int { 2 }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let sum = try b.reduced(ReduceSum.self, b.magnitudes(x, power: power), axes: Array(2..<max(b.rank(of: x), 3)))
        return [try b.root(sum, power: power)]
    }
}
