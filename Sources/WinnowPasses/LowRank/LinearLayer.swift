import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A layer that does nothing but multiply with a weight of its own and add a bias.
struct LinearLayer {
    var op: any Operator
    /// As the operator reads it.
    var weight: Tensor
    /// The index of the weight among the inputs; the data is the other of the first two.
    var weightIndex = 1
    /// One number for each output.
    var bias: [Float]?
    /// Of an Einsum.
    var terms: EinsumTerms?
    /// Whether the data may be a vector.
    private var meetsVectors = false

    /// nil where a node is no such layer, or something else reads its weight.
    init?(_ node: Node, in index: GraphIndex) {
        guard let place = [1, 0].first(where: { node.input($0).map { index.graph.initializers[$0] != nil } ?? false }),
            let name = node.input(place), let weight = index.graph.initializers[name],
            weight.elementType.storesWeights, index.soleConsumer(of: name) != nil, !index.isOutput(name), node.inputs.count < 4
        else { return nil }
        switch node.op {
        case is MatMul where weight.rank >= 2: break
        case is any MatrixForm where weight.rank == 2 && place == 1: break
        case is Conv where weight.rank > 2 && place == 1: break
        case let einsum as Einsum:
            terms = EinsumTerms(einsum, ranks: node.inputs.map { index.info(of: $0)?.rank }, weightIndex: place)
            guard terms != nil else { return nil }
        default: return nil
        }
        (op, self.weight, weightIndex) = (node.op, weight, place)
        meetsVectors = index.info(of: node.input(1 - place))?.rank ?? 1 < 2
        guard let bias = node.input(2) else { return }
        guard let stored = index.graph.initializers[bias], stored.elementType == weight.elementType, stored.rank == 1,
            stored.elementCount == outputCount, outputCount > 1
        else { return nil }
        self.bias = stored.converted(to: .float32).floats()
    }

    private init(op: any Operator, weight: Tensor, weightIndex: Int = 1, bias: [Float]? = nil, terms: EinsumTerms? = nil) {
        (self.op, self.weight, self.weightIndex, self.bias, self.terms) = (op, weight, weightIndex, bias, terms)
    }

    private var outputCount: Int {
        (op as? any MatrixForm).map { weight.shape[$0.transposesRight ? 0 : 1] } ?? weight.shape[0]
    }

    var outline: LayerOutline { LayerOutline(op: op, shape: weight.shape, weightIndex: weightIndex) }

    /// This layer and the one behind it as one, in float32. Throws why not.
    func followed(by next: LinearLayer) throws(Refusal) -> LinearLayer {
        guard weight.elementType == .float32, next.weight.elementType == .float32 else {
            return try inFloat32.followed(by: next.inFloat32)
        }
        if op is MatMul, next.op is MatMul, weightIndex == 0 || next.weightIndex == 0 || weight.rank > 2 || next.weight.rank > 2 {
            return try matrices(next)
        }
        if let first = op as? any MatrixForm, let second = next.op as? any MatrixForm, next.weight.rank == 2, next.weightIndex == 1 {
            return try product(first, second, next)
        }
        if let first = op as? Conv, let second = next.op as? Conv { return try convolution(first, second, next) }
        if let first = terms, let second = next.terms { return try contraction(first, second, next) }
        throw Refusal("a \(op.type) and a \(next.op.type) behind it are not one layer")
    }

    private var inFloat32: LinearLayer {
        var result = self
        result.weight = weight.converted(to: .float32)
        return result
    }

    /// Of matrices on the left of the data, or of several side by side.
    private func matrices(_ next: LinearLayer) throws(Refusal) -> LinearLayer {
        guard weightIndex == next.weightIndex else { throw Refusal("one is on the left of its data, the other on the right") }
        guard !meetsVectors || weight.rank == 2 && next.weight.rank == 2 else { throw Refusal("their data may be a vector") }
        let batch = Array(weight.shape.dropLast(2))
        guard batch == Array(next.weight.shape.dropLast(2)) else { throw Refusal("they are not as many matrices") }
        let count = batch.reduce(1, *)
        func rows(_ weight: Tensor) -> Matrix<Float> {
            let columns = weight.shape[batch.count + 1]
            return Matrix(weight.floats(), rows: count * weight.shape[batch.count], columns: columns)
        }
        let (left, right) = weightIndex == 1 ? (rows(weight), rows(next.weight)) : (rows(next.weight), rows(weight))
        guard left.columns * count == right.rows, let merged = try? left.batchedProduct(right, batches: count) else {
            throw Refusal("their matrices do not fit")
        }
        let weight = Tensor(merged.elements, shape: Shape(batch + [left.rows / max(1, count), right.columns]))
        return LinearLayer(op: op, weight: weight, weightIndex: weightIndex)
    }

