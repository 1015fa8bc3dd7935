import CWinnowKernels
/// A matrix for each head that every step decays, corrects and adds to, read by queries (float32).
///
/// S ← e^g · S;  v′ ← β · (v − Sᵀk);  S ← S + k ⊗ v′;  y ← scale · Sᵀq
package struct LinearAttentionKernel: Sendable {
    /// Rows of (N, steps, heads · size).
    package struct Extents: Sendable {
        package var batch: Int
        package var steps: Int
        package var queryHeads: Int
        package var keyHeads: Int
        package var keySize: Int
        package var valueSize: Int

        package init(batch: Int, steps: Int, queryHeads: Int, keyHeads: Int, keySize: Int, valueSize: Int) {
            self.batch = batch
            self.steps = steps
            self.queryHeads = queryHeads
            self.keyHeads = keyHeads
            self.keySize = keySize
            self.valueSize = valueSize
        }
    }

    /// Operands; decay and β may be missing, and have one number a head, a key element, or (β) a step.
    package struct Operands {
        package var query: UnsafePointer<Float>
        package var key: UnsafePointer<Float>
        package var value: UnsafePointer<Float>
        package var decay: UnsafePointer<Float>?
        package var beta: UnsafePointer<Float>?
        package var output: UnsafeMutablePointer<Float>

        package init(
            query: UnsafePointer<Float>, key: UnsafePointer<Float>, value: UnsafePointer<Float>, decay: UnsafePointer<Float>?,
            beta: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>
        ) {
            (self.query, self.key, self.value, self.decay, self.beta) = (query, key, value, decay, beta)
            self.output = output
        }
    }

    private let extents: Extents
    private let scale: Float
    private let decaysElements: Bool
    private let sharesBeta: Bool

    /// `decaysElements`: decay has a number a key element; `sharesBeta`: β has one for all heads.
    package init(_ extents: Extents, scale: Float, decaysElements: Bool, sharesBeta: Bool) {
        self.extents = extents
        self.scale = scale
        self.decaysElements = decaysElements
        self.sharesBeta = sharesBeta
    }

    /// Bytes of scratch memory that `run` needs.
    package var scratchByteCount: Int { extents.batch * extents.keyHeads * extents.valueSize * 4 }

    /// `state` is (N, key heads, key size, value size), with the state before in it.
    package func run(_ operands: Operands, state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>) {
        let (count, stateCount) = (extents.valueSize, extents.keySize * extents.valueSize)
        Parallel.forEach(extents.batch * extents.keyHeads) { index in
            let (sample, head) = index.quotientAndRemainder(dividingBy: extents.keyHeads)
            for step in 0..<extents.steps {
                advance(operands, row: sample * extents.steps + step, head, state + index * stateCount, scratch + index * count)
            }
        }
    }

    private func advance(
        _ operands: Operands, row: Int, _ head: Int, _ state: UnsafeMutablePointer<Float>, _ written: UnsafeMutablePointer<Float>
    ) {
        let (heads, size, width) = (extents.keyHeads, extents.keySize, extents.valueSize)
        let key = operands.key + (row * heads + head) * size
        if let decay = operands.decay {
            for i in 0..<size {
                let factor = winnow_exponential(decaysElements ? decay[(row * heads + head) * size + i] : decay[row * heads + head])
                for m in 0..<width { state[i * width + m] *= factor }
            }
        }
        written.update(from: operands.value + (row * heads + head) * width, count: width)
        if let beta = operands.beta {
            let rate = sharesBeta ? beta[row] : beta[row * heads + head]
            for i in 0..<size { for m in 0..<width { written[m] -= state[i * width + m] * key[i] } }
            for m in 0..<width { written[m] *= rate }
        }
        for i in 0..<size { for m in 0..<width { state[i * width + m] += key[i] * written[m] } }
        let group = extents.queryHeads / heads
        for reader in (head * group)..<((head + 1) * group) {
            let query = operands.query + (row * extents.queryHeads + reader) * size
            let output = operands.output + (row * extents.queryHeads + reader) * width
            output.update(repeating: 0, count: width)
            for i in 0..<size { for m in 0..<width { output[m] += scale * query[i] * state[i * width + m] } }
        }
    }
}
