import WinnowGraph
import WinnowTensor

/// What RNN, GRU and LSTM share: size, direction, activations, clipping and the order of axes.
package struct RecurrentParameters: Sendable, Hashable {
    package enum Direction: String, Sendable { case forward, reverse, bidirectional }

    package var hiddenSize: Int
    package var direction: Direction
    /// Names for each direction one after the other; empty takes the operator's usual ones.
    package var activations: [String]
    /// One for each of the activations that has such a parameter, in their order; those left out have the usual ones.
    package var alphas: [Float]
    package var betas: [Float]
    /// The largest magnitude before an activation; nil does not clip.
    package var clip: Float?
    /// Whether the batch comes before time.
    package var isBatchFirst: Bool

    package init(
        hiddenSize: Int, direction: Direction = .forward, activations: [String] = [], alphas: [Float] = [], betas: [Float] = [],
        isBatchFirst: Bool = false
    ) {
        self.hiddenSize = hiddenSize
        self.direction = direction
        self.activations = activations
        self.alphas = alphas
        self.betas = betas
        clip = nil
        self.isBatchFirst = isBatchFirst
    }

    init(attributes: Attributes) throws {
        let name = try attributes.string("direction", default: "forward")
        guard let direction = Direction(rawValue: name) else { throw WinnowError(.model, "direction", "\(name) is not known") }
        self.init(
            hiddenSize: try attributes.int("hidden_size", default: 0), direction: direction,
            activations: try attributes.strings("activations") ?? [],
            alphas: try attributes.floats("activation_alpha") ?? [],
            betas: try attributes.floats("activation_beta") ?? [],
            isBatchFirst: try attributes.flag("layout", default: false))
        clip = try attributes.float("clip")
        // Before operator set 7 it said that the node has output 0, which the node's outputs say too.
        _ = try attributes.int("output_sequence")
        guard hiddenSize > 0 else { throw WinnowError(.model, "hidden_size", "is \(hiddenSize), but must be positive") }
    }

    var attributes: Attributes {
        var attributes: Attributes = ["hidden_size": .int(hiddenSize)]
        if direction != .forward { attributes["direction"] = .string(direction.rawValue) }
        if !activations.isEmpty { attributes["activations"] = .strings(activations) }
        if !alphas.isEmpty { attributes["activation_alpha"] = .floats(alphas) }
        if !betas.isEmpty { attributes["activation_beta"] = .floats(betas) }
        if let clip { attributes["clip"] = .float(clip) }
        if isBatchFirst { attributes["layout"] = .int(1) }
        return attributes
    }

    var minimumVersion: Int { isBatchFirst ? 14 : 7 }
    var directionCount: Int { direction == .bidirectional ? 2 : 1 }

    /// (T, D, B, H) and the final states (D, B, H), or with the batch first.
    func outputs(for inputs: [ValueInfo?], stateCount: Int) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        let extents = x.extents ?? [.unknown, .unknown, .unknown]
        guard extents.count == 3 else { throw WinnowError(.shape, "input \(x.type)", "must have three axes") }
        let (directions, hidden) = (Extent.fixed(directionCount), Extent.fixed(hiddenSize))
        let batch = extents[isBatchFirst ? 0 : 1]
        let all = isBatchFirst ? [batch, extents[1], directions, hidden] : [extents[0], directions, batch, hidden]
        let last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        for state in inputs.dropFirst(5).prefix(stateCount) {
            guard let own = state?.type, !ValueType(own.elementType, last).accepts(own) else { continue }
            throw WinnowError(.shape, "initial state", "is \(own), not \(ValueType(own.elementType, last))")
        }
        return [ValueInfo(x.elementType, all)] + (0..<stateCount).map { _ in ValueInfo(x.elementType, last) }
    }

    /// Whether the activations, in every direction, are the operator's usual ones.
    func hasUsualActivations(_ usual: [String]) -> Bool {
        activations.enumerated().allSatisfy { $1.lowercased() == usual[$0 % usual.count].lowercased() }
    }

    /// Activation `index` of a direction, of which the operator has `usual.count`.
    func activation(_ index: Int, direction: Int, usual: [String]) throws -> RecurrentActivation {
        if activations.isEmpty { return try RecurrentActivation(index, of: usual, alphas: [], betas: []) }
        let position = direction * usual.count + index
        return try RecurrentActivation(
            position < activations.count ? position : index % activations.count, of: activations, alphas: alphas, betas: betas)
    }
}
