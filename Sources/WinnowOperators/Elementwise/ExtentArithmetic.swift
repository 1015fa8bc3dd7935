import WinnowGraph
import WinnowKernels
import WinnowTensor

extension BinaryFunction {
    /// The elements of an integer list computed from two, of which extents are known only by name.
    func applied(to a: ValueInfo, _ b: ValueInfo) -> [Extent]? {
        guard resultType(of: a.elementType).isInteger || self == .equal else { return nil }
        return ValueInfo.combined(a, b) { applied(to: $0, $1) }
    }

    /// What is known of one element. Names stand for extents, so none is negative.
    private func applied(to a: Extent, _ b: Extent) -> Extent {
        if let x = a.value, let y = b.value { return applied(to: x, y).map { .fixed($0) } ?? .unknown }
        let isSame = a == b && a != .unknown
        switch self {
        case .add: return a == 0 ? b : b == 0 ? a : .unknown
        case .subtract: return b == 0 ? a : isSame ? 0 : .unknown
        case .multiply: return a == 0 || b == 0 ? 0 : ExtentProduct([a, b]).extent
        case .divide: return (try? ExtentProduct([a]).divided(by: ExtentProduct([b]))) ?? .unknown
        case .maximum, .minimum: return isSame ? a : .unknown
        case .equal: return isSame ? 1 : a != .unknown && b != .unknown && min(a.value ?? 0, b.value ?? 0) < 0 ? 0 : .unknown
        default: return .unknown
        }
    }

    private func applied(to x: Int, _ y: Int) -> Int? {
        let (result, overflows): (Int, Bool)
        switch self {
        case .add: (result, overflows) = x.addingReportingOverflow(y)
        case .subtract: (result, overflows) = x.subtractingReportingOverflow(y)
        case .multiply: (result, overflows) = x.multipliedReportingOverflow(by: y)
        case .divide: (result, overflows) = x.dividedReportingOverflow(by: y)
        case .maximum: (result, overflows) = (max(x, y), false)
        case .minimum: (result, overflows) = (min(x, y), false)
        case .equal: (result, overflows) = (x == y ? 1 : 0, false)
        default: return nil
        }
        return overflows ? nil : result
    }
}

extension ValueInfo {
    /// Two integer lists or scalars, of which one at least is known by names, combined element by element.
    static func combined<Result>(_ a: ValueInfo, _ b: ValueInfo, _ combine: (Extent, Extent) -> Result) -> [Result]? {
        guard a.symbolicElements != nil || b.symbolicElements != nil, let x = a.countedExtents, let y = b.countedExtents,
            !x.isEmpty, !y.isEmpty, x.count == y.count || x.count == 1 || y.count == 1
        else { return nil }
        return (0..<Swift.max(x.count, y.count)).map { combine(x[x.count == 1 ? 0 : $0], y[y.count == 1 ? 0 : $0]) }
    }

    /// Takes elements over: as constants where all are numbers.
    mutating func hold(_ elements: [Extent]) {
        let values = elements.compactMap(\.value)
        guard let shape, shape.rank <= 1, shape.elementCount == elements.count else { return }
        if values.count == elements.count {
            constant = Tensor(values.map(Double.init), shape: shape, as: elementType)
        } else if elementType.isInteger {
            symbolicElements = elements
        }
    }
}
