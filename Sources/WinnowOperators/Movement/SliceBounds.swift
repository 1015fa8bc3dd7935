import WinnowGraph
import WinnowKernels
import WinnowTensor

/// What a slice takes of one axis: `count` elements from `start` on, `step` apart.
struct SliceBounds: Hashable {
    var start: Int
    var step: Int
    var count: Int

    /// Clamps ONNX's start and end (which may count from the end) to an axis of `extent` elements.
    init(start: Int, end: Int, step: Int, extent: Int) throws {
        guard step != 0 else { throw WinnowError(.model, "steps", "contains 0") }
        let step = step.cutToPlaces
        func position(_ value: Int, _ range: ClosedRange<Int>) -> Int {
            min(max(value < 0 ? value + extent : value, range.lowerBound), range.upperBound)
        }
        let range = step > 0 ? 0...extent : -1...(extent - 1)
        // `start` never lies before the first element, also when walking backwards.
        let first = extent == 0 ? 0 : position(start, step > 0 ? 0...extent : 0...(extent - 1))
        let last = extent == 0 ? 0 : position(end, range)
        self.start = first
        count = max(0, step > 0 ? (last - first + step - 1) / step : (first - last - step - 1) / -step)
        // A step that is never taken may be of any size.
        self.step = count > 1 ? step : 1
    }

    /// The axis whole.
    init(all extent: Int) { (start, step, count) = (0, 1, extent) }
}

/// The four lists that say what to cut out, from attributes or inputs; numbers that are computed are nil.
struct SliceArguments {
    var starts: [Int?]
    var ends: [Int?]
    var axes: [Int]
    var steps: [Int?]

    init?(starts: [Int?]?, ends: [Int?]?, axes: [Int]?, steps: [Int?]?, rank: Int) throws {
        guard let starts, let ends else { return nil }
        self.starts = starts
        self.ends = ends
        self.axes = try (axes ?? Array(starts.indices)).map { try $0.normalizedAxis(rank: rank, name: "axes") }
        self.steps = steps ?? starts.map { _ in 1 }
        guard ends.count == starts.count, self.axes.count == starts.count, self.steps.count == starts.count else {
            throw WinnowError(.model, "starts", "has another length than ends, axes or steps")
        }
    }

    /// Whether no number is computed.
    var isKnown: Bool { !(starts + ends + steps).contains(nil) }

    /// The bounds along every axis of `shape`; nil where they depend on data.
    func bounds(_ shape: Shape) throws -> [SliceBounds]? {
        var result = shape.map { SliceBounds(all: $0) }
        for (index, axis) in axes.enumerated() {
            guard let bounds = try bounds(index, extent: shape[axis]) else { return nil }
            result[axis] = bounds
        }
        return result
    }

    /// The bounds that the arguments at `index` give along an axis of this extent; nil where they depend on data.
    func bounds(_ index: Int, extent: Int) throws -> SliceBounds? {
        guard let start = starts[index], let end = ends[index], let step = steps[index] else { return nil }
        return try SliceBounds(start: start, end: end, step: step, extent: extent)
    }

    /// The extents of the result; a symbolic axis keeps its symbol where it is taken whole.
    func extents(_ extents: [Extent]) throws -> [Extent] {
        var result = extents
        for (index, axis) in axes.enumerated() {
            if let extent = extents[axis].value {
                result[axis] = try bounds(index, extent: extent).map { .fixed($0.count) } ?? .unknown
            } else if !(starts[index] == 0 && steps[index] == 1 && ends[index] ?? 0 >= Int(Int32.max)) {
                result[axis] = .unknown
            }
        }
        return result
    }
}

extension StridedCopy {
    /// The part of a dense tensor of `shape` that `bounds` name, dense.
    static func slice(_ shape: Shape, _ bounds: [SliceBounds], _ elementType: ElementType) throws -> StridedCopy {
        try slice(
            shape, starts: bounds.map(\.start), steps: bounds.map(\.step), extents: bounds.map(\.count), elementType)
    }

    /// A dense tensor into the part of a dense tensor of `shape` that `bounds` name.
    static func insert(into shape: Shape, _ bounds: [SliceBounds], _ elementType: ElementType) throws -> StridedCopy {
        try insert(
            Shape(bounds.map(\.count)), into: shape, at: bounds.map(\.start), steps: bounds.map(\.step), elementType)
    }
}
