package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// A weight together with its pruning mask. Large ones are read some at a time, never copied.
package struct MaskedWeight: Sendable {
    package var tensor: ValueName
    /// Of a type in `types`.
    package var values: Tensor
    /// float32, 0 where the weight is pruned; nil: where the weight is zero.
    package var mask: Tensor?
    /// What is compared; nil: the absolute values.
    var scores: [Float]?
}

extension MaskedWeight {
    /// The element types of weights that can be pruned; masks have the weight's own.
    private static let types: Set<ElementType> = [.float32, .float16, .bfloat16, .float64]

    /// Why a tensor can't be pruned element by element.
    static func refusal(_ tensor: Tensor?) -> String { "is \(tensor?.elementType.description ?? "gone"): codes are not pruned" }

    /// nil unless the tensor holds floats.
    package init?(_ site: WeightSite, in graph: Graph) {
        self.init(site.tensor, graph.initializers[site.tensor], mask: site.mask.flatMap { graph.initializers[$0] })
    }

    init?(_ tensor: ValueName, _ values: Tensor?, mask: Tensor?) {
        guard let values, Self.types.contains(values.elementType) else { return nil }
        self.init(tensor: tensor, values: values, mask: mask?.converted(to: .float32))
    }

    package var count: Int { values.elementCount }

    /// What stands for the score of a weight that is not in use.
    private static let unused: Float = -1

    /// Hands over the scores in order, some at a time; they are below 0 where a weight is not in use.
    func visitScores(_ take: (UnsafeBufferPointer<Float>) -> Void) {
        if let scores { scores.withUnsafeBufferPointer(take); return }
        guard values.elementType == .float32 else { return visitConvertedScores(take) }
        values.withElements(Float.self) { values in
            for piece in self.values.pieces {
                let magnitudes = mask.map { mask in
                    mask.withElements(Float.self) { mask in piece.map { mask[$0] == 0 ? Self.unused : values[$0].magnitude } }
                } ?? piece.map { values[$0] == 0 ? Self.unused : values[$0].magnitude }
                magnitudes.withUnsafeBufferPointer(take)
            }
        }
    }

    private func visitConvertedScores(_ take: (UnsafeBufferPointer<Float>) -> Void) {
        for piece in values.pieces {
            let kept = mask?.doubles(in: piece) ?? values.doubles(in: piece)
            zip(values.doubles(in: piece), kept).map { $1 == 0 ? Self.unused : Float($0.magnitude) }.withUnsafeBufferPointer(take)
        }
    }

    /// The number of weights in use.
    package var keptCount: Int {
        var unused = 0
        visitScores { piece in unused += piece.count { $0 < 0 } }
        return count - unused
    }

    /// The part that is masked or zero.
    package var sparsity: Double {
        var zeros = 0
        visitScores { piece in zeros += piece.count { $0 <= 0 } }
        return count == 0 ? 0 : Double(zeros) / Double(count)
    }

    /// The absolute values, below 0 where a weight is not in use.
    package var magnitudesInUse: [Float] {
        var plain = self
        plain.scores = nil
        var magnitudes: [Float] = []
        plain.visitScores { magnitudes += $0 }
        return magnitudes
    }

    /// With the scores that an importance gives.
    func scored(by importance: any ElementImportance) -> MaskedWeight {
        var result = self
        guard let scores = importance.scores(of: self) else { return result }
        result.scores = zip(scores, magnitudesInUse).map { $1 < 0 ? Self.unused : $0 }
        return result
    }

    /// 1 for the weights in use and 0 for the others, also those below the cut.
    package func mask(below cut: inout PruningCut) -> Tensor {
        var result = Tensor(repeating: Float(1), shape: values.shape).converted(to: values.elementType)
        clear(&result, below: &cut)
        return result
    }

    package var currentMask: Tensor {
        var nothing = PruningCut.nothing
        return mask(below: &nothing)
    }

    /// The weight with zeros where it is not in use or below the cut.
    package func zeroed(below cut: inout PruningCut) -> Tensor {
        var result = values
        clear(&result, below: &cut)
        return result
    }

