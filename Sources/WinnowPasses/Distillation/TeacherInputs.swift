import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What a teacher reads beside a student: the student's inputs of the same names; for the others, one each, what is left of the student's:
/// the only one of the kind and rank, or of as many elements a sample. Pictures come with their channels where the teacher has them, and in
/// its size, or flat.
struct TeacherInputs {
    /// The value of the student's graph for each input of the teacher.
    private(set) var sources: [ValueName: ValueName] = [:]
    /// Inputs of the teacher with other names than the student's, which they read.
    private(set) var renamed: [(input: ValueName, own: ValueName)] = []
    /// What computes them.
    let edit: GraphEdit

    /// Throws `.model` where an input of the teacher has no counterpart.
    ///
    /// - Parameter own: the inputs of the student that a teacher may read; not the targets that training adds.
    init(of teacher: Graph, on student: Graph, reading own: [ValueName]) throws {
        let builder = GraphBuilder(extending: student)
        let given = student.inputs.filter { own.contains($0.name) }
        var left = given.filter { !teacher.inputNames.contains($0.name) }
        let read = Set(teacher.nodes.flatMap(\.readValues)).union(teacher.outputs)
        for input in teacher.inputs where read.contains(input.name) {
            let same = given.first { $0.name == input.name }
            guard let source = same ?? Self.counterpart(of: input, among: left) else {
                throw WinnowError(
                    .model, "teacher", "takes \(teacher.inputNames.joined(separator: ", ")), and nothing tells what its \(input.name) reads",
                    remedy: "it must have the student's inputs, \(own.joined(separator: ", "))")
            }
            if same == nil { renamed.append((input.name, source.name)) }
            left.removeAll { $0.name == source.name }
            let (value, type) = (try Self.fitted(source, to: input, builder), input.type.elementType)
            let isOtherFloat = source.type.elementType != type && source.type.elementType.isFloatingPoint && type.isFloatingPoint
            sources[input.name] = isOtherFloat ? try builder.add(Cast(to: type), value) : value
        }
        edit = builder.edit()
    }

    private static func counterpart(of input: GraphInput, among left: [GraphInput]) -> GraphInput? {
        let sameType = left.filter { $0.type.elementType == input.type.elementType }
        let floats = left.filter { $0.type.elementType.isFloatingPoint && input.type.elementType.isFloatingPoint }
        let sameKind = sameType.isEmpty ? floats : sameType
        let alike = sameKind.filter { $0.type.rank == input.type.rank }
        if alike.count == 1 { return alike[0] }
        let asMany = sameKind.filter { elements(of: $0).map { $0 == elements(of: input) } ?? false }
        return alike.isEmpty && asMany.count == 1 ? asMany[0] : nil
    }

    /// Elements of one sample, if all extents behind the first are known.
    private static func elements(of input: GraphInput) -> Int? {
        guard let extents = input.type.extents, !extents.isEmpty else { return nil }
        let known = extents.dropFirst().compactMap(\.value)
        return known.count == extents.count - 1 ? known.reduce(1, *|) : nil
    }

    private static func fitted(_ own: GraphInput, to input: GraphInput, _ b: GraphBuilder) throws -> ValueName {
        if own.type.rank != input.type.rank, let extents = input.type.extents, let count = elements(of: input), count == elements(of: own) {
            let shape = [0] + extents.dropFirst().compactMap { $0.value.map(Int64.init) }
            return try b.add(Reshape(), own.name, b.constant("teacher.shape", Tensor(shape)))
        }
        guard let from = own.type.extents?.map(\.value), let to = input.type.extents?.map(\.value), from.count == 4, to.count == 4 else {
            return own.name
        }
        func differ(_ a: Int?, _ b: Int?) -> Bool { a != nil && b != nil && a != b }
        // The order of the student's axes in which the teacher wants them.
        let order = !differ(from[1], to[1]) ? [0, 1, 2, 3] : from[1] == to[3] ? [0, 2, 3, 1] : from[3] == to[1] ? [0, 3, 1, 2] : nil
        guard let order else { return own.name }
        var value = own.name
        let sizes = order.enumerated().filter { differ(from[$0.element], to[$0.offset]) }
        if !sizes.isEmpty {
            var resampling = Resampling()
            resampling.mode = .linear
            let extents = b.constant("teacher.sizes", Tensor(sizes.compactMap { to[$0.offset].map { Int64($0) } }))
            value = try b.add(Resize(resampling, axes: sizes.map(\.element)), value, nil, nil, extents)
        }
        return order == [0, 1, 2, 3] ? value : try b.add(Transpose(order), value)
    }
}
