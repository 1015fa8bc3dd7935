infix operator +| : AdditionPrecedence
infix operator -| : AdditionPrecedence
infix operator *| : MultiplicationPrecedence

/// Arithmetic on sizes, steps and counts that a file gives: what overflows stays at the end of the range, where every check
/// of extents finds it.
extension Int {
    package static func +| (a: Int, b: Int) -> Int {
        let (sum, overflows) = a.addingReportingOverflow(b)
        return overflows ? (b < 0 ? .min : .max) : sum
    }

    package static func -| (a: Int, b: Int) -> Int {
        let (difference, overflows) = a.subtractingReportingOverflow(b)
        return overflows ? (b < 0 ? .max : .min) : difference
    }

    package static func *| (a: Int, b: Int) -> Int {
        let (product, overflows) = a.multipliedReportingOverflow(by: b)
        return overflows ? ((a < 0) == (b < 0) ? .max : .min) : product
    }

    /// Beyond every place in a tensor, and so far from overflow that some sums of such numbers fit.
    private static let beyondPlaces = 1 << 40

    /// The number where it may be a place in a tensor, else one beyond all places in the same direction.
    package var cutToPlaces: Int { Swift.min(Swift.max(self, -Self.beyondPlaces), Self.beyondPlaces) }

    /// The integer part of a place in a tensor that was computed: NaN is 0, what is beyond every index stays so without overflow.
    package init(place: some BinaryFloatingPoint) {
        let place = Double(place)
        self = place.isNaN ? 0 : Int(Swift.min(Swift.max(place, -0x1p40), 0x1p40))
    }
}

extension FixedWidthInteger {
    /// The integer part of a float, saturated to the type's range; NaN becomes 0.
    @inlinable package init(saturating value: Double) {
        // The greatest value as a float may be one above the range.
        if value.isNaN { self = 0 } else if value <= Double(Self.min) { self = .min } else { self = value >= Double(Self.max) ? .max : Self(value) }
    }
}
