package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Zeros with probability `ratio`, else 1 / (1 − ratio), from (shape, training step): the same at the same step and seed.
package struct RandomMask: Operator {
    package static let type = OperatorType("RandomMask", domain: "winnow")

    package var ratio: Float
    package var seed: Int

    package init(ratio: Float, seed: Int) {
        self.ratio = ratio
        self.seed = seed
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(ratio: try attributes.float("ratio", default: 0.5), seed: try attributes.int("seed", isSize: false) ?? 0)
    }

    package var attributes: Attributes { ["ratio": .float(ratio), "seed": .int(seed)] }

    /// A seed that only depends on the name (FNV-1a, 32 bits).
    package static func seed(for name: String) -> Int {
        Int(name.utf8.reduce(0x811C_9DC5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 })
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(.float32, try inputs.required(0).elementExtents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        guard try request.input(1).elementType == .int64 else {
            throw WinnowError(.model, request.nodeName, "the training step must be an int64 number")
        }
        let count = request.outputs[0].shape.elementCount
        let threshold = UInt32(saturating: Double(ratio) * 4_294_967_296)
        let kept = 1 / (1 - ratio)
        let seed = UInt64(bitPattern: Int64(seed))
        return Kernel { operands in
            let step = UInt64(bitPattern: operands.input(1, as: Int64.self).pointee)
            let stream = SplitMix.mix(seed &* 0x9E37_79B9_7F4A_7C15 ^ SplitMix.mix(step))
            let mask = operands.output(0, as: Float.self)
            Parallel.forRanges((count + 1) / 2, minimum: 16_384) { pairs in
                for pair in pairs {
                    let bits = SplitMix.mix(stream &+ UInt64(pair) &* 0x9E37_79B9_7F4A_7C15)
                    mask[2 * pair] = UInt32(truncatingIfNeeded: bits) < threshold ? 0 : kept
                    if 2 * pair + 1 < count { mask[2 * pair + 1] = UInt32(bits >> 32) < threshold ? 0 : kept }
                }
            }
        }
    }
}
