package import WinnowGraph
import WinnowTensor

/// Products of values summed over named axes: `"bij,bjk->bik"`; `...` stands for axes that broadcast.
package struct Einsum: Decomposition {
    package static let type = OperatorType("Einsum")

    package var equation: String

    package init(_ equation: String) { self.equation = equation }

    /// The equation with these labels, as `labels(ranks:)` gives them: digits are axes of `...`.
    package init(_ operands: [[Character]], _ result: [Character]) {
        func text(_ labels: [Character]) -> String {
            labels.reduce(into: "") { text, label in
                if !label.isNumber { text.append(label) } else if text.last != "." { text += "..." }
            }
        }
        self.init("\(operands.map(text).joined(separator: ","))->\(text(result))")
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try attributes.string("equation", default: ""))
    }

    package var attributes: Attributes { ["equation": .string(equation)] }
    package var minimumVersion: Int { 12 }
    package var quantization: QuantizationRule { .contraction }

    /// The equation itself; axes of extent 1 that broadcast are left out of it.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let ranks = inputs.compactMap { $0?.rank }
        guard ranks.count == inputs.count, let (operands, result) = try? labels(ranks: ranks) else { return .opaque }
        let extents = zip(operands, inputs).flatMap { zip($0, $1?.extents ?? []) }
        let terms = zip(operands, inputs).map { labels, info in
            zip(labels, info?.extents ?? []).map { label, extent -> AxisTerm in
                extent == .fixed(1) && extents.contains { $0.0 == label && $0.1 != .fixed(1) } ? .one : .label(label)
            }
        }
        return AxisMap(inputs: terms, outputs: [result.map { .label($0) }])
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.indices.isEmpty ? .number : .zero }

    /// The labels of every operand and of the result; `...` becomes as many digits as the operands have axes for it.
    package func labels(ranks: [Int]) throws -> (operands: [[Character]], result: [Character]) {
        func invalid(_ problem: String) -> WinnowError { WinnowError(.model, "equation", "\"\(equation)\" \(problem)") }
        let compact = equation.filter { $0 != " " }
        let arrow = compact.firstRange(of: "->")
        let left = arrow.map { compact[..<$0.lowerBound] } ?? compact[...]
        let terms = left.split(separator: ",", omittingEmptySubsequences: false)
        guard terms.count == ranks.count else { throw invalid("has \(terms.count) terms for \(ranks.count) inputs") }
        let hidden = Array("0123456789")
        let widths = zip(terms, ranks).map { term, rank in term.contains("...") ? rank - (term.count - 3) : 0 }
        let widest = widths.max() ?? 0
        guard widths.allSatisfy({ $0 >= 0 }), widest <= hidden.count else { throw invalid("does not fit the inputs' axes") }
        func expanded(_ term: Substring, _ width: Int) -> [Character] {
            guard let dots = term.firstRange(of: "...") else { return Array(term) }
            return Array(term[..<dots.lowerBound]) + hidden[(widest - width)..<widest] + Array(term[dots.upperBound...])
        }
        let operands = zip(terms, widths).map(expanded)
        for (operand, rank) in zip(operands, ranks) where operand.count != rank {
            throw invalid("names \(operand.count) axes of a value that has \(rank)")
        }
        if let arrow { return (operands, expanded(compact[arrow.upperBound...], widest)) }
        let all = operands.flatMap { $0 }
        let once = Set(all).filter { label in !label.isNumber && all.count(where: { $0 == label }) == 1 }
        return (operands, Array(hidden[..<widest]) + once.sorted())
    }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let type = try inputs.required(0).elementType
        let known = inputs.compactMap { $0?.extents }
        guard known.count == inputs.count else { return [ValueInfo(type, nil)] }
        let (operands, result) = try labels(ranks: known.map(\.count))
        var extents: [Character: Extent] = [:]
        for (label, extent) in zip(operands.joined(), known.joined()) where extents[label]?.value ?? 1 == 1 {
            if extents[label] == nil || extents[label] == .fixed(1) || extent.value ?? 1 > 1 { extents[label] = extent }
        }
        return [ValueInfo(type, result.map { extents[$0] ?? .unknown })]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let values = try inputs.indices.map { try inputs.required($0) }
        let (operands, result) = try labels(ranks: values.map { try b.rank(of: $0) })
        var parts = try zip(values, operands).map { try b.withoutRepeats(EinsumTerm(value: $0, labels: $1)) }
        guard var joined = parts.popLast() else { throw WinnowError(.model, "inputs", "are missing") }
        while let next = parts.popLast() {
            let kept = Set(result + parts.flatMap(\.labels))
            joined = try b.product(next, joined, keeping: kept)
        }
        joined = try b.summed(joined, keeping: Set(result))
        guard Set(joined.labels) == Set(result), joined.labels.count == result.count else {
            throw WinnowError(.model, "equation", "\"\(equation)\" gives axes that no input has")
        }
        let order = result.compactMap { joined.labels.firstIndex(of: $0) }
        if order == order.sorted(), !values.contains(joined.value) { return [joined.value] }
        return [try b.add(Transpose(order), joined.value)]
    }
}

/// A value whose axes have names.
private struct EinsumTerm {
    var value: ValueName
    var labels: [Character]
}

extension GraphBuilder {
    /// A diagonal is taken with a mask of this many rows and columns at most.
    private static var diagonalLimit: Int { 1 << 12 }

