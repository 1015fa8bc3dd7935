internal import CWinnowKernels
internal import WinnowTensor

/// One step of a recurrent layer with its usual activations, in float32, for few sequences at once: products with constant weights that lie
/// in panels, and gates, without anything in between. Not for two threads at a time.
package final class RecurrentCellKernel {
    /// In ONNX's order of gates.
    package enum Cell: Sendable, Hashable {
        /// tanh of all.
        case plain
        /// Input, output, forget, cell.
        case lstm
        /// Update, reset, hidden.
        case gru(resetsAfterProduct: Bool)
    }

    private let cell: Cell
    private let (rows, size): (Int, Int)
    private let panels: [Panels]
    /// The recurrent bias of all gates, zeros where the input has it.
    private let bias: [Float]

    /// More sequences, and larger products, are worth general kernels and threads: those of a million multiplications take a third of the
    /// time on two.
    private static let mostRows = 16
    private static let mostProducts = 1 << 19

    /// nil where other kernels suit better.
    ///
    /// - Parameters:
    ///   - weights: (gates · size, size).
    ///   - bias: of as many, what the gates' input lacks.
    package init?(_ cell: Cell, size: Int, rows: Int, weights: UnsafePointer<Float>, bias: [Float]? = nil) {
        let gateCount = switch cell {
        case .plain: 1
        case .lstm: 4
        case .gru: 3
        }
        guard size > 0, (1...Self.mostRows).contains(rows), rows * gateCount * size * size <= Self.mostProducts else { return nil }
        (self.cell, self.rows, self.size) = (cell, rows, size)
        self.bias = bias ?? [Float](repeating: 0, count: gateCount * size)
        let parts = if case .gru = cell { [0..<2, 2..<3] } else { [0..<gateCount] }
        panels = parts.map { Panels(weights + $0.lowerBound * size * size, columns: $0.count * size, depth: size) }
    }

    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { 4 * rows * size * MemoryLayout<Float>.stride }

    /// - Parameters:
    ///   - input: what the input gives to all gates, (rows, gates · size).
    ///   - states: the hidden state, (rows, size), and an LSTM's cell state.
    ///   - results: where the next ones go, which must lie elsewhere.
    package func run(
        _ input: UnsafePointer<Float>, _ states: (hidden: UnsafePointer<Float>, memory: UnsafePointer<Float>?),
        _ results: (hidden: UnsafeMutablePointer<Float>, memory: UnsafeMutablePointer<Float>?), scratch: UnsafeMutablePointer<Float>
    ) {
        switch cell {
        case .plain:
            panels[0].multiply(states.hidden, rows, adding: input, step: size, scratch)
            winnow_tanh(scratch, results.hidden, rows * size)
        case .lstm:
            guard let memory = states.memory, let next = results.memory else { return }
            panels[0].multiply(states.hidden, rows, adding: input, step: 4 * size, scratch)
            winnow_lstm_step(Int64(rows), Int64(size), scratch, memory, results.hidden, next)
        case .gru(let resetsAfterProduct): runGRU(input, states.hidden, results.hidden, resetsAfterProduct, scratch)
        }
    }

    private func runGRU(
        _ input: UnsafePointer<Float>, _ hidden: UnsafePointer<Float>, _ next: UnsafeMutablePointer<Float>, _ resetsAfterProduct: Bool,
        _ gates: UnsafeMutablePointer<Float>
    ) {
        let (reset, product) = (gates + 2 * rows * size, gates + 3 * rows * size)
        let candidate = input + 2 * size
        panels[0].multiply(hidden, rows, adding: input, step: 3 * size, gates)
        bias.withUnsafeBufferPointer { bias in
            guard let bias = bias.baseAddress else { return }
            winnow_gru_gates(Int64(rows), Int64(size), gates, bias, resetsAfterProduct ? nil : hidden, reset)
            if resetsAfterProduct {
                panels[1].multiply(hidden, rows, adding: bias + 2 * size, step: 0, product)
            } else {
                panels[1].multiply(reset, rows, adding: candidate, step: 3 * size, product)
            }
        }
        winnow_gru_step(
            Int64(rows), Int64(size), gates, product, resetsAfterProduct ? reset : nil, candidate, Int64(3 * size), hidden, next)
    }
}

/// Weights as `winnow_recurrent_product` reads them.
private struct Panels {
    private let (columns, depth): (Int, Int)
    private let storage: TensorStorage

    init(_ weights: UnsafePointer<Float>, columns: Int, depth: Int) {
        (self.columns, self.depth) = (columns, depth)
        let width = WINNOW_PANEL
        storage = TensorStorage(byteCount: (columns + width - 1) / width * width * depth * MemoryLayout<Float>.stride)
        winnow_recurrent_panels(weights, Int64(columns), Int64(depth), storage.base.assumingMemoryBound(to: Float.self))
    }

    /// result = input + states · weightsᵀ; rows of the input begin `step` numbers apart.
    func multiply(
        _ states: UnsafePointer<Float>, _ rows: Int, adding input: UnsafePointer<Float>, step: Int, _ result: UnsafeMutablePointer<Float>
    ) {
        winnow_recurrent_product(
            Int64(rows), Int64(depth), Int64(columns), states, storage.base.assumingMemoryBound(to: Float.self), input, Int64(step), result,
            Int64(columns))
    }
}
