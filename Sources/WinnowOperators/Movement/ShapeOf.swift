package import WinnowGraph
import WinnowTensor

/// The extents of a value, as int64; `start` and `end` cut the list.
package struct ShapeOf: Operator {
    package static let type = OperatorType("Shape")
    package static let maximumInputCount = 1

    package var start: Int
    package var end: Int?

    package init(start: Int = 0, end: Int? = nil) {
        self.start = start
        self.end = end
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(start: try attributes.int("start", isSize: false) ?? 0, end: try attributes.int("end", isSize: false))
    }

    package var attributes: Attributes {
        var attributes: Attributes = [:]
        if start != 0 { attributes["start"] = .int(start) }
        if let end { attributes["end"] = .int(end) }
        return attributes
    }

    package var minimumVersion: Int { start == 0 && end == nil ? 1 : 15 }

    private func range(rank: Int) -> Range<Int> {
        func clamped(_ position: Int) -> Int { min(max(position < 0 ? position + rank : position, 0), rank) }
        let first = clamped(start)
        return first..<max(first, end.map(clamped) ?? rank)
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard let extents = try inputs.required(0).extents else { return [ValueInfo(.int64, [.unknown])] }
        return [ValueInfo(elements: Array(extents[range(rank: extents.count)]), rank: 1)]
    }

    /// The elements count axes; nothing else of the value matters.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count else { return .opaque }
        let terms = letters[..<rank].map { AxisTerm.label($0) }
        var map = AxisMap(inputs: [terms], outputs: [[.opaque]])
        map.outputCounts[0] = Array(terms[range(rank: rank)])
        return map
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let shape = try request.input(0).shape
        let extents = shape[range(rank: shape.rank)].map { Int64($0) }
        return Kernel { operands in
            let output = operands.output(0, as: Int64.self)
            for (index, extent) in extents.enumerated() { output[index] = extent }
        }
    }
}

extension ValueInfo {
    /// An int64 value of rank 0 or 1 with these elements: a constant if all are numbers.
    init(elements: [Extent], rank: Int) {
        let shape: Shape = rank == 0 ? [] : [elements.count]
        let values = elements.compactMap(\.value)
        if values.count == elements.count {
            self.init(constant: Tensor(values.map { Int64($0) }, shape: shape))
        } else {
            self.init(ValueType(.int64, shape), symbolicElements: elements)
        }
    }
}

extension GraphBuilder {
    /// The extents of `value`, with others along some axes.
    func shape(of value: ValueName, replacing axes: [Int], by extents: ValueName) throws -> ValueName {
        try add(ScatterElements(), shape(of: value), integers(axes, name: "axes"), extents)
    }
}
