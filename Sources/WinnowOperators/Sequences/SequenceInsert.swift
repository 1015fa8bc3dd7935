package import WinnowGraph
import WinnowTensor

/// A list with a tensor before the position in input 2, or at its end.
package struct SequenceInsert: ListMaker, AttributeFree {
    package static let type = OperatorType("SequenceInsert")
    package static let maximumInputCount = 3

    package init() {}

    package var minimumVersion: Int { 11 }
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [.list(of: try inputs.required(1).elementType)] }

    package func results(_ inputs: [Datum?]) throws -> [Datum] {
        var list = try inputs.list(0)
        list.insert(try inputs.tensor(1), at: try inputs.place(2, count: list.count))
        return [.list(list)]
    }

    package func members(of node: Node, in graph: GraphIndex) -> [ValueName]? {
        guard var list = graph.members(of: node.input(0)), let member = node.input(1) else { return nil }
        guard let position = node.input(2) else { return list + [member] }
        guard let number = graph.info(of: position)?.integers?.first else { return nil }
        let place = number < 0 ? number + list.count : number
        guard (0...list.count).contains(place) else { return nil }
        list.insert(member, at: place)
        return list
    }
}

extension [Datum?] {
    /// Where input `index` says that something goes into a list: its end counts, and is meant where the input is omitted.
    fileprivate func place(_ index: Int, count: Int) throws -> Int {
        guard let number = optionalTensor(index)?.integers().first, number >= 0 else {
            return try optionalTensor(index) == nil ? count : position(index, in: 0..<count, fallback: 0)
        }
        return try position(index, in: 0..<(count + 1), fallback: 0)
    }
}