    /// Axes that share a name replaced by their diagonal: all else masked out and summed away.
    fileprivate func withoutRepeats(_ term: EinsumTerm) throws -> EinsumTerm {
        var term = term
        while let last = term.labels.indices.first(where: { term.labels[..<$0].contains(term.labels[$0]) }),
            let first = term.labels.firstIndex(of: term.labels[last])
        {
            let extent = try extent(first, of: term.value)
            guard extent <= Self.diagonalLimit else {
                throw WinnowError(.unsupported, "equation", "takes a diagonal of \(extent) elements")
            }
            var shape = [Int](repeating: 1, count: term.labels.count)
            (shape[first], shape[last]) = (extent, extent)
            let eye = (0..<(extent * extent)).map { $0 / extent == $0 % extent ? 1.0 : 0 }
            let mask = constant("diagonal", Tensor(eye, shape: Shape(shape), as: elementType(of: term.value)))
            term.value = try reduced(ReduceSum.self, multiply(term.value, mask), axes: [last], keepsAxes: false)
            term.labels.remove(at: last)
        }
        return term
    }

    fileprivate func summed(_ term: EinsumTerm, keeping kept: Set<Character>) throws -> EinsumTerm {
        let axes = term.labels.indices.filter { !kept.contains(term.labels[$0]) }
        return EinsumTerm(
            value: try reduced(ReduceSum.self, term.value, axes: axes, keepsAxes: false), labels: term.labels.filter { kept.contains($0) })
    }

    /// Axes of extent 1 that broadcast against `other` taken away.
    private func withoutBroadcasts(_ term: EinsumTerm, against other: EinsumTerm) throws -> EinsumTerm {
        let axes = term.labels.indices.filter { axis in
            guard let partner = other.labels.firstIndex(of: term.labels[axis]) else { return false }
            return info(of: term.value)?.extents?[axis] == .fixed(1) && info(of: other.value)?.extents?[partner] != .fixed(1)
        }
        let labels = term.labels.indices.filter { !axes.contains($0) }.map { term.labels[$0] }
        return EinsumTerm(value: try squeezed(term.value, axes), labels: labels)
    }

    /// The product of two terms, summed over the axes that are not kept: one batched matrix product.
    fileprivate func product(_ first: EinsumTerm, _ second: EinsumTerm, keeping kept: Set<Character>) throws -> EinsumTerm {
        let left = try summed(withoutBroadcasts(first, against: second), keeping: kept.union(second.labels))
        let right = try summed(withoutBroadcasts(second, against: first), keeping: kept.union(left.labels))
        let shared = left.labels.filter { right.labels.contains($0) }
        let (batch, inner) = (shared.filter { kept.contains($0) }, shared.filter { !kept.contains($0) })
        let rows = left.labels.filter { !shared.contains($0) }
        let columns = right.labels.filter { !shared.contains($0) }
        let value: ValueName
        if inner.isEmpty || !elementType(of: left.value).isFloatingPoint {
            value = try reduced(
                ReduceSum.self,
                multiply(
                    aligned(left, batch + rows + columns + inner), aligned(right, batch + rows + columns + inner)),
                axes: inner.indices.map { batch.count + rows.count + columns.count + $0 }, keepsAxes: false)
        } else {
            // Rows may keep their axes, whose extents then need not be read, where the other side is one matrix.
            let keepsRows = batch.isEmpty && !rows.isEmpty
            let a = try keepsRows ? joiningInner(left, rows, inner) : matrix(left, batch, rows, inner)
            let product = try add(MatMul(), a, matrix(right, batch, inner, columns))
            let isMatrix = (keepsRows || rows.count == 1) && columns.count == 1
            value = isMatrix ? product : try reshaped(
                product, copied(batch) + (keepsRows ? copied(rows) : lengths(rows, of: left)) + lengths(columns, of: right))
        }
        return EinsumTerm(value: value, labels: batch + rows + columns)
    }

    /// The axes in the order of `labels`, those it lacks as 1.
    private func aligned(_ term: EinsumTerm, _ labels: [Character]) throws -> ValueName {
        let order = labels.compactMap { term.labels.firstIndex(of: $0) }
        return try unsqueezed(transposed(term.value, order), labels.indices.filter { !term.labels.contains(labels[$0]) })
    }

    /// (rows…, inner axes together)
    private func joiningInner(_ term: EinsumTerm, _ rows: [Character], _ inner: [Character]) throws -> ValueName {
        let value = try aligned(term, rows + inner)
        return try inner.count == 1 ? value : reshaped(value, copied(rows) + [length(inner, of: term)])
    }

    /// (batch…, rows together, columns together)
    private func matrix(_ term: EinsumTerm, _ batch: [Character], _ rows: [Character], _ columns: [Character]) throws -> ValueName {
        let value = try aligned(term, batch + rows + columns)
        if rows.count == 1 && columns.count == 1 { return value }
        return try reshaped(value, copied(batch) + [length(rows, of: term), length(columns, of: term)])
    }

    /// Extents that a Reshape copies.
    private func copied(_ labels: [Character]) -> [Length] { labels.map { _ in .number(0) } }

    private func lengths(_ labels: [Character], of term: EinsumTerm) throws -> [Length] {
        try labels.map { try length([$0], of: term) }
    }

    private func length(_ labels: [Character], of term: EinsumTerm) throws -> Length {
        try length(labels.compactMap { term.labels.firstIndex(of: $0) }, of: term.value)
    }
}