    private func contraction(_ first: EinsumTerms, _ second: EinsumTerms, _ next: LinearLayer) throws(Refusal) -> LinearLayer {
        let (merged, other) = try first.followed(by: second)
        let b = GraphBuilder("merged")
        guard let own = try? b.input("first", .float32, weight.shape.map { .fixed($0) }),
            let behind = try? b.input("second", .float32, next.weight.shape.map { .fixed($0) }),
            let product = try? b.add(Einsum([first.weight, other], merged.weight), own, behind),
            let weight = try? Session(b.graph(outputs: [product])).run([own: weight, behind: next.weight])[product]
        else { throw Refusal("their weights do not fit") }
        return LinearLayer(
            op: merged.op(weightIndex: weightIndex), weight: weight, weightIndex: weightIndex, terms: merged)
    }

    private func product(_ first: any MatrixForm, _ second: any MatrixForm, _ next: LinearLayer) throws(Refusal)
        -> LinearLayer
    {
        func matrix(_ form: any MatrixForm, _ weight: Tensor) -> Matrix<Float> {
            let stored = Matrix(weight.floats(), rows: weight.shape[0], columns: weight.shape[1])
            return form.transposesRight ? stored.transposed : stored
        }
        guard !first.transposesLeft || second is Gemm else {
            throw Refusal("a transposed product and a MatMul behind it are not one layer")
        }
        let (left, right) = (matrix(first, weight), matrix(second, next.weight))
        var merged = left * right
        for index in merged.elements.indices { merged.elements[index] *= first.alpha }
        var bias = next.bias
        if let own = self.bias {
            guard second is Gemm, second.beta != 0 else { throw Refusal("a bias lies between them") }
            let moved = Matrix(own.map { $0 * first.beta }, rows: 1, columns: own.count) * right
            let former = bias ?? [Float](repeating: 0, count: moved.columns)
            bias = zip(former, moved.elements).map { $0 + $1 * second.alpha / second.beta }
        }
        if second.transposesRight { merged = merged.transposed }
        let op: any Operator =
            (second as? Gemm).map {
                Gemm(
                    transposesLeft: first.transposesLeft, transposesRight: $0.transposesRight, alpha: $0.alpha,
                    beta: $0.beta)
            } ?? second
        return LinearLayer(op: op, weight: Tensor(merged.elements, shape: [merged.rows, merged.columns]), bias: bias)
    }

    private func convolution(_ first: Conv, _ second: Conv, _ next: LinearLayer) throws(Refusal) -> LinearLayer {
        guard let window = first.window.followed(by: second.window, taps(weight), taps(next.weight)) else {
            throw Refusal("their windows together are not one")
        }
        guard first.groups == second.groups || first.groups == 1 || second.groups == 1 else {
            throw Refusal("their groups differ")
        }
        let groups = first.groups == second.groups ? first.groups : 1
        let (left, right) = (
            dense(weight, from: first.groups, to: groups), dense(next.weight, from: second.groups, to: groups)
        )
        let (hidden, outputs) = (left.shape[0] / groups, right.shape[0] / groups)
        let (depth, places) = (left.elementCount / max(1, left.shape[0]), right.shape.dropFirst(2).reduce(1, *))
        var elements: [Float] = []
        for group in 0..<groups {
            // hidden × (inputs · taps), and (outputs · taps) × hidden.
            let inner = Matrix(
                Array(left.floats()[(group * hidden * depth)..<((group + 1) * hidden * depth)]), rows: hidden,
                columns: depth)
            let outer = Matrix(
                Array(right.floats()[(group * outputs * hidden * places)..<((group + 1) * outputs * hidden * places)]),
                rows: outputs,
                columns: hidden * places)
            var product = Matrix<Float>(zeros: outputs, depth * places)
            for place in 0..<places {
                let part = outer.strided(place, by: places) * inner
                for row in 0..<outputs {
                    for column in 0..<depth { product[row, column * places + place] = part[row, column] }
                }
            }
            elements += product.elements
        }
        // Taps of the first, then those of the second: along each axis one of them is 1 wide.
        let (inner, outer) = (taps(weight), taps(next.weight))
        let full = Tensor(elements, shape: Shape([right.shape[0], left.shape[1]] + inner + outer))
        let axes = inner.indices.flatMap { [2 + $0, 2 + inner.count + $0] }
        let merged = full.transposed([0, 1] + axes).reshaped(
            Shape([right.shape[0], left.shape[1]] + zip(inner, outer).map { $0 * $1 }))
        return LinearLayer(
            op: Conv(window: window, groups: groups), weight: merged, bias: try bias(movedThrough: second, next))
    }

