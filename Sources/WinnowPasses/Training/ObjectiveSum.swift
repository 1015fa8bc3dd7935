import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Builds on a model the objective that terms add up to.
struct ObjectiveSum {
    private let builder: GraphBuilder
    private let model: Graph
    private let data: Dataset?
    /// What the original gives for a value of the model.
    private let goals: [ValueName: ValueName]
    private var inputs: [ValueName: LossTarget] = [:]
    private var labels: ValueName?
    /// Inputs whose arrays have other names.
    private var arrays: [ValueName: String] = [:]
    /// The axis of classes of the outputs that have such.
    private var classAxes: [ValueName: Int] = [:]
    private var findings: [Finding] = []
    /// Whether labels are probabilities, so that samples can be blended.
    private let blendsLabels: Bool

    /// The objective, constants of the original model, which are not trained, and what must be known of targets.
    ///
    /// Throws `.recipe` for values that there are not, `.data` for targets that the data has not.
    static func made(
        of terms: [ObjectiveTerm], on model: Graph, original: Graph, data: Dataset?, blendsLabels: Bool = false
    ) throws -> (objective: Objective, frozen: [ValueName], findings: [Finding]) {
        let joined = try join(original, to: model, for: terms.filter(\.takesOriginal))
        var work = ObjectiveSum(builder: GraphBuilder(extending: joined.graph), model, data, joined.goals, blendsLabels: blendsLabels)
        let parts = try terms.map { (weight: $0.weight, value: try work.loss(of: $0)) }
        let loss = try Loss.weightedSum(work.builder, parts)
        var edit = work.builder.edit()
        edit.outputs = [loss] + model.outputs
        var objective = Objective(graph: try joined.graph.applying(edit), loss: loss, labels: work.labels)
        objective.labelsAreProbabilities = blendsLabels && work.labels != nil
        objective.arrays = work.arrays
        objective.fixedValues = Set(joined.goals.values).sorted()
        objective.classAxes = work.classAxes
        objective.judgesClasses = terms.contains { $0.judgesClasses(of: model.scoredOutput) }
        return (objective, joined.frozen, work.findings)
    }

    private init(builder: GraphBuilder, _ model: Graph, _ data: Dataset?, _ goals: [ValueName: ValueName], blendsLabels: Bool) {
        (self.builder, self.model, self.data, self.goals, self.blendsLabels) = (builder, model, data, goals, blendsLabels)
    }

    /// The model beside the original one, and what that gives for each value that these terms compare with it.
    private static func join(
        _ original: Graph, to model: Graph, for terms: [ObjectiveTerm]
    ) throws -> (graph: Graph, frozen: [ValueName], goals: [ValueName: ValueName]) {
        guard !terms.isEmpty else { return (model, [], [:]) }
        let outputs = terms.compactMap { $0.output ?? model.scoredOutput }
        let pairs = OutputPairs(of: model, and: original)
        let wanted = try outputs.map { name -> ValueName in
            if let pair = pairs[name] { return pair.other }
            guard original.infos[name] != nil else { throw missing(name, in: original, "the original model") }
            return name
        }
        let given = wanted.reduce(into: [ValueName]()) { list, name in if !list.contains(name) { list.append(name) } }
        let joined = try Teacher(original, giving: given).joined(to: model)
        let names = Dictionary(zip(given, joined.outputs), uniquingKeysWith: { first, _ in first })
        let goals = Dictionary(zip(outputs, wanted.compactMap { names[$0] }), uniquingKeysWith: { first, _ in first })
        return (joined.graph, joined.initializers, goals)
    }

    private static func missing(_ name: ValueName, in graph: Graph, _ owner: String) -> WinnowError {
        WinnowError(
            .recipe, "objective: \(name)", "is no value of \(owner)",
            remedy: Spelling.remedy(for: name, among: graph.outputs + graph.infos.keys.sorted()))
    }

    private mutating func loss(of term: ObjectiveTerm) throws -> ValueName {
        guard let output = term.output ?? model.scoredOutput, model.infos[output] != nil else {
            throw Self.missing(term.output ?? "", in: model, "the model")
        }
        if let type = model.infos[output]?.elementType, type != .float32 {
            throw WinnowError(.model, "output \(output)", "is \(type), and only float32 is trained")
        }
        var place = try LossPlace(builder, output: output, of: model, term.settings)
        if let shape = classShape(of: term) { place.fit(toClassesOf: shape) }
        if term.loss.member.settings.contains(.axis) { classAxes[output] = place.ownClassAxis }
        let target = try target(of: term, output, place)
        guard term.loss.member.targets.contains(target.kind) else {
            let wanted = term.loss.member.targets.map(\.rawValue).sorted().joined(separator: " or ")
            throw WinnowError(.recipe, "objective: \(term.loss)", "compares with \(wanted), not with \(target.kind.rawValue)", remedy: "give another target")
        }
        try check(target, of: term, place)
        return try term.loss.member.add(at: place, target)
    }

