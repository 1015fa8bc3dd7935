package import WinnowGraph
package import WinnowKernels
import WinnowOperators
package import WinnowTensor

/// The axes of a weight that data is multiplied with by what they do: a matrix, or several side by side, and the two products that
/// factors of them take part in.
package struct ProductAxes: Sendable {
    /// Of the weight as the layer reads it.
    package let shape: Shape
    /// Along these axes matrices lie side by side.
    package let batch: [Int]
    /// These are summed over.
    package let inputs: [Int]
    package let outputs: [Int]
    /// The index of the weight among the layer's inputs.
    package let weightIndex: Int
    /// The axes of the data, counted from the end, that `batch`, where it is more than 1, and `inputs` meet; nil where several matrices meet
    /// the same data.
    package let data: (batch: [Int], inputs: [Int])?
    /// x·A, and then ·B.
    package let factored: (first: any Operator, second: any Operator)

    /// Throws why it is no such weight.
    package init(_ site: WeightSite, in graph: Graph) throws(Refusal) {
        guard let extents = graph.infos[site.operand]?.extents?.map(\.value), !extents.contains(nil) else {
            throw Refusal("its shape is not known")
        }
        let shape = Shape(extents.compactMap { $0 })
        let data = site.inputIndex < 2 ? site.node.input(1 - site.inputIndex).flatMap { graph.infos[$0]?.extents } : nil
        switch site.node.op {
        case let form as any MatrixForm: try self.init(form, shape, weightIndex: site.inputIndex, data)
        case let einsum as Einsum:
            guard site.node.inputs.count == 2 else { throw Refusal("its Einsum multiplies \(site.node.inputs.count) values") }
            guard let data else { throw Refusal("the rank of its data is not known") }
            try self.init(einsum, shape, weightIndex: site.inputIndex, data)
        default: throw Refusal("\(site.node.op.type) is no product of matrices")
        }
    }

    private init(_ form: any MatrixForm, _ shape: Shape, weightIndex: Int, _ data: [Extent]?) throws(Refusal) {
        guard weightIndex == 1 || form is MatMul && weightIndex == 0 else { throw Refusal("it is on the left of a \(form.type)") }
        guard shape.rank >= 2 else { throw Refusal("it is a vector") }
        let (last, isOutputFirst) = (shape.rank - 1, weightIndex == 0 || form.transposesRight)
        let batch = Array(0..<(last - 1))
        // What the first product makes of a vector, the second would take for a matrix.
        guard batch.isEmpty || data.map({ $0.count > 1 }) ?? false else { throw Refusal("its data is a vector, and it is several matrices") }
        let dataInputs = weightIndex == 1 ? form.transposesLeft ? -2 : -1 : (data?.count ?? 2) == 1 ? -1 : -2
        // A single matrix meets all data.
        let places: [Int?] = batch.filter { shape[$0] != 1 }.map { axis in
            guard let data, data.count >= shape.rank, data[data.count - shape.rank + axis].value == shape[axis] else { return nil }
            return axis - shape.rank
        }
        (self.shape, self.weightIndex, self.batch) = (shape, weightIndex, batch)
        (inputs, outputs) = isOutputFirst ? ([last], [last - 1]) : ([last - 1], [last])
        self.data = places.contains(nil) ? nil : (batch: places.compactMap { $0 }, inputs: [dataInputs])
        factored = form.factoredForms
    }

    private init(_ einsum: Einsum, _ shape: Shape, weightIndex: Int, _ data: [Extent]) throws(Refusal) {
        let ranks = weightIndex == 0 ? [shape.rank, data.count] : [data.count, shape.rank]
        guard let (operands, result) = try? einsum.labels(ranks: ranks) else { throw Refusal("its equation does not fit") }
        let (own, other) = (operands[weightIndex], operands[1 - weightIndex])
        guard Set(own).count == own.count, Set(other).count == other.count else { throw Refusal("its Einsum takes a diagonal") }
        guard own.allSatisfy({ other.contains($0) || result.contains($0) }) else {
            throw Refusal("its Einsum sums over an axis that the data has not")
        }
        let batch = own.indices.filter { other.contains(own[$0]) && result.contains(own[$0]) }
        let (inputs, outputs) = (own.indices.filter { !result.contains(own[$0]) }, own.indices.filter { !other.contains(own[$0]) })
        guard !inputs.isEmpty else { throw Refusal("its Einsum sums over none of its axes") }
        guard !outputs.isEmpty else { throw Refusal("its Einsum has none of its axes as outputs") }
        let places = (batch.filter { shape[$0] != 1 } + inputs).map { axis -> Int? in
            other.firstIndex(of: own[axis]).flatMap { data[$0].value == shape[axis] ? $0 - other.count : nil }
        }
        let taken = Set(operands.joined())
        guard let rank = "rstuvwxyzabcdefghijklmnopqRSTUVWXYZABCDEFGHIJKLMNOPQ".first(where: { !taken.contains($0) }) else {
            throw Refusal("its Einsum leaves no letter for the rank")
        }
        let hidden = other.filter { result.contains($0) } + [rank]
        let orders = Self.factorOrders(batch, inputs, outputs, rank: shape.rank)
        let (firstLabels, secondLabels) = ((batch + inputs).map { own[$0] } + [rank], batch.map { own[$0] } + [rank] + outputs.map { own[$0] })
        let (first, second) = (orders.first.map { firstLabels[$0] }, orders.second.map { secondLabels[$0] })
        (self.shape, self.weightIndex, self.batch) = (shape, weightIndex, batch)
        (self.inputs, self.outputs) = (inputs, outputs)
        let known = places.compactMap { $0 }
        self.data = known.count < places.count
            ? nil : (batch: Array(known.dropLast(inputs.count)), inputs: Array(known.suffix(inputs.count)))
        factored = (
            Einsum(weightIndex == 0 ? [first, other] : [other, first], hidden),
            Einsum(weightIndex == 0 ? [second, hidden] : [hidden, second], result)
        )
    }

    /// What tells products with factors apart, beside the weight's shape.
    package var equations: [String] { [factored.first, factored.second].compactMap { ($0 as? Einsum)?.equation } }

    package var batchCount: Int { batch.reduce(1) { $0 * shape[$1] } }
    /// The elements that one output sums over.
    package var depth: Int { inputs.reduce(1) { $0 * shape[$1] } }
    package var outputCount: Int { outputs.reduce(1) { $0 * shape[$1] } }
    /// Of one matrix.
    package var matrixShape: Shape { [outputCount, depth] }
    /// Whether the weight has outputs before what they sum over.
    package var storesOutputsFirst: Bool { (outputs.first ?? 0) < (inputs.first ?? 0) }

    /// For each axis of the stored factors its place among batch, inputs and rank, and among batch, rank and outputs: what is left of the
    /// weight's axes in their order, the rank where the first of the others was.
    private static func factorOrders(_ batch: [Int], _ inputs: [Int], _ outputs: [Int], rank: Int) -> (first: [Int], second: [Int]) {
        var (first, second): ([Int], [Int]) = ([], [])
        for axis in 0..<rank {
            if let place = batch.firstIndex(of: axis) {
                first.append(place)
                second.append(place)
            } else if let place = inputs.firstIndex(of: axis) {
                first.append(batch.count + place)
                if place == 0 { second.append(batch.count) }
            } else if let place = outputs.firstIndex(of: axis) {
                if place == 0 { first.append(batch.count + inputs.count) }
                second.append(batch.count + 1 + place)
            }
        }
        return (first, second)
    }
}

