/// Hyperparameters that several passes have in common: a stored property of a pass, listed among the pass's own.
package protocol HyperparameterGroup: Sendable {
    init()
}
