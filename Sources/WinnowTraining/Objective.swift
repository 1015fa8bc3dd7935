package import WinnowEngine
public import WinnowGraph
package import WinnowTensor

/// What training makes small: a graph with a scalar loss among its values.
///
/// ```swift
/// // The mean absolute difference of the output to an array of the data called `targets`.
/// let objective = try Objective(of: model.graph) { b in
///     let targets = try b.input("targets", .float32, ["N", 1])
///     let distance = try b.add("Abs", b.add("Sub", "output", targets))
///     return try b.add("ReduceMean", distance, attributes: ["keepdims": 0])
/// }
/// ```
public struct Objective: Sendable {
    /// The model with whatever its loss needs; initializers named as in the model are the same parameters.
    public var graph: Graph
    /// One floating-point number.
    public var loss: ValueName
    /// The graph input that takes class indices (int64), if there is one.
    public var labels: ValueName?
    /// Whether `labels` takes probabilities, float32 (N, classes), in the place of class indices, so that samples can be blended.
    package var labelsAreProbabilities = false
    /// Inputs that take arrays of the data with other names, as a value of the model has theirs.
    package var arrays: [ValueName: String] = [:]
    /// Values with a row for each sample that training does not change: a teacher's outputs.
    package var fixedValues: [ValueName] = []
    /// Whether labels are classes that the model's first output has scores for, so that top-1 says how good it is.
    package var judgesClasses = true
    /// The graph input that takes class indices of places, and the value that has −1 where they are no class, where labels are such.
    package var placeLabels: (input: ValueName, classes: ValueName)?
    /// The axis of classes of the outputs whose scores are compared with a target.
    package var classAxes: [ValueName: Int] = [:]

    public init(graph: Graph, loss: ValueName, labels: ValueName? = nil) {
        self.graph = graph
        self.loss = loss
        self.labels = labels
    }

    /// A model with a loss of one's own.
    ///
    /// `loss` adds what computes the loss from the model's values, and gives its name. Inputs that it adds take the arrays of the
    /// data that have their names; one called `labels`, of int64, takes the data's class indices.
    ///
    /// Throws `.model` where that is not one floating-point number, and what `loss` throws.
    public init(of model: Graph, labels: ValueName? = nil, loss: (GraphBuilder) throws -> ValueName) throws {
        let model = try model.separatingStatistics()
        let builder = GraphBuilder(extending: model)
        let value = try loss(builder)
        let isOne = builder.type(of: value).map { $0.elementType.isFloatingPoint && $0.extents?.allSatisfy { $0 == .fixed(1) } ?? true }
        guard isOne == true else {
            throw WinnowError(
                .model, "loss \(value)", "is \(builder.type(of: value)?.description ?? "no value of the model"), not one number",
                remedy: "end it with ReduceMean or ReduceSum and keepdims 0")
        }
        var edit = builder.edit()
        edit.outputs = [value] + model.outputs.filter { $0 != value }
        self.init(graph: try model.applying(edit), loss: value, labels: labels)
        if let labels, graph.inputs.first(where: { $0.name == labels })?.type.elementType != .int64 {
            throw WinnowError(.model, "labels \(labels)", "is no input of int64", remedy: "add it with input(\"\(labels)\", .int64, [\"N\"])")
        }
    }

    /// The objective with another loss on top, made by nodes that may read its values and its loss.
    /// Throws `.model` where that is not one floating-point number, and what `loss` throws.
    public func extended(_ loss: (GraphBuilder) throws -> ValueName) throws -> Objective {
        var result = try Objective(of: graph, labels: labels.flatMap { labelsAreProbabilities ? nil : $0 }, loss: loss)
        (result.labels, result.labelsAreProbabilities, result.fixedValues, result.arrays) = (labels, labelsAreProbabilities, fixedValues, arrays)
        (result.classAxes, result.placeLabels) = (classAxes, placeLabels)
        return result
    }

