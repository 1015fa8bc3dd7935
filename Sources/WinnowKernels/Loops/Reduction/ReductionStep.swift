internal import WinnowTensor

/// The arithmetic of a reduction: elements go into partial results in lanes, those into totals, those into results.
protocol ReductionStep {
    associatedtype Element: BitwiseCopyable
    associatedtype Part: BitwiseCopyable
    associatedtype Total: BitwiseCopyable
    associatedtype Result: BitwiseCopyable
    static var start: Part { get }
    static var total: Total { get }
    static func step(_ part: Part, _ element: Element) -> Part
    static func fold(_ total: Total, _ part: Part) -> Total
    static func finish(_ total: Total, _ count: Int) -> Result
}

/// How a float of 16 or 32 bits lies in memory; arithmetic happens in float32.
protocol FloatStorage {
    associatedtype Stored: BitwiseCopyable
    static func read(_ stored: Stored) -> Float
    static func write(_ value: Float) -> Stored
}

enum SingleStorage: FloatStorage {
    @inline(__always) static func read(_ stored: Float) -> Float { stored }
    @inline(__always) static func write(_ value: Float) -> Float { value }
}

enum HalfStorage: FloatStorage {
    @inline(__always) static func read(_ stored: UInt16) -> Float { HalfFloat.decode(stored) }
    @inline(__always) static func write(_ value: Float) -> UInt16 { HalfFloat.encode(value) }
}

enum BrainStorage: FloatStorage {
    @inline(__always) static func read(_ stored: UInt16) -> Float { Float(bitPattern: UInt32(stored) &<< 16) }
    @inline(__always) static func write(_ value: Float) -> UInt16 { BFloat16(value).bitPattern }
}
