import WinnowEngine
public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Turns a float32 model into a float16 one; nodes that lose too much stay float32.
public struct Float16Conversion: Pass {
    public static let name = "float16-conversion"
    public static let summary = "float16 weights and arithmetic; nodes that lose too much stay float32"
    public static let guide = """
        Weights become float16 and the nodes compute in it (IEEE 754 binary16: 11 bits, at most 65504); inputs and outputs of the \
        model stay float32. Nodes stay float32 where ONNX has no float16, where a weight does not fit or is not finite, where they compute on codes \
        of 8 bits, and, if calibration data is \
        at hand, where their result is infinite or off by more than `max-error` of its size though what they read is not, or what \
        float32 makes of their results is. With \
        `arithmetic: float32` only the weights are stored as float16, and every runtime computes as before. The file halves; \
        processors without float16 arithmetic are not faster.
        """
    public enum Arithmetic: String, HyperparameterChoice, Codable { case float16, float32 }

    @Hyperparameter("in what nodes compute; float32: weights alone are float16") public var arithmetic = Arithmetic.float16
    @Hyperparameter("largest error of a node's result, as a part of its size, on calibration data", in: 0...1) public var maxError = 0.01
    @Hyperparameter("calibration samples to compare at most", in: 1...1e6, counts: .with("arithmetic", ["float16"])) public var samples = 8
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        return arithmetic == .float32 ? try storingWeights(of: graph) : try converting(graph, in: context)
    }

    private func storingWeights(of graph: Graph) throws -> PassResult {
        try graph.rewritingWeights(choice) { targets in
            var storage = WeightStorage(targets.graph)
            for target in targets.targets {
                guard target.stored.elementType == .float32 else {
                    targets.keep(target, "it is \(target.stored.elementType) already")
                    continue
                }
                if let reason = target.stored.misfit(maxError) {
                    targets.keep(target, "it \(reason)")
                    continue
                }
                let half = target.stored.converted(to: .float16)
                storage.store(half, inPlaceOf: target, &targets.names)
                targets.note(.halved(target.tensor, target.stored, half))
            }
            return try storage.apply()
        }
    }

    private func converting(_ graph: Graph, in context: PassContext) throws -> PassResult {
        let onCodes = graph.nodesOnCodes
        var reasons = graph.nodesThatStayWhole(try choice.selection(in: graph), maxError).merging(onCodes.reasons) { first, _ in first }
        var unfit: Set<ValueName> = []
        var half = try HalfGraph(graph, stays: onCodes.edges.union(reasons.keys))
        let comparison = try HalfComparison(of: graph, in: context, sampleCount: samples)
        // Nodes in float32 that what they read makes wrong, and whether float32 above them has been tried.
        var (misled, inVain): ([String: [String: String]], [String: Double]) = ([:], [:])
        while let comparison {
            let found = try comparison.beyond(maxError, in: half)
            let late = found.late.filter { inVain[$0.key] == nil }
            if found.nodes.isEmpty, found.values.isSubset(of: unfit), late.isEmpty { break }
            reasons.merge(found.nodes) { first, _ in first }
            unfit.formUnion(found.values)
            for (node, error) in late {
                if misled[node] != nil {
                    (misled[node], inVain[node]) = ([:], error)
                } else {
                    misled[node] = half.nodesAbove(node, reason: "what \(node) makes of it would be off by \(Float(error)) of its size")
                }
            }
            let above = misled.values.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
            half = try HalfGraph(graph, stays: onCodes.edges.union(reasons.keys).union(above.keys), unfit: unfit)
        }
        for above in misled.values { reasons.merge(above) { first, _ in first } }
        reasons.merge(half.reasons) { first, _ in first }
        var result = try half.apply()
        for name in graph.constantNames {
            if let stored = half.halves[name] { result.metadata.valueNotes[stored, default: ValueNotes()].tensor.isConstant = true }
        }
        var ledger = WeightLedger(graph)
        for name in graph.initializerNames {
            guard let tensor = graph.initializers[name], tensor.elementType == .float32, let stored = half.halves[name],
                let other = result.initializers[stored]
            else { continue }
            ledger.note(.halved(name, tensor, other))
        }
        for (node, reason) in reasons.sorted(by: { $0.key < $1.key }) {
            ledger.note(Finding(node, .kept, reason: "computes in float32: \(reason)"))
        }
        for (node, error) in inVain.sorted(by: { $0.key < $1.key }) {
            ledger.note(
                Finding(
                    node, .fellBack,
                    reason: "its result is off by \(Float(error)) of its size, which it makes in float32 of what float16 rounded far above it"))
        }
        ledger.note(
            half.converted.isEmpty
                ? Finding("graph", .kept, reason: "no node is left to compute in float16")
                : Finding("graph", .done, .nodes, before: 0, after: Double(half.converted.count), reason: "nodes that compute in float16"))
        return PassResult(graph: result, findings: ledger.findings { _ in "only nodes that compute in float32 read it" })
    }
}

