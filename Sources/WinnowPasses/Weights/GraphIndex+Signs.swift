import WinnowGraph
import WinnowOperators
import WinnowTensor

extension GraphIndex {
    /// Whether no number of a value is below 0: something limits it to those above, or it is put together of such values.
    func isNeverNegative(_ value: ValueName?) -> Bool {
        guard let value else { return false }
        var known = [[ValueName: Bool]](repeating: [:], count: Self.largestDepth + 1)
        return isNeverNegative(value, depth: 0, &known)
    }

    /// Values farther back are not looked at.
    private static let largestDepth = 12

    /// - Parameter known: by depth, what was found out already.
    private func isNeverNegative(_ value: ValueName, depth: Int, _ known: inout [[ValueName: Bool]]) -> Bool {
        if let answer = known[depth][value] { return answer }
        let answer = isComposedOfNonNegatives(value, depth: depth, &known)
        known[depth][value] = answer
        return answer
    }

    private func isComposedOfNonNegatives(_ value: ValueName, depth: Int, _ known: inout [[ValueName: Bool]]) -> Bool {
        if let tensor = constant(value) { return tensor.elementCount <= 1 << 12 && tensor.doubles().allSatisfy { $0 >= 0 } }
        guard depth < Self.largestDepth, let node = producer(of: value), node.output(0) == value else { return false }
        if case .between(let range)? = node.op.passing(of: node, in: self), range.lowerBound >= 0 { return true }
        if liesInUnitInterval(value) { return true }
        guard node.op.quantization == .keepsScale || node.op is Mul || node.op is Add || node.op is Concat else { return false }
        return node.inputs.allSatisfy {
            $0.isEmpty || info(of: $0)?.elementType.isFloatingPoint == false || isNeverNegative($0, depth: depth + 1, &known)
        }
    }
}