    private func bias(movedThrough second: Conv, _ next: LinearLayer) throws(Refusal) -> [Float]? {
        guard let bias else { return next.bias }
        guard second.window.isUnpadded else { throw Refusal("a bias lies between them, and the second pads") }
        let (outputs, inputs) = (next.weight.shape[0] / second.groups, next.weight.shape[1])
        let places = next.weight.shape.dropFirst(2).reduce(1, *)
        let elements = next.weight.floats()
        return (0..<next.weight.shape[0]).map { output in
            (0..<inputs).reduce(next.bias?[output] ?? 0) { sum, input in
                let start = (output * inputs + input) * places
                return sum + elements[start..<(start + places)].reduce(0, +) * bias[output / outputs * inputs + input]
            }
        }
    }

    private func taps(_ weight: Tensor) -> [Int] { Array(weight.shape.dropFirst(2)) }

    /// A weight of `groups` groups with zeros where they do not meet, as one of none; the same where it has as many as wanted.
    private func dense(_ weight: Tensor, from groups: Int, to wanted: Int) -> Tensor {
        guard groups != wanted else { return weight }
        let (outputs, inputs) = (weight.shape[0] / groups, weight.shape[1])
        let places = weight.shape.dropFirst(2).reduce(1, *)
        let source = weight.floats()
        var result = [Float](repeating: 0, count: weight.elementCount * groups)
        for output in 0..<weight.shape[0] {
            for index in 0..<(inputs * places) {
                result[(output * groups + output / outputs) * inputs * places + index] =
                    source[output * inputs * places + index]
            }
        }
        return Tensor(result, shape: Shape([weight.shape[0], groups * inputs] + weight.shape.dropFirst(2)))
    }
}

extension Matrix<Float> {
    /// Every `step`-th column from one on.
    fileprivate func strided(_ start: Int, by step: Int) -> Matrix {
        var result = Matrix(zeros: rows, columns / step)
        for row in 0..<rows {
            for column in 0..<result.columns { result[row, column] = self[row, column * step + start] }
        }
        return result
    }
}

extension Window {
    /// The window of two behind each other, of which along every axis one is 1 wide, unpadded, and, where it comes first, takes
    /// every place; nil where that is not so.
    fileprivate func followed(by next: Window, _ taps: [Int], _ others: [Int]) -> Window? {
        guard let first = plain(taps), let second = next.plain(others), taps.count == others.count else { return nil }
        var result = Window(strides: [], dilations: [], pads: [])
        var ends: [Int] = []
        for axis in taps.indices {
            let isLast = others[axis] == 1 && second.pads[axis] == 0 && second.pads[axis + taps.count] == 0
            let isFirst =
                taps[axis] == 1 && first.strides[axis] == 1 && first.pads[axis] == 0
                && first.pads[axis + taps.count] == 0
            guard isLast || isFirst else { return nil }
            let own = isLast ? first : second
            result.strides?.append(first.strides[axis] * second.strides[axis])
            result.dilations?.append(own.dilations[axis])
            result.pads?.append(own.pads[axis])
            ends.append(own.pads[axis + taps.count])
        }
        result.pads? += ends
        return result
    }

    fileprivate var isUnpadded: Bool {
        autoPad == .valid || autoPad == .explicit && (pads ?? []).allSatisfy { $0 == 0 }
    }

    /// With a number for everything; nil where pads depend on the data.
    private func plain(_ taps: [Int]) -> (strides: [Int], dilations: [Int], pads: [Int])? {
        guard autoPad == .explicit || autoPad == .valid else { return nil }
        let ones = taps.map { _ in 1 }
        let none = taps.map { _ in 0 } + taps.map { _ in 0 }
        return (strides ?? ones, dilations ?? ones, autoPad == .valid ? none : pads ?? none)
    }
}
