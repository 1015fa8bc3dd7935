import Foundation
import WinnowKernels
public import WinnowTensor

/// How a mask for a tensor is found, as in `torch.nn.utils.prune`.
///
/// The budget counts what an earlier mask has left: 0.5 twice leaves a quarter. Fractions are rounded halves to even.
public enum PruningMethod: Sendable, Equatable {
    /// Nothing goes: the mask is there, and training keeps to it.
    case identity
    /// Elements drawn at random, all alike.
    case randomUnstructured(Budget)
    /// The elements of the least absolute values.
    case l1Unstructured(Budget)
    /// Whole channels drawn at random: the places along an axis, which counts from the end if it is negative.
    case randomStructured(Budget, axis: Int)
    /// The channels of the least norms over all other axes.
    case lnStructured(Budget, norm: ChannelNorm, axis: Int)
    /// The elements where this tensor is 0.
    case mask(Tensor)
}

/// What measures a channel.
public enum ChannelNorm: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    /// (Σ|w|ⁿ)^(1/n); n = 0 counts what is not 0, ∞ takes the largest absolute value and −∞ the least.
    case order(Double)
    /// The sum of the singular values of channels that are matrices.
    case nuclear

    public init(integerLiteral order: Int) { self = .order(Double(order)) }
    public init(floatLiteral order: Double) { self = .order(order) }

    func callAsFunction(_ channel: [Double], shape: Shape) throws -> Double {
        switch self {
        case .nuclear:
            return try SingularValueDecomposition(Matrix(channel, rows: shape[0], columns: shape[1])).values.reduce(0, +)
        case .order(0): return Double(channel.count { $0 != 0 })
        case .order(.infinity): return channel.lazy.map(\.magnitude).max() ?? 0
        case .order(-.infinity): return channel.lazy.map(\.magnitude).min() ?? 0
        case .order(1): return channel.reduce(0) { $0 + $1.magnitude }
        case .order(2): return channel.reduce(0) { $0 + $1 * $1 }.squareRoot()
        case .order(let n): return pow(channel.reduce(0) { $0 + pow($1.magnitude, n) }, 1 / n)
        }
    }
}

extension PruningMethod {
    /// The mask of one tensor: 0 where it is pruned, else 1, of the tensor's own type.
    ///
    /// - Parameters:
    ///   - weights: the tensor, of floats.
    ///   - mask: what is pruned already stays so.
    ///   - importance: what is compared in place of the weights under their mask, of the same shape.
    ///   - seed: fixes what is drawn at random.
    /// - Throws: `.usage` for an amount that does not fit, an axis that is not there, channels of vectors; `.shape` for a mask or
    ///   an importance of another shape; `.unsupported` for codes.
    public func mask(
        for weights: Tensor, over mask: Tensor? = nil, importance: Tensor? = nil, seed: UInt64 = 0
    ) throws -> Tensor {
        try masks(for: [PrunedTensor("weights", weights, mask: mask, importance: importance)], seed: seed)[0]
    }

    /// The masks of tensors that are compared with each other. Throws `.usage` for channels, which only one tensor has.
    package func masks(for tensors: [PrunedTensor], seed: UInt64) throws -> [Tensor] {
        var random = RandomGenerator(seed: seed)
        guard let budget else { return try tensors.map { try $0.masked(by: self) } }
        guard tensors.count == 1 || axis == nil else {
            throw WinnowError(.usage, "\(self)", "compares the channels of one tensor", remedy: "prune the tensors one by one")
        }
        let scored = try tensors.map { try $0.scored(by: self, &random) }
        try budget.check(left: scored.reduce(0) { $0 + $1.leftCount })
        let areMagnitudes = axis == nil && !isRandom && tensors.allSatisfy(\.isComparedByItself)
        let resolved = areMagnitudes ? budget.resolved(for: scored.map(\.weight), areMagnitudes: false) : budget.resolved(by: scored)
        var cut = resolved.cut(of: scored)
        return scored.map { $0.mask(below: &cut) }
    }

    fileprivate var budget: Budget? {
        switch self {
        case .identity, .mask: nil
        case .randomUnstructured(let budget), .l1Unstructured(let budget), .randomStructured(let budget, _),
            .lnStructured(let budget, _, _):
            budget
        }
    }

    fileprivate var axis: Int? {
        switch self {
        case .randomStructured(_, let axis), .lnStructured(_, _, let axis): axis
        default: nil
        }
    }

    fileprivate var isRandom: Bool {
        switch self {
        case .randomUnstructured, .randomStructured: true
        default: false
        }
    }

    fileprivate var norm: ChannelNorm { if case .lnStructured(_, let norm, _) = self { norm } else { 1 } }
}