    /// The same for inputs of these shapes and any number of samples: operators that need to know extents can then be
    /// differentiated.
    package func taking(_ shapes: [ValueName: Shape]) throws -> Objective {
        var edit = GraphEdit()
        let axes = SampleAxes(of: graph)
        for input in graph.inputs {
            guard let shape = shapes[input.name] else { continue }
            let batchAxis = axes.axis(ofInput: input.name)
            let extents = shape.enumerated().map { axis, extent in
                axis == batchAxis ? input.type.extents?[axis] ?? .unknown : .fixed(extent)
            }
            let type = ValueType(input.type.elementType, extents)
            if type != input.type { edit.inputTypes[input.name] = type }
        }
        var result = self
        if !edit.inputTypes.isEmpty { result.graph = try graph.applying(edit) }
        return result
    }
}

extension Objective {
    /// What its labels are compared with: classes of samples, probabilities, or classes of places, of which −1 counts for nothing. nil: nothing.
    package var labelTarget: LossTarget? {
        labels.map { LossTarget(labelsAreProbabilities ? .values : .classes, $0) } ?? placeLabels.map { LossTarget(.classes, $0.classes) }
    }

    /// The objective of a model whose initializers have these contents.
    func setting(_ tensors: [ValueName: Tensor]) throws -> Objective {
        var result = self
        result.graph = try graph.settingContents(tensors)
        return result
    }

    /// The data with its only array called as the only input but labels.
    func named(_ data: Dataset) -> Dataset {
        var named = data
        let other = graph.inputNames.filter { $0 != labels }
        if named.features.count == 1, other.count == 1 { named.features[0].name = other[0] }
        return named
    }

    /// The data with its labels and arrays as what the loss takes them from. Throws `.data` where there are no labels.
    package func complete(_ data: Dataset) throws -> Dataset {
        var data = data
        for (input, array) in arrays.sorted(by: { $0.key < $1.key }) {
            guard var feature = data.features.first(where: { $0.name == array }) else { continue }
            feature.name = input
            data.features.append(feature)
        }
        if let input = placeLabels?.input, !data.features.contains(where: { $0.name == input }), var feature = data.placeLabels {
            feature.name = input
            data.features.append(feature)
        }
        guard let labels else { return data }
        guard let classes = data.labels else {
            throw WinnowError(.data, "training data", "has no labels", remedy: "the loss needs one class index a sample")
        }
        var complete = named(data)
        guard labelsAreProbabilities else {
            complete.features.append(Dataset.Feature(name: labels, Tensor(classes.map { Int64($0) })))
            return complete
        }
        let extents = graph.inputs.first { $0.name == labels }?.type.extents
        let width = extents.flatMap { $0.count > 1 ? $0[1].value : nil } ?? (classes.max() ?? 0) + 1
        complete.features.append(Dataset.Feature(name: labels, parts: [SampleRows(try OneHotRows(classes, width: width))]))
        return complete
    }

    /// The mean loss over samples, in inference form.
    func loss(on data: Dataset, batchSize: Int, options: SessionOptions) throws -> Double {
        let losses = try losses(on: data, batchSize: batchSize, options: options)
        return losses.reduce(0) { $0 + $1.loss * Double($1.count) } / Double(max(1, data.count))
    }

    /// The losses of batches in the order of the data, each with how many samples it is of, in inference form.
    func losses(on data: Dataset, batchSize: Int, options: SessionOptions) throws -> [(loss: Double, count: Int)] {
        var edit = GraphEdit()
        edit.outputs = [loss]
        let session = try Session(graph.applying(edit), options: options)
        let data = try complete(data).adapted(to: session.graph)
        return try data.batches(of: batchSize, for: session.graph).map { batch in
            let plan = try session.plan(for: batch, of: data)
            try plan.execute()
            return (plan.output(loss)?.doubles().first ?? 0, batch.count)
        }
    }
}

extension Objective: CustomStringConvertible {
    /// `loss of lenet-5 over input, labels`
    public var description: String { "\(loss) of \(graph.name) over \(graph.inputNames.joined(separator: ", "))" }
}