/// A float32 graph beside its float16 form, sample by sample.
private struct HalfComparison {
    private let graph: Graph
    private let floats: [ValueName]
    private let comparables: ComparableValues
    private let session: Session
    private let data: Dataset
    private let cancellation: Cancellation?

    /// nil without data.
    init?(of graph: Graph, in context: PassContext, sampleCount: Int) throws {
        guard context.calibration != nil || context.training != nil else { return nil }
        self.graph = graph
        data = try context.calibrationData(for: graph).drawn(sampleCount, seed: context.seed)
        floats = graph.nodes.flatMap(\.outputs).filter { graph.infos[$0]?.elementType == .float32 }
        comparables = ComparableValues(graph)
        session = try Session(graph.giving(floats))
        cancellation = context.cancellation
    }

    /// Nodes of which a result is infinite or off by more than `limit` of its size, while what they read is not: those in float16, with
    /// the reason, and those that stay in float32, with the error; and values of which float16 itself is. Of values that cannot be
    /// compared element by element the order does not count.
    func beyond(_ limit: Double, in half: HalfGraph) throws -> (nodes: [String: String], late: [String: Double], values: Set<ValueName>) {
        let converted = Set(half.converted.flatMap(\.outputs))
        let names = floats.map { converted.contains($0) ? half.halves[$0] ?? $0 : $0 }
        let other = try Session(half.apply().giving(names))
        var errors: [ValueName: Double] = [:]
        var unfit: Set<ValueName> = []
        for batch in data.batches(of: 1, for: graph) {
            try cancellation?.check("comparing with float32")
            let plans = try [session, other].map { try $0.plan(for: batch, of: data) }
            for plan in plans { try plan.execute() }
            for (value, name) in zip(floats, names) {
                guard let wanted = plans[0].output(value), let found = plans[1].output(name) else { continue }
                let error = comparables.contains(value) ? wanted.halfError(of: found) : wanted.halfErrorInAnyOrder(of: found)
                errors[value] = max(errors[value] ?? 0, error)
                if wanted.halfError(of: wanted.converted(to: .float16)) > limit { unfit.insert(value) }
            }
        }
        let isConverted = Set(half.converted.map(\.name))
        var (result, late): ([String: String], [String: Double]) = ([:], [:])
        for node in graph.nodes where node.inputs.allSatisfy({ errors[$0] ?? 0 <= limit }) {
            guard let error = node.outputs.compactMap({ errors[$0] }).max(), error > limit else { continue }
            if isConverted.contains(node.name) {
                result[node.name] = error.isFinite ? "its result would be off by \(Float(error)) of its size" : "its result would be infinite"
            } else {
                late[node.name] = error
            }
        }
        return (result, late, unfit)
    }
}

