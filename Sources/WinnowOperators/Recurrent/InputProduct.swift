package import WinnowGraph

/// An operator that does nothing with its data, input 0, but multiply its last axis with the last axis of a weight of three axes,
/// input 1: another product may come before it, and the weight then reads what that makes.
package protocol InputProduct: Operator {}

extension LSTM: InputProduct {}
extension GRU: InputProduct {}
extension RNN: InputProduct {}
