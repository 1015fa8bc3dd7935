import WinnowGraph
import WinnowTensor

/// A number of elements as a product of numbers and symbols.
struct ExtentProduct {
    private var number = 1
    private var symbols: [String] = []
    private var hasUnknown = false

    init(_ extents: some Sequence<Extent>) {
        for extent in extents {
            switch extent {
            case .fixed(let value):
                let (product, overflows) = number.multipliedReportingOverflow(by: value)
                if overflows { hasUnknown = true } else { number = product }
            case .symbol(let name): symbols.append(name)
            case .unknown: hasUnknown = true
            }
        }
    }

    /// The one extent that `divisor` must be multiplied by to give this product; unknown where it is not one number or symbol.
    func divided(by divisor: ExtentProduct) throws -> Extent {
        guard !hasUnknown, !divisor.hasUnknown else { return .unknown }
        var rest = symbols
        for symbol in divisor.symbols {
            guard let index = rest.firstIndex(of: symbol) else { return .unknown }
            rest.remove(at: index)
        }
        guard rest.isEmpty else {
            return rest.count == 1 && number == divisor.number ? .symbol(rest[0]) : .unknown
        }
        guard divisor.number >= 0 else { throw WinnowError(.shape, "shape", "has a negative extent") }
        if divisor.number == 0 { return number == 0 ? .fixed(0) : .unknown }
        guard number % divisor.number == 0 else {
            throw WinnowError(.shape, "shape", "\(number) elements do not divide by \(divisor.number)")
        }
        return .fixed(number / divisor.number)
    }

    /// The product as one extent.
    var extent: Extent { (try? divided(by: ExtentProduct([]))) ?? .unknown }
}