extension ProductAxes {
    /// The weight's matrices, outputs × depth or depth × outputs.
    package func matrices(of weight: Tensor, outputsFirst: Bool) -> [Matrix<Float>] {
        let elements = weight.transposed(batch + (outputsFirst ? outputs + inputs : inputs + outputs)).floats()
        let (rows, columns) = outputsFirst ? (outputCount, depth) : (depth, outputCount)
        return (0..<batchCount).map { index in
            Matrix(Array(elements[(index * rows * columns)..<((index + 1) * rows * columns)]), rows: rows, columns: columns)
        }
    }

    /// Matrices of outputs × depth as the weight is stored.
    package func weight(of matrices: [Matrix<Float>]) -> Tensor {
        let order = batch + outputs + inputs
        let whole = Tensor(matrices.flatMap(\.elements), shape: shape.permuted(order))
        return whole.transposed(order.indices.map { axis in order.firstIndex(of: axis) ?? axis })
    }

    /// The shapes that factors of a rank are stored in.
    package func factorShapes(_ rank: Int) -> [Shape] {
        let orders = Self.factorOrders(batch, inputs, outputs, rank: shape.rank)
        let (first, second) = extents(rank)
        return [first.permuted(orders.first), second.permuted(orders.second)]
    }

    /// Factors of a rank, depth × rank and rank × outputs for every matrix, as they are stored.
    package func factors(_ first: [Matrix<Float>], _ second: [Matrix<Float>], rank: Int) -> [Tensor] {
        let orders = Self.factorOrders(batch, inputs, outputs, rank: shape.rank)
        let shapes = extents(rank)
        return [
            Tensor(first.flatMap(\.elements), shape: shapes.first).transposed(orders.first),
            Tensor(second.flatMap(\.elements), shape: shapes.second).transposed(orders.second),
        ]
    }

    private func extents(_ rank: Int) -> (first: Shape, second: Shape) {
        func own(_ axes: [Int]) -> [Int] { axes.map { shape[$0] } }
        return (Shape(own(batch) + own(inputs) + [rank]), Shape(own(batch) + [rank] + own(outputs)))
    }
}

extension MatrixForm {
    fileprivate var factoredForms: (first: any Operator, second: any Operator) { (factored.first, factored.second) }
}
