import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Two projections with heads whose weights matter only as their products, head by head.
struct AttentionPair {
    /// A layer whose outputs, or inputs, are `headCount` times `width` features.
    struct Side {
        var site: WeightSite
        var contraction: Contraction
        /// Whether heads lie along its outputs; else along its inputs.
        var hasHeadsAsOutputs: Bool
        /// What is added to its outputs, where heads lie along these.
        var bias: ValueName?
        /// The node that splits features into heads, or flattens them, and the shape that it then gives; nil extents are those of its input.
        var reshape: Node
        var headsBefore: Bool
    }

    let first: Side
    let second: Side
    let headCount: Int
    let width: Int
}

extension AttentionPair {
    /// Queries and keys of the product that makes scores.
    ///
    /// - Parameter constants: what depends on initializers alone.
    init?(scores node: Node, in index: GraphIndex, constants: Set<ValueName>) {
        guard let a = node.input(0), let b = node.input(1), let rank = index.info(of: a)?.rank, rank >= 3, index.info(of: b)?.rank == rank,
            let query = SplitHeads(a, widthAxis: rank - 1, in: index, constants), let key = SplitHeads(b, widthAxis: rank - 2, in: index, constants),
            query.headCount == key.headCount, query.width == key.width, query.side.site.tensor != key.side.site.tensor
        else { return nil }
        self.init(first: query.side, second: key.side, headCount: query.headCount, width: query.width)
    }

    /// Values of the product that mixes them, and the layer that reads what comes out.
    ///
    /// - Parameter constants: what depends on initializers alone.
    init?(values node: Node, in index: GraphIndex, constants: Set<ValueName>) {
        guard let b = node.input(1), let output = node.output(0), let rank = index.info(of: b)?.rank, rank >= 3,
            let value = SplitHeads(b, widthAxis: rank - 1, in: index, constants),
            let behind = JoinedHeads(output, headCount: value.headCount, width: value.width, in: index),
            value.side.site.tensor != behind.side.site.tensor
        else { return nil }
        self.init(first: value.side, second: behind.side, headCount: value.headCount, width: value.width)
    }
}

/// A value that is a layer's outputs split into heads, with the features of a head along one axis.
private struct SplitHeads {
    let side: AttentionPair.Side
    let headCount: Int
    let width: Int

    /// - Parameter widthAxis: of the value: where the features of a head lie.
    init?(_ value: ValueName, widthAxis: Int, in index: GraphIndex, _ constants: Set<ValueName>) {
        var (value, axis) = (value, widthAxis)
        // Towards the split: transpositions, and one factor for all.
        while let node = index.producer(of: value), index.isReadOnce(value) {
            if let transpose = node.op as? Transpose, let input = node.input(0), let rank = index.info(of: input)?.rank {
                axis = (transpose.permutation ?? Array((0..<rank).reversed()))[axis]
                value = input
            } else if let input = index.scaledInput(of: node, constants) {
                value = input
            } else {
                break
            }
        }
        guard let node = index.producer(of: value), node.op is Reshape, index.isReadOnce(value), let flat = node.input(0),
            let split = index.info(of: value)?.extents, let whole = index.info(of: flat)?.extents, split.count == whole.count + 1,
            axis == split.count - 1, let heads = split[axis - 1].value, let width = split[axis].value, whole[whole.count - 1].value == heads * width,
            index.keeps(whole.dropLast(), split.dropLast(2)), index.isReadOnce(flat)
        else { return nil }
        guard let (site, bias) = index.projection(giving: flat), let contraction = Contraction(site, in: index.graph),
            contraction.resultAxis == -1, contraction.outputCount == heads * width, contraction.groupCount == 1
        else { return nil }
        side = .init(site: site, contraction: contraction, hasHeadsAsOutputs: true, bias: bias, reshape: node, headsBefore: true)
        (headCount, self.width) = (heads, width)
    }
}

/// A layer that reads the features of all heads side by side.
private struct JoinedHeads {
    let side: AttentionPair.Side

