import Foundation
public import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Makes the weights that meet large activations cost less when they are rounded: W ← W·s, X ← X/s, s = mean|x|^α, α of 0 to 1
/// searched so that the layers' outputs move least once the weights are codes (AWQ; Lin et al. 2023, section 3.2).
public struct ActivationAwareScaling: Pass {
    public static let name = "activation-aware-scaling"
    public static let summary = "AWQ: scales weights that meet large activations, and clips, so that few bits cost less"
    public static let guide = """
        Few input channels of a layer carry most of its output. Multiplied by s before they are rounded their weights lose less, \
        and what makes the channel is divided by s: scale and shift of a normalization, a factor, or the layer before. s = \
        mean|x|^α, divided by √(max s · min s); of 20 values of α from 0, which changes nothing, the one is taken with which the \
        outputs of all layers that read the value move least over calibration data when their weights are rounded to `bits` in \
        blocks of `block-size`. The model computes the same in float, unless `clip` also cuts off the largest weights of each \
        output and block where that moves outputs less. Use it before weight-only-quantization with the same bits and blocks.
        """

    @Hyperparameter("bits that the weights are to have", in: 2...8) public var bits = 4
    @Hyperparameter("weights that are to share a scale along the summed axis of a matrix; 0: those of an output", in: 0...65536)
    public var blockSize = 32
    @Hyperparameter("also clip weights where that moves the outputs less: the model then changes in float too") public var clip = false
    @Hyperparameter("calibration samples to run at most", in: 1...1e9) public var samples = 128
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { .calibration }
    private static let candidateCount = 20

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let scheme = QuantizationScheme(bits: bits, .init(perChannel: true, blockSize: ScaleBlock(inputs: blockSize)))
        let between = ChannelsBetweenLayers(graph, .refused, try choice.selection(in: graph))
        let all = between.chosen.nearest
        let activity = try all.inputActivity(in: graph, context, samples)
        let free = WeightTargets(graph, try choice.selection(in: graph)) { _ in nil }.targets
        let targets = Dictionary(free.map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        var scaling = ChannelScaling(graph)
        var changes: [(ValueName, Double, Double)] = []
        for channels in all {
            let own = channels.readers.compactMap { targets[$0.contraction.site.tensor] }
            let layers = try LayerReconstruction.gather(for: own, in: graph, context, sampleCount: samples, takesParts: true)
            guard layers.count == channels.readers.count,
                let inputs = channels.perChannel(activity, { $0.meanMagnitudes.map { Float($0) } })
            else { continue }
            let search = ScaleSearch(channels, layers, scheme, scaling)
            let candidates = (0..<Self.candidateCount).map { search.factors(inputs, Double($0) / Double(Self.candidateCount)) }
            let errors = try candidates.map { try search.errors($0) }
            let totals = errors.map { $0.reduce(0, +) }
            guard let best = totals.indices.min(by: { (totals[$0], $0) < (totals[$1], $1) }), totals[0] > 0 else { continue }
            if best > 0 { scaling.divide(channels, by: candidates[best]) }
            for (index, reader) in channels.readers.enumerated() {
                let tensor = reader.contraction.site.tensor
                changes.append((tensor, search.relative(errors[0][index], index), search.relative(errors[best][index], index)))
                if clip, let moment = layers[tensor]?.whole,
                    let matrix = try search.clipped(index, moment, by: candidates[best], scaling)
                {
                    scaling.set(matrix, of: reader.contraction)
                }
            }
        }
        return try between.result(
            scaling, changes, .layerError, "with \(bits) bits", idle: "nothing before it takes the factors of its inputs")
    }
}

/// What scaling does to layers whose weights are rounded.
private struct ScaleSearch {
    private let channels: ScalableChannels
    private let layers: [LayerReconstruction]
    private let matrices: [Matrix<Float>]
    private let scheme: QuantizationScheme
    private let energies: [Double]

    init(
        _ channels: ScalableChannels, _ layers: [ValueName: LayerReconstruction], _ scheme: QuantizationScheme,
        _ scaling: ChannelScaling
    ) {
        (self.channels, self.scheme) = (channels, scheme)
        self.layers = channels.readers.compactMap { layers[$0.contraction.site.tensor] }
        matrices = channels.readers.map { scaling.matrix($0.contraction) }
        energies = zip(self.layers, matrices).map { layer, matrix in
            layer.moments.reduce(0) { $0 + $1.moment.error(of: matrix[columns: $1.columns]) }
        }
    }