extension Graph {
    /// Nodes that were not chosen, read weights that are not finite or that float16 does not hold, belong to no standard operator set, or that ONNX Runtime
    /// takes in float32 only.
    fileprivate func nodesThatStayWhole(_ selection: Selection, _ limit: Double) -> [String: String] {
        var result: [String: String] = [:]
        let misfits = initializers.compactMapValues { $0.misfit(limit) }
        let overflows = misfits.filter { initializers[$0.key]?.misfit(.greatestFiniteMagnitude) != nil }
        let origins = constantOrigins
        let flaws = flaws.filter { initializers[$0.key]?.elementType == .float32 }
        func misfit(_ place: Int, of node: Node) -> String? {
            guard let value = node.input(place), let origin = origins[value] else { return nil }
            if flaws[origin] != nil { return "\(origin) is not finite" }
            // Terms of sums may be small beside the others, but for the one number that keeps a divisor from 0.
            let isTerm = node.op is Add || node.op is Sub ? (infos[value]?.shape?.elementCount ?? 0) > 1 : place == 2 && !(node.op is Einsum)
            return (isTerm ? overflows : misfits)[origin].map { "\(origin) \($0)" }
        }
        let sites = Dictionary(grouping: weightSites, by: \.node.name)
        let index = GraphIndex(self)
        for node in nodes {
            let own = (sites[node.name] ?? []).map(\.tensor) + node.inputs.filter { initializers[$0].map { $0.rank > 0 } ?? false }
            if let reason = (own.isEmpty ? [node.name] : own).lazy.compactMap({ selection.reason(against: $0, of: node) }).first {
                result[node.name] = reason
            } else if node.op.type.domain != "" {
                result[node.name] = "\(node.op.type.name) is no operator of ONNX"
            } else if !node.op.bodies.isEmpty {
                result[node.name] = "its bodies stay as they are"
            } else if let reason = node.inputs.indices.lazy.compactMap({ misfit($0, of: node) }).first {
                result[node.name] = reason
            } else if node.op is Transpose, let product = index.consumers(of: node.output(0)).first(where: { $0.isProduct(of: node.output(0)) }) {
                result[node.name] = "ONNX Runtime 1.31 crashes where it fuses a float16 Transpose with a MatMul behind it (\(product.name))"
            }
        }
        return result
    }
}

extension Node {
    fileprivate func isProduct(of left: ValueName?) -> Bool { op is MatMul && input(0) == left }
}

extension Tensor {
    /// What float16 would do to its numbers, if that is more than a part `limit` of their size.
    fileprivate func misfit(_ limit: Double) -> String? {
        guard elementType == .float32 else { return nil }
        var error = HalfError()
        for piece in pieces {
            for own in doubles(in: piece) where own.isFinite { error.add(own, Double(Float16(Float(own)))) }
        }
        if error.value.isInfinite { return "has numbers beyond 65504, the largest of float16" }
        return error.value > limit ? "would be off by \(Float(error.value)) of its size in float16, which has few digits below 0.00006" : nil
    }

    /// ‖other − self‖ / ‖self‖; infinite where the other has numbers that are not finite and this has not.
    fileprivate func halfError(of other: Tensor) -> Double {
        var error = HalfError()
        for (own, found) in zip(doubles(), other.doubles()) where own.isFinite { error.add(own, found) }
        return error.value
    }

    /// The same of numbers in rising order.
    fileprivate func halfErrorInAnyOrder(of other: Tensor) -> Double {
        let (own, found) = (doubles(), other.doubles())
        guard own.allSatisfy(\.isFinite), found.allSatisfy(\.isFinite) else { return halfError(of: other) }
        var error = HalfError()
        for (own, found) in zip(own.sorted(), found.sorted()) { error.add(own, found) }
        return error.value
    }
}

/// ‖found − own‖ / ‖own‖ of finite numbers; infinite where what was found is.
private struct HalfError {
    private var (norm, distance) = (0.0, 0.0)

    mutating func add(_ own: Double, _ found: Double) {
        norm += own * own
        distance += found.isFinite ? (own - found) * (own - found) : .infinity
    }

    var value: Double { distance == 0 || distance == .infinity ? distance : (distance / norm).squareRoot() }
}

extension Finding {
    fileprivate static func halved(_ name: ValueName, _ weight: Tensor, _ half: Tensor) -> Finding {
        Finding(name, .done, .elementSize, before: 32, after: 16, reason: "relative error \(weight.relativeError(of: half))")
    }
}
