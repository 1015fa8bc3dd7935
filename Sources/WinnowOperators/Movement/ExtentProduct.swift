import WinnowGraph
import WinnowTensor

/// A number of elements as a product of numbers and symbols; as one extent it is written `512*N`.
struct ExtentProduct {
    private var number = 1
    private var symbols: [String] = []
    private var hasUnknown = false

    init(_ extents: some Sequence<Extent>) {
        for extent in extents {
            switch extent {
            case .fixed(let value): multiply(by: value)
            case .symbol(let name): multiply(by: name)
            case .unknown: hasUnknown = true
            }
        }
    }

    private mutating func multiply(by value: Int) {
        let (product, overflows) = number.multipliedReportingOverflow(by: value)
        if overflows { hasUnknown = true } else { number = product }
    }

    private mutating func multiply(by name: String) {
        let factors = name.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
        guard factors.count > 1, factors.allSatisfy(Self.isFactor) else { return symbols.append(name) }
        for factor in factors {
            if let value = Int(factor) { multiply(by: value) } else { symbols.append(factor) }
        }
    }

    /// Whether a name may stand in a product: sums and differences may not.
    private static func isFactor(_ name: String) -> Bool {
        Extent.symbol(name).isNameless || !name.isEmpty && name.allSatisfy { $0.isLetter || $0.isNumber || "_.:/".contains($0) }
    }

    /// The one extent that `divisor` must be multiplied by to give this product; unknown where there is none for certain.
    func divided(by divisor: ExtentProduct) throws -> Extent {
        guard !hasUnknown, !divisor.hasUnknown else { return .unknown }
        var rest = symbols
        for symbol in divisor.symbols {
            guard let index = rest.firstIndex(of: symbol) else { return .unknown }
            rest.remove(at: index)
        }
        guard divisor.number >= 0 else { throw WinnowError(.shape, "shape", "has a negative extent") }
        if divisor.number == 0 { return number == 0 ? .fixed(0) : .unknown }
        guard number % divisor.number == 0 else {
            guard rest.isEmpty else { return .unknown }
            throw WinnowError(.shape, "shape", "\(number) elements do not divide by \(divisor.number)")
        }
        return Self.extent(number / divisor.number, rest.sorted())
    }

    private static func extent(_ number: Int, _ symbols: [String]) -> Extent {
        if symbols.isEmpty || number == 0 { return .fixed(number) }
        if number == 1, symbols.count == 1 { return .symbol(symbols[0]) }
        guard number > 0, symbols.allSatisfy(isFactor) else { return .unknown }
        return .symbol(((number == 1 ? [] : ["\(number)"]) + symbols).joined(separator: "*"))
    }

    /// The product as one extent.
    var extent: Extent { (try? divided(by: ExtentProduct([]))) ?? .unknown }
}