    /// mean^α, so that the largest times the smallest is 1.
    func factors(_ means: [Float], _ alpha: Double) -> [Float] {
        let powers = means.map { max(pow(Double($0), alpha), 1e-4) }
        let middle = ((powers.max() ?? 1) * (powers.min() ?? 1)).squareRoot()
        return powers.map { Float($0 / middle) }
    }

    /// The mean square by which the outputs of each layer move.
    func errors(_ factors: [Float]) throws -> [Double] {
        try layers.indices.map { index in
            let (layer, contraction, matrix) = (layers[index], layers[index].contraction, matrices[index])
            let width = channels.readers[index].width
            func factor(_ row: Int, _ column: Int) -> Float { factors[contraction.input(row: row, column: column) / width] }
            var scaled = matrix
            for row in 0..<matrix.rows { for column in 0..<matrix.columns { scaled[row, column] *= factor(row, column) } }
            var difference = contraction.matrix(of: roundTrip(contraction.weight(of: scaled), contraction))
            for row in 0..<matrix.rows {
                for column in 0..<matrix.columns {
                    difference[row, column] = difference[row, column] / factor(row, column) - matrix[row, column]
                }
            }
            return try layer.moments.reduce(0) { try $0 + $1.moment.rowErrors(of: difference[columns: $1.columns]).reduce(0, +) }
        }
    }

    func relative(_ error: Double, _ index: Int) -> Double { energies[index] > 0 ? (error / energies[index]).squareRoot() : 0 }

    private func roundTrip(_ weight: Tensor, _ contraction: Contraction) -> Tensor {
        scheme.parameters(for: weight, channelAxis: contraction.site.outputAxis, inputAxis: contraction.inputAxis).parameters
            .roundTrip(weight)
    }

    /// A layer's weight as it is by now, each block of each output cut off at the part of its largest, of 1 to 0.55, with which
    /// its codes move what it adds to the output least (as the authors' code does); nil where inputs are no blocks.
    func clipped(
        _ index: Int, _ moment: SecondMoment, by factors: [Float], _ scaling: ChannelScaling
    ) throws -> Matrix<Float>? {
        let contraction = layers[index].contraction
        var matrix = scaling.matrix(contraction)
        guard contraction.tapCount == 1 else { return nil }
        let factors = (0..<matrix.columns).map { factors[$0 / channels.readers[index].width] }
        var width = matrix.columns
        if case .block(let block) = scheme.granularity { width = block.inputs }
        for start in stride(from: 0, to: matrix.columns, by: width) {
            let range = start..<min(start + width, matrix.columns)
            var own = moment.matrix[rows: range][columns: range]
            for row in 0..<range.count {
                for column in 0..<range.count { own[row, column] /= factors[start + row] * factors[start + column] }
            }
            let (part, block) = (SecondMoment(matrix: own, mean: [], rowCount: moment.rowCount), matrix[columns: range])
            let narrow = contraction.narrowed(toInputs: range.count)
            var best = [(error: Double, part: Float)](repeating: (.infinity, 1), count: matrix.rows)
            for step in 0..<10 {
                let share = 1 - 0.05 * Float(step)
                let codes = narrow.matrix(of: roundTrip(narrow.weight(of: block.clipped(share)), narrow))
                for (row, error) in try part.rowErrors(of: codes - block).enumerated() where error < best[row].error {
                    best[row] = (error, share)
                }
            }
            let limits = best.map(\.part)
            let cut = block.clipped { limits[$0] }
            for row in 0..<matrix.rows { for column in range { matrix[row, column] = cut[row, column - start] } }
        }
        return matrix
    }
}

extension Matrix<Float> {
    /// Each row cut off at a part of its largest magnitude.
    fileprivate func clipped(_ part: (_ row: Int) -> Float) -> Matrix {
        var result = self
        for row in 0..<rows {
            let limit = part(row) * (0..<columns).reduce(Float(0)) { Swift.max($0, self[row, $1].magnitude) }
            for column in 0..<columns { result[row, column] = Swift.min(Swift.max(self[row, column], -limit), limit) }
        }
        return result
    }

    fileprivate func clipped(_ part: Float) -> Matrix { clipped { _ in part } }
}