    init?(_ value: ValueName, headCount: Int, width: Int, in index: GraphIndex) {
        guard let rank = index.info(of: value)?.rank else { return nil }
        var (value, axis) = (value, rank - 1)
        while let node = index.soleConsumer(of: value), !index.isOutput(value), let transpose = node.op as? Transpose, let output = node.output(0) {
            axis = (transpose.permutation ?? Array((0..<rank).reversed())).firstIndex(of: axis) ?? axis
            value = output
        }
        guard let node = index.soleConsumer(of: value), node.op is Reshape, node.input(0) == value, !index.isOutput(value), let flat = node.output(0),
            let split = index.info(of: value)?.extents, let whole = index.info(of: flat)?.extents, split.count == whole.count + 1,
            axis == split.count - 1, split[axis - 1].value == headCount, split[axis].value == width,
            whole[whole.count - 1].value == headCount * width, index.keeps(whole.dropLast(), split.dropLast(2)),
            let layer = index.soleConsumer(of: flat), !index.isOutput(flat),
            let site = index.graph.weightSites.first(where: { $0.node.name == layer.name && $0.node.input(1 - min(1, $0.inputIndex)) == flat }),
            index.isPlain(site), let contraction = Contraction(site, in: index.graph), contraction.dataAxis == -1, contraction.groupCount == 1,
            contraction.tapCount == 1, contraction.inputCount == headCount * width
        else { return nil }
        side = .init(site: site, contraction: contraction, hasHeadsAsOutputs: false, bias: nil, reshape: node, headsBefore: false)
    }
}

extension GraphIndex {
    fileprivate func isReadOnce(_ value: ValueName) -> Bool { soleConsumer(of: value) != nil }

    /// What a node multiplies with, or divides by, one constant number.
    fileprivate func scaledInput(of node: Node, _ constants: Set<ValueName>) -> ValueName? {
        guard node.op is Mul || node.op is Div || node.op is Identity else { return nil }
        if node.op is Identity { return node.input(0) }
        guard node.inputs.count == 2 else { return nil }
        func isNumber(_ value: ValueName) -> Bool { constants.contains(value) && info(of: value)?.extents?.allSatisfy { $0.value == 1 } == true }
        if isNumber(node.inputs[1]) { return node.inputs[0] }
        return node.op is Mul && isNumber(node.inputs[0]) ? node.inputs[1] : nil
    }

    /// Whether the extents before the features are the same.
    fileprivate func keeps(_ a: ArraySlice<Extent>, _ b: ArraySlice<Extent>) -> Bool {
        a.count == b.count && zip(a, b).filter { $0 != $1 || $0 == .unknown }.count <= 1
    }

    /// The layer, and its bias, that give a value.
    fileprivate func projection(giving value: ValueName) -> (site: WeightSite, bias: ValueName?)? {
        guard var node = producer(of: value) else { return nil }
        var bias: ValueName?
        if node.op is Add, let constant = node.inputs.first(where: { graph.initializers[$0] != nil }), let other = node.inputs.first(where: { $0 != constant }) {
            guard isReadOnce(other), let next = producer(of: other), next.input(2) == nil else { return nil }
            (bias, node) = (constant, next)
        } else {
            bias = node.input(2)
        }
        guard let site = graph.weightSites.first(where: { $0.node.name == node.name }), isPlain(site) else { return nil }
        if let bias {
            guard let tensor = graph.initializers[bias], tensor.elementType == .float32, isReadOnce(bias),
                tensor.elementCount == info(of: value)?.extents?.last?.value, (node.op as? any MatrixForm)?.beta == 1
            else { return nil }
        }
        return (site, bias)
    }

    /// Whether a layer reads a float32 weight of its own as it is.
    fileprivate func isPlain(_ site: WeightSite) -> Bool {
        site.operand == site.tensor && isReadOnce(site.tensor) && graph.initializers[site.tensor]?.elementType == .float32
            && (site.node.op as? any MatrixForm)?.alpha == 1
    }
}

extension AttentionPair {
    /// A head's product decomposed: outer factors with orthonormal columns and the singular values between them.
    struct Product {
        /// Features by components.
        let left: Matrix<Float>
        let right: Matrix<Float>
        let values: [Float]
        var spectrum: Spectrum { Spectrum(values.map { Double($0) * Double($0) }, rows: values.count, columns: values.count) }
    }

    /// Each head's [W; b]·[W; b]ᵀ, by way of the two weights' own decompositions: its rank is no more than the width of a head.
    func products(in graph: Graph) throws(Refusal) -> [Product] {
        let (a, b) = (first.headRows(in: graph, headCount, width), second.headRows(in: graph, headCount, width))
        var products: [Product] = []
        for (x, y) in zip(a, b) {
            do {
                // xᵀ·y with x = U·S·Vᵀ of width × features.
                let (p, q) = (try SingularValueDecomposition(x), try SingularValueDecomposition(y))
                let core = try SingularValueDecomposition(p.scaledLeft.transposed * q.scaledLeft)
                products.append(Product(left: p.right.transposed * core.left, right: q.right.transposed * core.right.transposed, values: core.values))
            } catch { throw Refusal("its decomposition did not converge") }
        }
        return products
    }

