package import WinnowGraph
import WinnowTensor

extension GraphBuilder {
    package func add(_ a: ValueName, _ b: ValueName, name: String? = nil) throws -> ValueName {
        try add(Add(), inputs: [a, b], name: name)[0]
    }

    package func subtract(_ a: ValueName, _ b: ValueName) throws -> ValueName { try add(Sub(), inputs: [a, b])[0] }
    package func multiply(_ a: ValueName, _ b: ValueName) throws -> ValueName { try add(Mul(), inputs: [a, b])[0] }
    package func divide(_ a: ValueName, _ b: ValueName) throws -> ValueName { try add(Div(), inputs: [a, b])[0] }

    /// A scalar constant of the element type of `value`.
    package func scalar(_ number: Double, like value: ValueName) -> ValueName {
        constant("constant", Tensor([number], shape: [], as: info(of: value)?.elementType ?? .float32))
    }

    package func multiply(_ a: ValueName, by factor: Double) throws -> ValueName {
        factor == 1 ? a : try multiply(a, scalar(factor, like: a))
    }

    package func add(_ a: ValueName, number: Double) throws -> ValueName { try add(a, scalar(number, like: a)) }
    package func negate(_ a: ValueName) throws -> ValueName { try add(Neg(), inputs: [a])[0] }
    package func square(_ a: ValueName) throws -> ValueName { try multiply(a, a) }

    func clipped(_ x: ValueName, _ low: Double, _ high: Double) throws -> ValueName {
        try add(Clip(), x, scalar(low, like: x), scalar(high, like: x))
    }

    /// 1 where two numbers are equal, else 0.
    func isEqual(_ a: ValueName, _ b: ValueName) throws -> ValueName {
        try add(Cast(to: elementType(of: a)), add(Equal(), a, b))
    }
}
