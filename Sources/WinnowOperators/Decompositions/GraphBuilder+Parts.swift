import WinnowGraph
import WinnowTensor

extension [ValueName?] {
    /// Input `index`, which the operator requires.
    func required(_ index: Int) throws -> ValueName {
        guard let name = present(index) else { throw WinnowError(.model, "input \(index)", "is missing") }
        return name
    }
}

/// How many elements lie along axes: a number, or a list of one that is computed from a shape when the graph runs.
enum Length {
    case number(Int)
    case computed(ValueName)

    var number: Int? { if case .number(let number) = self { number } else { nil } }
}

/// Steps that many decompositions take.
extension GraphBuilder {
    func integers(_ values: [Int], name: String = "integers") -> ValueName {
        constant(name, Tensor(values.map { Int64($0) }))
    }

    func elementType(of value: ValueName) -> ElementType { info(of: value)?.elementType ?? .float32 }

    /// The rank of a value; throws `UndeterminedShape` while it is not known.
    func rank(of value: ValueName) throws -> Int {
        guard let rank = info(of: value)?.rank else { throw UndeterminedShape() }
        return rank
    }

    /// The extents of a value as numbers; throws `UndeterminedShape` while one is not known.
    func knownShape(of value: ValueName) throws -> Shape {
        guard let shape = info(of: value)?.shape else { throw UndeterminedShape() }
        return shape
    }

    /// One extent as a number; throws `UndeterminedShape` while it is not known.
    func extent(_ axis: Int, of value: ValueName) throws -> Int {
        guard let extents = info(of: value)?.extents, extents.indices.contains(axis), let extent = extents[axis].value else {
            throw UndeterminedShape()
        }
        return extent
    }

    /// The elements of a constant integer value, cut to places in a tensor; throws `UndeterminedShape` while they are not known.
    func knownIntegers(of value: ValueName) throws -> [Int] {
        guard let integers = info(of: value)?.integers else { throw UndeterminedShape() }
        return integers.map(\.cutToPlaces)
    }

    /// A constant whose elements follow from their places, counted in row-major order. Throws for extents that no tensor has,
    /// and for more than the memory budget.
    func table(_ name: String, _ extents: [Int], as type: ElementType, _ value: (Int) -> Double) throws -> ValueName {
        try ValueInfo(type, extents.map { .fixed($0) }).checkExtents()
        let count = Shape(extents).elementCount
        // float64 before they have their type.
        try MemoryBudget.check(ElementType.float64.byteCount(of: count) +| type.byteCount(of: count), for: name)
        return constant(name, Tensor((0..<count).map(value), shape: Shape(extents), as: type))
    }

    /// 0, 1, … below `count`.
    func counting(_ count: Int) throws -> ValueName { try table("counting", [count], as: .int64) { Double($0) } }

    /// 0, 1, … below an extent, which the graph reads where it is not known yet.
    func counting(_ axis: Int, of value: ValueName) throws -> ValueName {
        switch try length([axis], of: value) {
        case .number(let count): return try counting(count)
        case .computed(let list):
            let (zero, one) = (constant("zero", scalar: Int64(0)), constant("one", scalar: Int64(1)))
            return try add(NumberRange(), zero, squeezed(list, [0]), one)
        }
    }

    /// Whether a value is known to have no elements.
    func isEmpty(_ value: ValueName) -> Bool { info(of: value)?.extents?.contains(.fixed(0)) ?? false }

    /// How many elements lie along axes together; throws `UndeterminedShape` while the rank is not known.
    func length(_ axes: [Int], of value: ValueName) throws -> Length {
        guard let extents = info(of: value)?.extents, axes.allSatisfy({ extents.indices.contains($0) }) else { throw UndeterminedShape() }
        let numbers = axes.compactMap { extents[$0].value }
        if numbers.count == axes.count { return .number(numbers.reduce(1, *|)) }
        let parts = try axes.map { try add(ShapeOf(start: $0, end: $0 + 1), value) }
        return .computed(try parts.count == 1 ? parts[0] : reduced(ReduceProd.self, add(Concat(axis: 0), inputs: parts)[0], axes: [0]))
    }

    func reshaped(_ x: ValueName, _ lengths: [Length]) throws -> ValueName {
        let numbers = lengths.compactMap(\.number)
        if numbers.count == lengths.count { return try reshaped(x, numbers) }
        return try add(Reshape(), x, add(Concat(axis: 0), inputs: lengths.map(list))[0])
    }

    /// A length as a list of one.
    func list(_ length: Length) -> ValueName {
        switch length {
        case .number(let number): integers([number], name: "extent")
        case .computed(let list): list
        }
    }

    func reshaped(_ x: ValueName, _ extents: [Int]) throws -> ValueName { try add(Reshape(), x, integers(extents, name: "shape")) }

    func transposed(_ x: ValueName, _ order: [Int]) throws -> ValueName {
        order == order.sorted() ? x : try add(Transpose(order), x)
    }

    func squeezed(_ x: ValueName, _ axes: [Int]) throws -> ValueName {
        axes.isEmpty ? x : try add(Squeeze(), x, integers(axes, name: "axes"))
    }

    func unsqueezed(_ x: ValueName, _ axes: [Int]) throws -> ValueName {
        axes.isEmpty ? x : try add(Unsqueeze(), x, integers(axes, name: "axes"))
    }

    /// The elements `range` along one axis.
    func sliced(_ x: ValueName, axis: Int, _ range: Range<Int>) throws -> ValueName {
        if let extents = info(of: x)?.extents {
            guard extents.indices.contains(axis) else {
                throw WinnowError(.shape, "value \(x)", "has \(extents.count) axes, so there is no axis \(axis)")
            }
            if let extent = extents[axis].value, range == 0..<extent { return x }
        }
        return try add(
            Slice(), x, integers([range.lowerBound], name: "starts"), integers([range.upperBound], name: "ends"),
            integers([axis], name: "axes"))
    }

    /// The sum, mean and so on along `axes`, which stay as 1 or vanish.
    func reduced<Reduction: ReductionOperator>(
        _ type: Reduction.Type, _ x: ValueName, axes: [Int], keepsAxes: Bool = true
    ) throws -> ValueName {
        var parameters = ReductionParameters(keepsAxes: keepsAxes)
        parameters.takesAxesInput = true
        return axes.isEmpty ? x : try add(Reduction(parameters), x, integers(axes, name: "axes"))
    }
}
