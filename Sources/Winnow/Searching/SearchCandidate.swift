import WinnowPasses

/// A recipe of a search in its parts: what is left away, how long the rest is trained, and how it is stored.
struct SearchCandidate {
    /// nil: nothing is left away.
    var reduction: (way: SearchSpace.Reduction, strength: Double)?
    /// Epochs of each training in floats.
    var epochs: [Int] = []
    var storage: SearchSpace.Storage
    /// Epochs of each training with codes.
    var codedEpochs: [Int] = []

    /// The same trained on: in floats where parts were left away, else with its codes.
    func trained(epochs more: Int) -> SearchCandidate {
        var result = self
        if reduction == nil { result.codedEpochs.append(more) } else { result.epochs.append(more) }
        return result
    }

    /// The same trained on with its codes in place; in floats where that is not possible.
    func trainedLast(epochs more: Int) -> SearchCandidate {
        var result = self
        if storage.isTrainable { result.codedEpochs.append(more) } else { result.epochs.append(more) }
        return result
    }

    func stored(as storage: SearchSpace.Storage) -> SearchCandidate {
        SearchCandidate(reduction: reduction, epochs: epochs, storage: storage)
    }

    var trainedEpochs: Int { (epochs + codedEpochs).reduce(0, +) }

    func steps(in space: SearchSpace) -> [PassStep] {
        var steps = space.prelude
        if let (way, strength) = reduction { steps += [PassStep(way.make(strength))] + (trainedEpochs > 0 ? way.repair : []) }
        steps += epochs.map { space.recovery(epochs: $0) }
        if case .along(let pass) = storage.training, !codedEpochs.isEmpty {
            steps.append(space.recovery(epochs: codedEpochs.reduce(0, +), with: pass))
        } else {
            steps += storage.steps + codedEpochs.map { space.recovery(epochs: $0) }
        }
        return steps + space.closing
    }

    /// `structured-pruning 0.5, 3 epochs, int8`
    var title: String {
        func words(_ epochs: [Int], _ behind: String = "") -> [String] {
            let sum = epochs.reduce(0, +)
            return sum == 0 ? [] : ["\(sum) epoch\(sum == 1 ? "" : "s")\(behind)"]
        }
        let parts = reduction.map { ["\($0.way.words) \($0.strength.shortText)"] } ?? []
        return (parts + words(epochs) + [storage.words] + words(codedEpochs, " with codes")).joined(separator: ", ")
    }
}