extension PruningMethod: CustomStringConvertible {
    /// `ln-structured 0.5, norm 2, axis 0`
    public var description: String {
        switch self {
        case .identity: "identity"
        case .randomUnstructured(let budget): "random-unstructured \(budget)"
        case .l1Unstructured(let budget): "l1-unstructured \(budget)"
        case .randomStructured(let budget, let axis): "random-structured \(budget), axis \(axis)"
        case .lnStructured(let budget, .order(let order), let axis):
            "ln-structured \(budget), norm \(order.shortText), axis \(axis)"
        case .lnStructured(let budget, .nuclear, let axis): "ln-structured \(budget), norm nuclear, axis \(axis)"
        case .mask: "mask"
        }
    }
}

/// A tensor with the mask it has so far and what it is pruned by.
package struct PrunedTensor {
    private let weight: MaskedWeight
    /// What is compared: the importance, or the weights under their mask.
    private let importance: Tensor
    fileprivate let isComparedByItself: Bool

    /// Throws `.shape` and `.unsupported` as `PruningMethod.mask` does.
    package init(_ name: String, _ weights: Tensor, mask: Tensor? = nil, importance: Tensor? = nil) throws {
        if let reason = MaskedWeight.objection(to: weights) { throw WinnowError(.unsupported, "tensor \(name)", reason) }
        for (role, tensor) in [("mask", mask), ("importance", importance)] {
            if let tensor { try Self.check(role, tensor, against: weights, of: name) }
        }
        let mask = mask ?? Tensor(repeating: Float(1), shape: weights.shape)
        guard let weight = MaskedWeight(name, weights, mask: mask) else {
            throw WinnowError(.unsupported, "tensor \(name)", "cannot be pruned")
        }
        self.weight = weight
        self.importance = importance ?? weight.zeroed
        isComparedByItself = importance == nil
    }

    private static func check(_ role: String, _ tensor: Tensor, against weights: Tensor, of name: String) throws {
        guard tensor.shape == weights.shape else {
            throw WinnowError(
                .shape, "\(role) of \(name)", "is \(tensor.shape), but the weights are \(weights.shape)",
                remedy: "give one number for each weight")
        }
    }

    /// The mask without what a method takes that compares nothing.
    fileprivate func masked(by method: PruningMethod) throws -> Tensor {
        guard case .mask(let other) = method else { return weight.currentMask }
        try Self.check("mask", other, against: weight.values, of: weight.tensor)
        let both = zip(weight.currentMask.floats(), other.doubles()).map { $1 == 0 ? 0 : $0 }
        return Tensor(both, shape: other.shape).converted(to: weight.values.elementType)
    }

    fileprivate func scored(by method: PruningMethod, _ random: inout RandomGenerator) throws -> ScoredWeight {
        let inUse = weight.magnitudesInUse.map { $0 >= 0 }
        guard let axis = method.axis else {
            let magnitudes = method.isRandom ? nil : importance.floats()
            return ScoredWeight(
                weight, scores: inUse.indices.map { !inUse[$0] ? -1 : magnitudes?[$0].magnitude ?? random.uniform() })
        }
        let channels = try self.channels(along: axis)
        let shape = weight.values.shape
        let channel = Shape(shape.indices.filter { $0 != (axis + shape.rank) % shape.rank }.map { shape[$0] })
        guard method.norm != .nuclear || channel.rank == 2 else {
            throw WinnowError(
                .usage, "nuclear norm", "is of matrices, and channels of \(weight.tensor) are \(channel)",
                remedy: "take another norm")
        }
        let numbers = importance.doubles()
        let scores = try channels.map { places -> Float in
            guard places.contains(where: { inUse[$0] }) else { return -1 }
            return method.isRandom ? random.uniform() : Float(try method.norm(places.map { numbers[$0] }, shape: channel))
        }
        var units = [Int32](repeating: 0, count: weight.count)
        for (index, places) in channels.enumerated() { for place in places { units[place] = Int32(index) } }
        return ScoredWeight(weight, scores: scores, units: units)
    }

    /// The places of each channel in storage order. Throws `.usage` for vectors, and for an axis that is not there.
    private func channels(along axis: Int) throws -> [[Int]] {
        let shape = weight.values.shape
        guard shape.rank > 1 else {
            throw WinnowError(
                .usage, "tensor \(weight.tensor)", "is a vector of \(shape) and has no channels", remedy: "prune its elements")
        }
        guard (-shape.rank..<shape.rank).contains(axis) else {
            throw WinnowError(
                .usage, "axis \(axis)", "is none of \(weight.tensor), which is \(shape)",
                remedy: "give \(-shape.rank)…\(shape.rank - 1)")
        }
        let (stride, extent) = (shape.strides[(axis + shape.rank) % shape.rank], shape[(axis + shape.rank) % shape.rank])
        var channels = [[Int]](repeating: [], count: extent)
        for place in 0..<shape.elementCount { channels[place / stride % extent].append(place) }
        return channels
    }
}

extension ScoredWeight {
    /// The elements or units that are not gone.
    var leftCount: Int {
        var count = 0
        visitScores { piece in count += piece.count { $0 >= 0 } }
        return count
    }
}
