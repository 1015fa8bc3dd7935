internal import Foundation
import WinnowTensor

/// Reductions in which elements, lanes, totals and results all have one type.
protocol PlainReduction: ReductionStep where Part == Element, Total == Element, Result == Element {
    static func term(_ x: Element) -> Element
    static func combine(_ x: Element, _ y: Element) -> Element
}

extension PlainReduction {
    @inline(__always) static var total: Element { start }
    @inline(__always) static func step(_ part: Element, _ element: Element) -> Element { combine(part, term(element)) }
    @inline(__always) static func fold(_ total: Element, _ part: Element) -> Element { combine(total, part) }
    @inline(__always) static func term(_ x: Element) -> Element { x }
    @inline(__always) static func finish(_ total: Element, _ count: Int) -> Element { total }
}

/// What float64 and the integers share; sums of integers wrap.
protocol ReducibleNumber: BitwiseCopyable, Sendable, SendableMetatype, Comparable {
    static var smallest: Self { get }
    static var largest: Self { get }
    static var nothing: Self { get }
    static var unit: Self { get }
    static func sum(_ x: Self, _ y: Self) -> Self
    static func product(_ x: Self, _ y: Self) -> Self
    static func magnitude(_ x: Self) -> Self
    static func mean(_ total: Self, _ count: Int) -> Self
    static func root(_ x: Self) -> Self
}

extension Double: ReducibleNumber {
    static var smallest: Double { -.infinity }
    static var largest: Double { .infinity }
    static var nothing: Double { 0 }
    static var unit: Double { 1 }
    static func sum(_ x: Double, _ y: Double) -> Double { x + y }
    static func product(_ x: Double, _ y: Double) -> Double { x * y }
    static func magnitude(_ x: Double) -> Double { x.magnitude }
    static func mean(_ total: Double, _ count: Int) -> Double { total / Double(count) }
    static func root(_ x: Double) -> Double { x.squareRoot() }
}

extension ReducibleNumber where Self: FixedWidthInteger {
    static var smallest: Self { .min }
    static var largest: Self { .max }
    static var nothing: Self { 0 }
    static var unit: Self { 1 }
    static func sum(_ x: Self, _ y: Self) -> Self { x &+ y }
    static func product(_ x: Self, _ y: Self) -> Self { x &* y }
    static func magnitude(_ x: Self) -> Self { Self(truncatingIfNeeded: x.magnitude) }
    /// Cut to a whole number.
    static func mean(_ total: Self, _ count: Int) -> Self { count == 0 ? 0 : total / Self(clamping: count) }
    /// Cut to a whole number.
    static func root(_ x: Self) -> Self { x < 0 ? 0 : Self(Double(x).squareRoot()) }
}

extension Int8: ReducibleNumber {}
extension UInt8: ReducibleNumber {}
extension Int32: ReducibleNumber {}
extension UInt32: ReducibleNumber {}
extension Int64: ReducibleNumber {}
extension UInt64: ReducibleNumber {}

private enum PlainSum<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .nothing }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { .sum(x, y) }
}

private enum PlainMean<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .nothing }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { .sum(x, y) }
    static func finish(_ total: Element, _ count: Int) -> Element { .mean(total, count) }
}

private enum PlainSumOfMagnitudes<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .nothing }
    @inline(__always) static func term(_ x: Element) -> Element { .magnitude(x) }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { .sum(x, y) }
}

private enum PlainSumOfSquares<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .nothing }
    @inline(__always) static func term(_ x: Element) -> Element { .product(x, x) }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { .sum(x, y) }
}

private enum PlainNorm<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .nothing }
    @inline(__always) static func term(_ x: Element) -> Element { .product(x, x) }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { .sum(x, y) }
    static func finish(_ total: Element, _ count: Int) -> Element { .root(total) }
}

private enum PlainProduct<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .unit }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { .product(x, y) }
}

/// NaN wins.
private enum PlainMaximum<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .smallest }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { y > x || y != y ? y : x }
}

private enum PlainMinimum<Element: ReducibleNumber>: PlainReduction {
    @inline(__always) static var start: Element { .largest }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { y < x || y != y ? y : x }
}

private enum PlainLogSum: PlainReduction {
    @inline(__always) static var start: Double { 0 }
    @inline(__always) static func combine(_ x: Double, _ y: Double) -> Double { x + y }
    static func finish(_ total: Double, _ count: Int) -> Double { log(total) }
}

private enum CutLogSum<Element: ReducibleNumber & FixedWidthInteger>: PlainReduction {
    @inline(__always) static var start: Element { 0 }
    @inline(__always) static func combine(_ x: Element, _ y: Element) -> Element { .sum(x, y) }
    static func finish(_ total: Element, _ count: Int) -> Element { Element(saturating: log(Double(total))) }
}

extension ReductionKernel {
    static func doubleLoop(_ function: ReductionFunction) -> Loop? {
        switch function {
        case .logSum: { $0.run(PlainLogSum.self, $1, $2) }
        case .logSumExp: { $0.logSumExp($1, $2, read: { (x: Double) in x }, write: { $0 }) }
        default: exactLoop(function, Double.self)
        }
    }

    /// Logarithms are cut to whole numbers.
    static func integerLoop<T: ReducibleNumber & FixedWidthInteger>(_ function: ReductionFunction, _ type: T.Type) -> Loop? {
        switch function {
        case .logSum: { $0.run(CutLogSum<T>.self, $1, $2) }
        case .logSumExp: { $0.logSumExp($1, $2, read: { (x: T) in Double(x) }, write: { T(saturating: $0) }) }
        default: exactLoop(function, type)
        }
    }

    static func exactLoop<T: ReducibleNumber>(_ function: ReductionFunction, _ type: T.Type) -> Loop? {
        switch function {
        case .sum: { $0.run(PlainSum<T>.self, $1, $2) }
        case .mean: { $0.run(PlainMean<T>.self, $1, $2) }
        case .product: { $0.run(PlainProduct<T>.self, $1, $2) }
        case .sumOfMagnitudes: { $0.run(PlainSumOfMagnitudes<T>.self, $1, $2) }
        case .sumOfSquares: { $0.run(PlainSumOfSquares<T>.self, $1, $2) }
        case .euclideanNorm: { $0.run(PlainNorm<T>.self, $1, $2) }
        default: extremeLoop(function, type)
        }
    }

    static func extremeLoop<T: ReducibleNumber>(_ function: ReductionFunction, _ type: T.Type) -> Loop? {
        switch function {
        case .maximum: { $0.run(PlainMaximum<T>.self, $1, $2) }
        case .minimum: { $0.run(PlainMinimum<T>.self, $1, $2) }
        default: nil
        }
    }
}
