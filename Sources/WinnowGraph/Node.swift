/// The name of a value: unique in its graph; the empty string stands for an omitted optional operand.
public typealias ValueName = String

/// One use of an operator: named inputs and outputs.
package struct Node: Sendable {
    /// Unique in its graph and never empty.
    package var name: String
    package var op: any Operator
    package var inputs: [ValueName]
    package var outputs: [ValueName]
    /// What its file says of it in words, and what passes record: that a Mul applies a pruning mask.
    package var notes: Notes

    package init(name: String, op: any Operator, inputs: [ValueName], outputs: [ValueName], notes: Notes = Notes()) {
        self.name = name
        self.notes = notes
        self.op = op
        self.inputs = inputs
        self.outputs = outputs
    }

    /// The name of input `index`, or nil if it is omitted.
    package func input(_ index: Int) -> ValueName? {
        index < inputs.count && !inputs[index].isEmpty ? inputs[index] : nil
    }

    /// All values it needs: its inputs and what its bodies capture.
    package var readValues: [ValueName] { inputs.filter { !$0.isEmpty } + op.capturedValues }

    /// The name of output `index`, or nil if it is omitted.
    package func output(_ index: Int) -> ValueName? {
        index < outputs.count && !outputs[index].isEmpty ? outputs[index] : nil
    }
}

extension [ValueName] {
    /// The list without omitted operands at its end.
    package var withoutMissingEnd: [ValueName] { Array(prefix((lastIndex { !$0.isEmpty } ?? -1) + 1)) }

    /// The list with omitted operands put behind it up to `count`.
    package func padded(to count: Int) -> [ValueName] { self + [ValueName](repeating: "", count: Swift.max(0, count - self.count)) }
}
