import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A layer's weight on the way to its codes: each part of each output as whatever moves the layer's outputs least of what it was
/// shown, the nearest codes first.
struct LayerRounding {
    let layer: LayerReconstruction
    /// outputs × depth: what codes are to stand for.
    let weight: Matrix<Float>
    /// outputs × depth: the weight as it is, of which what is 0 stays so.
    private let original: Matrix<Float>
    private let task: RoundingTask
    private let shape: Shape
    private(set) var parameters: QuantizationParameters
    private var result: Matrix<Float>

    init(_ layer: LayerReconstruction, _ task: RoundingTask) {
        (self.layer, self.task, parameters, shape) = (layer, task, task.parameters, task.target.stored.shape)
        let values = task.target.values
        original = layer.contraction.matrix(of: values)
        weight = layer.goal ?? original
        result = layer.contraction.matrix(of: parameters.roundTrip(values))
    }

    /// What some of the elements may become.
    func grid(rows: Range<Int>? = nil, columns: [Int]) -> RoundingGrid {
        let rows = rows ?? 0..<weight.rows
        let numbers = rows.flatMap { row in columns.map { original[row, $0] } }
        return parameters.grid(at: layer.contraction.places(rows: rows, columns: columns), in: shape, of: numbers)
    }

    /// The mean square that each output moves by, as far as these columns go.
    func errors(_ columns: Range<Int>, _ moment: SecondMoment) throws -> [Double] {
        try moment.rowErrors(of: result[columns: columns] - weight[columns: columns])
    }

    /// Takes those rows of columns that move the outputs less than what is there; scales that were changed for others go back. Rows of a
    /// block whose scales were changed go together.
    mutating func take(_ other: Matrix<Float>, at columns: Range<Int>, _ moment: SecondMoment) throws {
        let (old, new) = (try errors(columns, moment), try moment.rowErrors(of: other - weight[columns: columns]))
        var gains = zip(old, new).map { $0 - $1 }
        if parameters.slices != nil, parameters != task.parameters { gains = sums(of: gains, by: keys(of: columns)) }
        for row in 0..<weight.rows {
            if gains[row] > 0 {
                result.setRow(row, from: columns.lowerBound, of: other)
            } else if parameters != task.parameters {
                copyScales(of: row, columns, from: task.parameters)
            }
        }
    }

    /// Takes those outputs, or all of them where they share a scale, that move less with other parameters.
    mutating func take(_ other: Matrix<Float>, with new: QuantizationParameters) throws {
        var gains = [Double](repeating: 0, count: weight.rows)
        for (columns, moment) in layer.moments {
            let (old, found) = (try errors(columns, moment), try moment.rowErrors(of: other[columns: columns] - weight[columns: columns]))
            for row in gains.indices { gains[row] += old[row] - found[row] }
        }
        guard new.axis != nil else {
            if gains.reduce(0, +) > 0 { (result, parameters) = (other, new) }
            return
        }
        gains = sums(of: gains, by: keys(of: 0..<weight.columns))
        for row in gains.indices where gains[row] > 0 {
            result.setRow(row, of: other)
            copyScales(of: row, 0..<weight.columns, from: new)
        }
    }

    /// What tells rows with the same scales: groups of a transposed convolution share them, and rows of a block.
    private func keys(of columns: Range<Int>) -> [Int] {
        (0..<weight.rows).map { row in
            parameters.leaderIndices(of: layer.contraction.places(rows: row..<(row + 1), columns: Array(columns)), in: shape).min() ?? row
        }
    }

    /// For each row the sum over all with its key.
    private func sums(of gains: [Double], by keys: [Int]) -> [Double] {
        var sums: [Int: Double] = [:]
        for (key, gain) in zip(keys, gains) { sums[key, default: 0] += gain }
        return keys.map { sums[$0] ?? 0 }
    }

    private mutating func copyScales(of row: Int, _ columns: Range<Int>, from other: QuantizationParameters) {
        let places = layer.contraction.places(rows: row..<(row + 1), columns: Array(columns))
        for index in Set(parameters.scaleIndices(of: places, in: shape)) {
            parameters.scales[index] = other.scales[index]
            parameters.zeroPoints[index] = other.zeroPoints[index]
        }
    }

    /// The columns that share a scale, where columns are rounded in their order and each block of them has scales of its own.
    var blockColumns: Int? {
        let (contraction, first) = (layer.contraction, task.parameters)
        guard first.blockSize > 0, contraction.groupCount == 1, layer.moments.count == 1 else { return nil }
        if let form = first.form { return form == [weight.rows, weight.columns] && first.axis == 1 ? first.blockSize : nil }
        return first.axis == contraction.inputAxis ? first.blockSize * contraction.tapCount : nil
    }

    /// Gives a block of columns the parameters that its numbers ask for now, and says what they may become.
    mutating func refit(_ block: Matrix<Float>, at start: Int) -> RoundingGrid? {
        guard let width = blockColumns, let axis = parameters.axis else { return nil }
        let part = layer.contraction.narrowed(toInputs: block.columns / layer.contraction.tapCount)
        let isFormed = parameters.form != nil
        let tensor = isFormed ? Tensor(block.elements, shape: [block.rows, block.columns]) : part.weight(of: block)
        let (found, form) = (task.finding(tensor), parameters.form ?? shape)
        let outer = form[..<axis].reduce(1, *)
        let blocks = (form[axis] + parameters.blockSize - 1) / parameters.blockSize
        let inner = parameters.scales.count / (outer * blocks)
        guard found.axis == axis, found.codes == parameters.codes, found.scaleType == parameters.scaleType,
            found.scales.count == outer * inner
        else { return nil }
        for index in found.scales.indices {
            let place = (index / inner * blocks + start / width) * inner + index % inner
            parameters.scales[place] = found.scales[index]
            parameters.zeroPoints[place] = found.zeroPoints[index]
        }
        let numbers = original[columns: start..<(start + block.columns)].elements
        return found.grid(at: isFormed ? Array(block.elements.indices) : part.places, in: tensor.shape, of: numbers)
    }

    var rounded: RoundedWeight { RoundedWeight(values: layer.contraction.weight(of: result), parameters: parameters) }
}

extension QuantizationParameters {
    /// The same with other scales, as what they are stored in holds them, or the next power of two; where that is neither float32 nor
    /// float16, or where they were given, they stay.
    func settingScales(_ wanted: [Float]) -> QuantizationParameters {
        guard !isGiven else { return self }
        var result = self
        switch scaleType {
        case .float32: result.scales = isPowerOfTwo ? wanted.map(ScaleKind.powerOfTwo.rounded) : wanted
        case .float16: result.scales = zip(wanted, scales).map { ScaleKind.float16.holds([$0]) ? Float(Float16($0)) : $1 }
        default: break
        }
        return result
    }

    /// What the elements at these places of a tensor of `shape` may become, which are `numbers` now: those that are 0, as pruned weights are,
    /// only that.
    func grid(at places: [Int], in shape: Shape, of numbers: [Float]) -> RoundingGrid {
        let indices = scaleIndices(of: places, in: shape)
        return RoundingGrid(
            scales: zip(indices, numbers).map { $1 == 0 ? 0 : scales[$0] }, zeros: indices.map { Float(zeroPoints[$0]) }, low: Float(codes.lowerBound),
            high: Float(codes.upperBound))
    }
}