    private func clear(_ tensor: inout Tensor, below cut: inout PruningCut) {
        switch tensor.elementType.bitWidth {
        case 16: clear(&tensor, as: UInt16.self, below: &cut)
        case 32: clear(&tensor, as: UInt32.self, below: &cut)
        default: clear(&tensor, as: UInt64.self, below: &cut)
        }
    }

    private func clear<Word: FixedWidthInteger>(_ tensor: inout Tensor, as word: Word.Type, below cut: inout PruningCut) {
        var start = 0
        tensor.withUnsafeMutableBytes { bytes in
            let target = bytes.bindMemory(to: Word.self)
            visitScores { piece in
                for index in piece.indices where piece[index] < 0 || cut.removes(piece[index]) { target[start + index] = 0 }
                start += piece.count
            }
        }
    }
}

/// Where scores are cut: those below the limit go, and of those at the limit so many, in order.
package struct PruningCut {
    var limit: Float
    var ties: Int

    static let nothing = PruningCut(limit: 0, ties: 0)

    mutating func removes(_ score: Float) -> Bool {
        if score < limit { return true }
        guard score == limit, ties > 0 else { return false }
        ties -= 1
        return true
    }
}

extension Graph {
    /// The graph in which these weights are multiplied by 0/1 masks: `W.masked = Mul(W, W.mask)`. Masks that are there
    /// already get new contents. A weight that callers see stays as they know it.
    package func masking(_ masks: [ValueName: Tensor]) throws -> Graph {
        var edit = GraphEdit()
        var names = FreshNames(self)
        let present = Dictionary(maskNodes.map { ($0.weight, $0.mask) }, uniquingKeysWith: { first, _ in first })
        for weight in initializerNames {
            guard let tensor = masks[weight] else { continue }
            if let mask = present[weight] { edit.initializers.append((mask, tensor)); continue }
            let (mask, masked) = (names.value("\(weight).mask"), names.value("\(weight).masked"))
            edit.initializers.append((mask, tensor))
            edit.addedNodes.append(
                Node(name: names.node(masked), op: Mul(), inputs: [weight, mask], outputs: [masked], notes: .mask))
            edit.rewired[weight] = masked
        }
        edit.outputs = outputs
        return try applying(edit)
    }

    /// The Mul nodes that apply masks, with the initializers they read.
    package var maskNodes: [(node: Node, weight: ValueName, mask: ValueName)] {
        nodes.compactMap { node in
            guard node.notes.isMask, node.op is Mul, let weight = node.input(0), let mask = node.input(1),
                initializers[weight] != nil, initializers[mask] != nil
            else { return nil }
            return (node, weight, mask)
        }
    }

    /// The graph in which weights that are exactly zero are masked, so that training leaves them so.
    package func maskingZeros() throws -> Graph {
        var masks: [ValueName: Tensor] = [:]
        for site in weightSites where site.mask == nil && !site.isQuantized {
            guard let weight = MaskedWeight(site, in: self), weight.keptCount < weight.count else { continue }
            masks[site.tensor] = weight.currentMask
        }
        return masks.isEmpty ? self : try masking(masks)
    }

    /// The graph with masks (all, or those named) multiplied into their weights for good.
    package func foldingMasks(only masks: Set<ValueName>? = nil) throws -> Graph {
        try removingMasks(masks) { weight, mask in
            guard let masked = MaskedWeight("", weight, mask: mask) else {
                return Tensor(zip(weight.doubles(), mask.doubles()).map { $1 == 0 ? 0 : $0 }, shape: weight.shape, as: weight.elementType)
            }
            var nothing = PruningCut.nothing
            return masked.zeroed(below: &nothing).spilled()
        }
    }

    /// The graph without masks, every weight as it was stored beneath.
    package func droppingMasks() throws -> Graph { try removingMasks(nil) { weight, _ in weight } }

    private func removingMasks(_ masks: Set<ValueName>?, _ combine: (Tensor, Tensor) -> Tensor) throws -> Graph {
        var edit = GraphEdit()
        for (node, weight, mask) in maskNodes where masks?.contains(mask) ?? true {
            guard let tensor = initializers[weight], let maskTensor = initializers[mask], let output = node.output(0)
            else {
                continue
            }
            edit.removedNodes.insert(node.name)
            edit.rewired[output] = weight
            edit.initializers.append((weight, combine(tensor, maskTensor)))
        }
        return try applying(edit)
    }
}
