package import WinnowGraph
import WinnowTensor

/// A graph run again and again: at most `M` times and while a condition holds, handing values on and collecting others.
///
/// The body takes the iteration, the condition and the carried values; it gives the condition, the carried values and one
/// slice of each collected output.
package struct Loop: RepeatingOperator {
    package static let type = OperatorType("Loop")
    package static let maximumOutputCount = Int.max

    package var body: Graph

    package init(_ body: Graph) { self.body = body }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try attributes.body("body"))
        guard body.inputs.count >= 2, body.outputs.count >= body.inputs.count - 1 else {
            throw WinnowError(.model, "body", "has too few inputs or outputs")
        }
    }

    package var bodies: [String: Graph] { ["body": body] }
    private var carriedCount: Int { body.inputs.count - 2 }
    package var states: [(input: Int, output: Int)] { (0..<carriedCount).map { ($0 + 2, $0 + 1) } }

    package func outputs(for inputs: [ValueInfo?], around: [ValueName: ValueInfo]) throws -> [ValueInfo] {
        let counters = body.inputs.prefix(2).map { ValueType($0.type.elementType, $0.type.extents ?? []) }
        let steady = body.steadyOutputs(
            for: counters + inputs.dropFirst(2).map { $0?.type }, states: states, around: around)
        let results = (steady ?? body.bodyOutputs).dropFirst()
        let carried = try zip(2..., results.prefix(carriedCount)).map { index, result in
            try steady == nil ? inputs.required(index).withoutSymbols.common(with: result) : result
        }
        let collected = results.dropFirst(carriedCount).map { slice -> ValueInfo in
            var info = slice
            info.type.extents = slice.extents.map { [.unknown] + $0 }
            return info
        }
        return carried + collected
    }

    package func compute(_ inputs: [Datum?], run: (String, [Datum]) throws -> [Datum]) throws -> [Datum] {
        let limit = inputs.optionalTensor(0)?.integers().first ?? .max
        var condition = inputs.optionalTensor(1) ?? Tensor([true], shape: scalarShape(1))
        var carried = inputs.dropFirst(2).compactMap { $0 }
        var collected = [[Tensor]](repeating: [], count: body.outputs.count - 1 - carriedCount)
        var iteration = 0
        while iteration < limit, condition.doubles(first: 1) != [0] {
            let number = Tensor([Int64(iteration)], shape: scalarShape(0))
            let results: [Datum?] = try run("body", [.tensor(number), .tensor(condition)] + carried)
            condition = try results.tensor(0)
            carried = results[1..<(1 + carriedCount)].compactMap { $0 }
            for index in collected.indices { collected[index].append(try results.tensor(1 + carriedCount + index)) }
            iteration += 1
        }
        let slices = body.bodyOutputs.dropFirst(1 + carriedCount)
        return try carried + zip(collected, slices).map { .tensor(try Tensor.stacked($0, axis: 0, empty: $1)) }
    }

    /// Some files take the iteration and the condition as lists of one.
    private func scalarShape(_ input: Int) -> Shape { body.inputs[input].type.rank == 1 ? [1] : [] }
}
