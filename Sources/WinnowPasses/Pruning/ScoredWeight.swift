package import WinnowTensor

/// A weight whose elements, or units of them that go together, have scores.
package struct ScoredWeight: Scored, Sendable {
    package let weight: MaskedWeight
    /// One for each unit, below 0 where all of it is gone; nil: the elements' absolute values.
    package let scores: [Float]?
    /// The unit of each element; nil: each is one of its own.
    package let units: [Int32]?
    /// Whether what stays has other values than the model had, and what goes is settled.
    package let isCorrected: Bool
    /// Whether magnitudes stand for scores that an importance could not give.
    package var fallsBack = false

    package init(_ weight: MaskedWeight, scores: [Float]? = nil, units: [Int32]? = nil) {
        self.weight = weight
        self.scores = scores
        self.units = units
        isCorrected = false
    }

    /// A weight that an importance has pruned: zeros go, and what stays has the numbers of `corrected`.
    package init(_ weight: MaskedWeight, corrected: Tensor) {
        let stays = corrected.floats().map { $0 != 0 }
        self.weight = weight.taking(corrected, where: stays)
        scores = stays.map { $0 ? .infinity : -1 }
        units = nil
        isCorrected = true
    }

    package var goneAreZeros: Bool { weight.mask == nil }

    package func visitScores(_ take: (UnsafeBufferPointer<Float>) -> Void) {
        if let scores { scores.visitScores(take) } else { weight.visitMagnitudes(take) }
    }

    /// 1 for the weights in use and 0 for the others, also those below the cut.
    package func mask(below cut: inout ScoreCut) -> Tensor {
        var result = Tensor(repeating: Float(1), shape: weight.values.shape).converted(to: weight.values.elementType)
        clear(&result, below: &cut)
        return result
    }

    /// The weight with zeros where it is not in use or below the cut.
    package func zeroed(below cut: inout ScoreCut) -> Tensor {
        var result = weight.values
        clear(&result, below: &cut)
        return result
    }

    private func clear(_ tensor: inout Tensor, below cut: inout ScoreCut) {
        switch tensor.elementType.bitWidth {
        case 16: clear(&tensor, as: UInt16.self, below: &cut)
        case 32: clear(&tensor, as: UInt32.self, below: &cut)
        default: clear(&tensor, as: UInt64.self, below: &cut)
        }
    }

    private func clear<Word: FixedWidthInteger>(_ tensor: inout Tensor, as word: Word.Type, below cut: inout ScoreCut) {
        var start = 0
        let removed = units == nil ? nil : scores?.map { cut.removes($0) }
        tensor.withUnsafeMutableBytes { bytes in
            let target = bytes.bindMemory(to: Word.self)
            if let removed, let units {
                for (index, unit) in units.enumerated() where removed[Int(unit)] { target[index] = 0 }
                weight.visitMagnitudes { piece in
                    for index in piece.indices where piece[index] < 0 { target[start + index] = 0 }
                    start += piece.count
                }
            } else {
                visitScores { piece in
                    for index in piece.indices where piece[index] < 0 || cut.removes(piece[index]) { target[start + index] = 0 }
                    start += piece.count
                }
            }
        }
    }
}

extension MaskedWeight {
    /// 1 for the weights in use and 0 for the others.
    package var currentMask: Tensor {
        var nothing = ScoreCut.nothing
        return ScoredWeight(self).mask(below: &nothing)
    }

    /// The weight with zeros where it is not in use.
    package var zeroed: Tensor {
        var nothing = ScoreCut.nothing
        return ScoredWeight(self).zeroed(below: &nothing)
    }
}
