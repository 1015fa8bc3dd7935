package import WinnowGraph
import WinnowTensor

/// An operator on lists of tensors (ONNX's sequences).
///
/// Lists that the graph puts together from values it names become those values when planned; others exist only where the
/// session computes node by node.
package protocol ListOperator: InterpretedOperator {
    func results(_ inputs: [Datum?]) throws -> [Datum]
}

extension ListOperator {
    package func compute(_ inputs: [Datum?], run: (String, [Datum]) throws -> [Datum]) throws -> [Datum] { try results(inputs) }

    /// What training may differentiate is what plans run.
    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try lowering(of: node, in: graph) }
}

/// An operator whose result is a list of which it may be known what values it holds.
package protocol ListMaker: ListOperator {
    func members(of node: Node, in graph: GraphIndex) -> [ValueName]?
}

extension GraphIndex {
    /// The values that a list holds; nil where that depends on contents.
    func members(of list: ValueName?) -> [ValueName]? {
        guard let node = producer(of: list) else { return nil }
        return (node.op as? any ListMaker)?.members(of: node, in: self)
    }

    /// The constant position in an input, counted from the front: nil where it is none or lies outside, `fallback` where the
    /// input is omitted.
    func position(_ value: ValueName?, in range: Range<Int>, fallback: Int) -> Int? {
        guard let value else { return range.contains(fallback) ? fallback : nil }
        return info(of: value)?.integers?.first.flatMap { $0.position(in: range) }
    }
}

extension Int {
    /// The position counted from the front, where negative ones count from `range`'s end; nil outside.
    fileprivate func position(in range: Range<Int>) -> Int? {
        let position = self < 0 ? self + range.upperBound : self
        return range.contains(position) ? position : nil
    }
}

extension [Datum?] {
    /// The position in an input, as `GraphIndex.position` has it; throws where it lies outside.
    func position(_ index: Int, in range: Range<Int>, fallback: Int) throws -> Int {
        let given = optionalTensor(index)?.integers().first
        guard let position = (given ?? fallback).position(in: range) else {
            throw WinnowError(.data, "position", "\(given ?? fallback) is none of the list's \(range.upperBound)")
        }
        return position
    }
}

extension ValueInfo {
    /// A list of tensors of one element type.
    static func list(of elementType: ElementType) -> ValueInfo { ValueInfo(ValueType(listOf: elementType)) }
}

extension Node {
    /// An edit that gives the node's result another value's contents.
    func replaced(by value: ValueName) -> GraphEdit {
        GraphEdit(replacing: [name], with: [Node(name: name, op: Identity(), inputs: [value], outputs: Array(outputs.prefix(1)))])
    }
}
