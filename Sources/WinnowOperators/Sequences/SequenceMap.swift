package import WinnowGraph
import WinnowTensor

/// A graph run on every member of a list; further lists are walked along with it, tensors are handed to each run.
package struct SequenceMap: ControlFlowOperator {
    package static let type = OperatorType("SequenceMap")
    package static let maximumOutputCount = Int.max

    package var body: Graph

    package init(_ body: Graph) { self.body = body }
    package init(attributes: Attributes, version: Int) throws { self.init(try attributes.body("body")) }

    package var bodies: [String: Graph] { ["body": body] }
    package var minimumVersion: Int { 17 }

    package func outputs(for inputs: [ValueInfo?], around: [ValueName: ValueInfo]) throws -> [ValueInfo] {
        body.bodyOutputs.map { .list(of: $0.elementType) }
    }

    package func compute(_ inputs: [Datum?], run: (String, [Datum]) throws -> [Datum]) throws -> [Datum] {
        let count = try inputs.list(0).count
        var lists = [[Tensor]](repeating: [], count: body.outputs.count)
        for index in 0..<count {
            let members = try inputs.indices.map { input -> Datum in
                guard let list = inputs[input]?.list else { return .tensor(try inputs.tensor(input)) }
                guard list.count == count else { throw WinnowError(.data, "input \(input)", "has \(list.count) members, not \(count)") }
                return .tensor(list[index])
            }
            let results: [Datum?] = try run("body", members)
            for output in lists.indices { lists[output].append(try results.tensor(output)) }
        }
        return lists.map { .list($0) }
    }
}