    /// Throws `.data` for the first sample with a target that the loss says nothing of.
    private mutating func check(_ target: LossTarget, of term: ObjectiveTerm, _ place: LossPlace) throws {
        let (name, loss) = (term.target ?? ObjectiveTerm.labels, term.loss.member)
        guard loss.checkedTargets.contains(target.kind), !term.takesOriginal, let feature = data?.features.first(where: { $0.name == name }),
            !feature.isShared
        else { return }
        let extents = place.extents
        let times = extents.count == 3 ? extents[1].value ?? steps(of: place.prediction) : nil
        var leftOut = 0
        for index in 0..<feature.count {
            let values = try feature.batch(at: [index])
            let own = Array(values.shape.dropFirst())
            let sample = TargetSample(
                values.doubles(), extents: own, classAxis: own.count + 1 == extents.count ? place.classAxis - 1 : nil,
                times: times)
            if loss.isLeftOut(sample, term.settings) { leftOut += 1 }
            guard let objection = loss.objection(to: sample, term.settings) else { continue }
            throw WinnowError(
                .data, "target \(name), sample \(index)", "\(objection) (\(term.loss))",
                remedy: "mend it, leave the sample out, or choose another loss")
        }
        guard leftOut > 0 else { return }
        let reason = "\(leftOut) of \(feature.count) samples count as 0 and are not learned: they have more letters than the output has times"
        let (all, left) = (Double(feature.count), Double(feature.count - leftOut))
        findings.append(Finding("target \(name)", .fellBack, Quantity("samples"), before: all, after: left, reason: reason))
    }

    /// The extent behind that of samples that a value has for the data's samples, whose model leaves it open.
    private func steps(of value: ValueName) -> Int? {
        guard let data = try? data?.adapted(to: model) else { return nil }
        let infos = try? model.inferInfos(inputShapes: data.batchShapes(count: 1))
        return infos?[value]?.extents.flatMap { $0.count == 3 ? $0[1].value : nil }
    }

    /// The shape of one sample of the class indices that a term compares with; nil where it compares with none.
    private func classShape(of term: ObjectiveTerm) -> Shape? {
        guard !term.takesOriginal, term.loss.member.targets.contains(.classes) else { return nil }
        let name = term.target ?? ObjectiveTerm.labels
        if name == ObjectiveTerm.labels, data?.labels != nil { return blendsLabels ? nil : [] }
        guard !model.inputNames.contains(name), let feature = data?.features.first(where: { $0.name == name }) else { return nil }
        return feature.elementType.isInteger ? feature.sampleShape(at: 0) : nil
    }

    private mutating func target(of term: ObjectiveTerm, _ output: ValueName, _ place: LossPlace) throws -> LossTarget {
        if term.takesOriginal {
            guard let goal = goals[output] else { throw Self.missing(output, in: model, "the original model") }
            return LossTarget(.values, goal)
        }
        let name = term.target ?? ObjectiveTerm.labels
        if let known = inputs[name] { return known }
        let extents = term.loss.member.classExtents(for: place.extents, classes: place.classAxis)
        // Labels of places are an array like others.
        let areArray = data?.labels == nil && !model.inputNames.contains(name) && data?.features.contains { $0.name == name } == true
        if name == ObjectiveTerm.labels, !areArray {
            guard data?.labels != nil || data == nil else {
                throw WinnowError(.data, "the data", "has no labels for the loss \(term.loss)", remedy: "give an array of them as its target, or target: original")
            }
            let goesWithProbabilities = term.loss.member.targets.contains(.values) && extents.count == 1 && place.extents.count == 2
            guard !blendsLabels || goesWithProbabilities else {
                throw WinnowError(.recipe, "augment: mixup", "blends classes, which \(term.loss) of \(output) does not take", remedy: "leave one of both out")
            }
            let input = try builder.input(model.freshValueName(name), blendsLabels ? .float32 : .int64, blendsLabels ? place.extents : extents)
            labels = input
            inputs[name] = LossTarget(blendsLabels ? .values : .classes, input)
        } else {
            inputs[name] = try array(name, term, extents, place)
        }
        return inputs[name] ?? LossTarget(.values, output)
    }

    /// An array of the data as an input of the graph.
    private mutating func array(_ name: String, _ term: ObjectiveTerm, _ classExtents: [Extent], _ place: LossPlace) throws -> LossTarget {
        // What a model takes may be what it should give: an autoencoder.
        if model.inputNames.contains(name) { return LossTarget(.values, name) }
        guard let feature = data?.features.first(where: { $0.name == name }) else {
            let known = [ObjectiveTerm.labels, ObjectiveTerm.original] + (data?.features.map(\.name) ?? [])
            throw WinnowError(.data, "target \(name)", "is no array of the data", remedy: Spelling.remedy(for: name, among: known))
        }
        let free = model.freshValueName(name)
        if free != name { arrays[free] = name }
        if feature.elementType.isInteger, term.loss.member.targets.contains(.classes) {
            return LossTarget(.classes, try builder.input(free, .int64, classExtents))
        }
        let isWhole = feature.batchElementType.isInteger
        let input = try builder.input(free, isWhole ? .int64 : .float32, place.extents)
        return LossTarget(.values, isWhole ? try builder.add(Cast(to: .float32), input) : input)
    }
}
