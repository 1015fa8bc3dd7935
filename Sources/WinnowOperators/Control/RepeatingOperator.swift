package import WinnowGraph

/// A control-flow operator that runs its body again and again, handing values on from run to run: Loop, Scan.
package protocol RepeatingOperator: ControlFlowOperator {
    var body: Graph { get }
    /// The values handed on, in the order of the node's outputs, which begin with them: their places among the inputs of the body, which
    /// are those of the node, and among the body's outputs.
    var states: [(input: Int, output: Int)] { get }
}
