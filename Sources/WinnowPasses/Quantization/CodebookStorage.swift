package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A weight as codes that look numbers up in a table.
///
/// ONNX has no such operator, so it is written in those every runtime has:
/// `DequantizeLinear(codes) → Cast(int32) → Gather(table) [→ Mul(scales)] → Reshape`. Codes take 4 bits for tables of up to
/// 16 numbers (operator set 21), 8 bits for larger ones.
package struct CodebookStorage {
    private let graph: Graph
    private var edit = GraphEdit()
    private var types: Set<ElementType> = []

    package init(_ graph: Graph) { self.graph = graph }

    /// Replaces a weight. With `scales`, the codes fall into as many blocks of equal length, in storage order.
    /// Returns the bytes stored instead.
    package mutating func store(_ site: WeightSite, codes: [UInt8], table: [Float], scales: [Float] = []) -> Int {
        guard let weight = graph.initializers[site.tensor] else { return 0 }
        let name = site.tensor
        let blocks: Shape = scales.isEmpty ? weight.shape : [scales.count, weight.elementCount / scales.count]
        let isNarrow = table.count <= 16
        let stored = Tensor(codes: codes, shape: blocks, isNarrow ? .uint4 : .uint8).spilled()
        edit.initializers += [
            ("\(name).codes", stored), ("\(name).table", Tensor(table)), ("\(name).one", Tensor(scalar: Float(1))),
        ]
        func add(_ part: String, _ op: any Operator, _ inputs: [ValueName]) -> ValueName {
            edit.addedNodes.append(Node(name: "\(name).\(part)", op: op, inputs: inputs, outputs: ["\(name).\(part)"]))
            return "\(name).\(part)"
        }
        let numbers = add("numbers", DequantizeLinear(), ["\(name).codes", "\(name).one"])
        let indices = add("indices", Cast(to: .int32), [numbers])
        var value = add("looked-up", Gather(axis: 0), ["\(name).table", indices])
        var byteCount = stored.byteCount + 4 * (table.count + scales.count)
        if !scales.isEmpty {
            let extents = weight.shape.map { Int64($0) }
            edit.initializers += [
                ("\(name).scales", Tensor(scales, shape: [scales.count, 1]).spilled()), ("\(name).extents", Tensor(extents)),
            ]
            value = add("scaled", Mul(), [value, "\(name).scales"])
            value = add("shaped", Reshape(), [value, "\(name).extents"])
            byteCount += 8 * extents.count
        }
        edit.rewired[name] = value
        types.insert(stored.elementType)
        return byteCount
    }

    /// The graph with the weights replaced.
    package func apply() throws -> Graph { try graph.applying(edit).allowing(types) }
}
