import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// What is to be learned of the values of a graph, and what was: one run over the data serves all requests.
package struct Statistics: Sendable {
    private var values: [ValueName] = []
    private var gathered: [ValueName: [(key: String, statistic: any Statistic)]] = [:]

    package init() {}

    package var isEmpty: Bool { values.isEmpty }

    /// Has a value given by the graph, also where nothing is asked of it.
    package mutating func expose(_ value: ValueName) {
        guard gathered[value] == nil else { return }
        values.append(value)
        gathered[value] = []
    }

    /// Asks for a statistic of a float32 value; each kind once, or once a key.
    package mutating func request<Kind: Statistic>(_ statistic: Kind, of value: ValueName, key: String = "") {
        expose(value)
        if self[value, Kind.self, key: key] == nil { gathered[value, default: []].append((key, statistic)) }
    }

    /// What was learned; nil if nobody asked.
    package subscript<Kind: Statistic>(_ value: ValueName, _ kind: Kind.Type, key key: String = "") -> Kind? {
        gathered[value]?.lazy.compactMap { $0.key == key ? $0.statistic as? Kind : nil }.first
    }

    private func needsPlaces(_ value: ValueName) -> Bool { gathered[value]?.contains { type(of: $0.statistic).needsPlaces } ?? false }

    private mutating func add(_ bytes: UnsafeRawBufferPointer, shape: Shape, to value: ValueName) {
        for index in gathered[value]?.indices ?? 0..<0 {
            gathered[value]?[index].statistic.add(bytes.bindMemory(to: Float.self), shape: shape)
        }
    }

    /// Runs `graph` over at most `sampleCount` samples of the context's calibration data, drawn over all classes and places.
    ///
    /// Throws `.numeric` naming a value that became infinite or NaN, and what running the graph throws.
    ///
    /// - Parameters:
    ///   - batchSize: small, as every value of a batch is kept until it has been seen, in caches if it fits.
    ///   - words: what errors call a value.
    package mutating func gather(
        in graph: Graph, context: PassContext, sampleCount: Int = 512, batchSize: Int = 8, words: (ValueName) -> String = { "value \($0)" }
    ) throws {
        let data = try context.calibrationData(for: graph)
        let inputs = Set(graph.inputNames)
        let computed = values.filter { !inputs.contains($0) }
        let placed = computed.filter { needsPlaces($0) }
        var edit = GraphEdit()
        edit.outputs = computed
        let session = try Session(graph.applying(edit), observed: Set(computed).subtracting(placed))
        let samples = data.drawn(sampleCount, seed: context.seed)
        var done = 0
        for batch in samples.batches(of: batchSize, for: graph) {
            try context.cancellation?.check("calibration")
            let plan = try session.plan(for: batch, of: samples)
            for value in values where inputs.contains(value) {
                plan.withInput(value) { add(UnsafeRawBufferPointer($0), shape: plan.shape(of: value) ?? [], to: value) }
            }
            try plan.execute { add($1, shape: [$1.count / 4], to: $0) }
            for value in placed { plan.withOutput(value) { add($0, shape: plan.shape(of: value) ?? [], to: value) } }
            done += batch.count
            if done == samples.count || done / 64 > (done - batch.count) / 64 {
                context.progress?(ProgressEvent("calibration", completed: done, of: samples.count, unit: "samples"))
            }
        }
        if let broken = values.first(where: { gathered[$0]?.contains { !$0.statistic.isFinite } ?? false }) {
            throw WinnowError(
                .numeric, words(broken), "became infinite or NaN on the calibration data",
                remedy: "look for such numbers in the data and in the weights before it")
        }
    }
}
