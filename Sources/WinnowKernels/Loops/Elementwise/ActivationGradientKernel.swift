import CWinnowKernels
internal import CWinnowKernels

/// The gradient of an activation from (gradient, x) in float32: one pass where the graph would need several.
package struct ActivationGradientKernel: Sendable {
    package enum Function: Hashable, Sendable {
        /// Passes where low ≤ x ≤ high.
        case clip(low: Float, high: Float)
        case leakyRelu(alpha: Float)
        case elu(alpha: Float)
        case hardSigmoid(alpha: Float, beta: Float)
        case hardSwish
        case swish(alpha: Float)
        case gelu(usesTanh: Bool)
    }

    private typealias Loop = @Sendable (UnsafeRawPointer, UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void
    private let loop: Loop

    // Each loop is written out: handed on as a closure, the function would be called for every element.
    package init(_ function: Function) {
        switch function {
        case .clip(let low, let high):
            loop = { Self.zip($0, $1, $2, $3) { g, x in x >= low && x <= high ? g : 0 } }
        case .leakyRelu(let alpha):
            loop = { Self.zip($0, $1, $2, $3) { g, x in x < 0 ? alpha * g : g } }
        case .elu(let alpha):
            loop = { Self.zip($0, $1, $2, $3) { g, x in x < 0 ? g * (alpha * winnow_exponential(x)) : g } }
        case .hardSigmoid(let alpha, let beta):
            loop = {
                Self.zip($0, $1, $2, $3) { g, x in
                    let y = alpha * x + beta
                    return y > 0 && y < 1 ? alpha * g : 0
                }
            }
        case .hardSwish:
            loop = { Self.zip($0, $1, $2, $3) { g, x in x <= -3 ? 0 : x >= 3 ? g : g * (x * (1 / 3) + 0.5) } }
        case .swish(let alpha): loop = { winnow_swish_gradient(Self.floats($0), Self.floats($1), Self.floats($2), $3, alpha) }
        case .gelu(usesTanh: false): loop = { winnow_gelu_gradient(Self.floats($0), Self.floats($1), Self.floats($2), $3) }
        case .gelu(usesTanh: true): loop = { winnow_gelu_tanh_gradient(Self.floats($0), Self.floats($1), Self.floats($2), $3) }
        }
    }

    private static func floats(_ bytes: UnsafeRawPointer) -> UnsafePointer<Float> { bytes.assumingMemoryBound(to: Float.self) }

    private static func floats(_ bytes: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
        bytes.assumingMemoryBound(to: Float.self)
    }

    @inline(__always)
    private static func zip(
        _ gradient: UnsafeRawPointer, _ x: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int,
        _ function: (Float, Float) -> Float
    ) {
        zipElements(Float.self, Float.self, BinaryRow(a: gradient, b: x, target: target, count: count), function)
    }

    /// `target` may be the memory of an operand.
    package func run(
        _ gradient: UnsafeRawPointer, _ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int
    ) {
        forChunks(count) { start, count in
            loop(gradient + 4 * start, source + 4 * start, target + 4 * start, count)
        }
    }
}