    /// Weights, biases and shapes of heads of so many features.
    func edit(_ products: [Product], rank: Int, in graph: Graph) throws(Refusal) -> GraphEdit {
        var edit = GraphEdit()
        for (side, isFirst) in [(first, true), (second, false)] {
            // Components by features, head after head.
            var rows: [[Float]] = []
            for product in products {
                let vectors = isFirst ? product.left : product.right
                for component in 0..<rank {
                    let root = component < product.values.count ? product.values[component].squareRoot() : 0
                    rows.append((0..<vectors.rows).map { component < vectors.columns ? vectors[$0, component] * root : 0 })
                }
            }
            let features = side.contraction.featureCount(side.hasHeadsAsOutputs)
            guard let weight = graph.initializers[side.site.tensor], rows.allSatisfy({ $0.count == features + (side.bias == nil ? 0 : 1) }) else {
                throw Refusal("its weight has another shape than its heads")
            }
            edit.initializers.append((side.site.tensor, side.weight(rows.map { Array($0.prefix(features)) }, like: weight)))
            if let bias = side.bias, let stored = graph.initializers[bias] {
                let shape = Shape(stored.shape.dropLast() + [rows.count])
                edit.initializers.append((bias, Tensor(rows.map { $0[features] }, shape: shape)))
            }
            let name = graph.freshValueName("\(side.reshape.name).heads.\(isFirst ? 0 : 1)")
            var reshape = side.reshape
            guard let outer = graph.infos[side.reshape.inputs[0]]?.extents, let own = side.reshape.output(0).flatMap({ graph.infos[$0]?.extents }) else {
                throw Refusal("the shape of its heads is not known")
            }
            let count = (side.headsBefore ? outer.count - 1 : own.count - 1)
            // What comes before the features is as in the input.
            let shape = [Int64](repeating: 0, count: count) + (side.headsBefore ? [Int64(headCount), Int64(rank)] : [Int64(headCount * rank)])
            reshape.op = Reshape()
            reshape.inputs = [side.reshape.inputs[0], name]
            edit.removedNodes.insert(reshape.name)
            edit.addedNodes.append(reshape)
            edit.initializers.append((name, Tensor(shape)))
        }
        return edit
    }
}

extension AttentionPair.Side {
    /// For each head a matrix of its features by the other side of the layer, the bias as a last column.
    fileprivate func headRows(in graph: Graph, _ headCount: Int, _ width: Int) -> [Matrix<Float>] {
        guard let weight = graph.initializers[site.tensor] else { return [] }
        let matrix = hasHeadsAsOutputs ? contraction.matrix(of: weight) : contraction.matrix(of: weight).transposed
        let bias = bias.flatMap { graph.initializers[$0]?.floats() }
        return (0..<headCount).map { head in
            var elements: [Float] = []
            for row in (head * width)..<((head + 1) * width) {
                elements += matrix.elements[(row * matrix.columns)..<((row + 1) * matrix.columns)]
                if let bias { elements.append(bias[row]) }
            }
            return Matrix(elements, rows: width, columns: matrix.columns + (bias == nil ? 0 : 1))
        }
    }

    /// Rows of heads as the layer stores its weight.
    fileprivate func weight(_ rows: [[Float]], like stored: Tensor) -> Tensor {
        let matrix = Matrix(rows.flatMap { $0 }, rows: rows.count, columns: rows.first?.count ?? 0)
        // Two axes: outputs and inputs, in the order in which they are stored.
        let isOutputFirst = site.outputAxis == 0
        let isTurned = hasHeadsAsOutputs != isOutputFirst
        let result = isTurned ? matrix.transposed : matrix
        return Tensor(result.elements, shape: [result.rows, result.columns])
    }
}

extension Contraction {
    /// Of the side without heads.
    fileprivate func featureCount(_ hasHeadsAsOutputs: Bool) -> Int { hasHeadsAsOutputs ? depth : outputCount }
}

extension SingularValueDecomposition {
    /// U·diag(s), transposed it meets another's: width × components.
    fileprivate var scaledLeft: Matrix<Scalar> {
        var result = left
        for row in 0..<result.rows { for column in 0..<result.columns { result[row, column] *= values[column] } }
        return result
    }
}
