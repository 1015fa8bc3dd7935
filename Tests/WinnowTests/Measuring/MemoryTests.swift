#if os(Linux)
import CAllocationCounter
import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
@testable import Winnow

/// What executing and training take from memory, on networks people know: bounds that a change must not pass unseen.
@Suite(.serialized) struct MemoryTests {
    struct Bound: Sendable, CustomTestStringConvertible {
        var name: String
        var isQuantized = false
        var work = ModelTimer.Work.inference
        var batch: Int
        /// The bytes planned when the bound was set, and a tenth more.
        var kilobytes: Int
        var testDescription: String { "\(name)\(isQuantized ? " int8" : "") \(work.rawValue) \(batch)" }

        func timer() throws -> ModelTimer {
            let model = Model(try Architecture.named(name).makeGraph())
            return try ModelTimer(isQuantized ? quantized(model) : model, work, batchSize: batch)
        }

        private func quantized(_ model: Model) throws -> Model {
            let inputs = try RandomInputs(seed: 1).inputs(for: model.graph, batchSize: 8)
            let data = DataSplits(training: try Dataset(inputs.map { .init(name: $0.key, $0.value) }))
            return try model.applying("static-quantization", data: data).model
        }
    }

    static let bounds = [
        Bound(name: "lenet-300-100", batch: 64, kilobytes: 330),
        Bound(name: "lenet-5", batch: 1, kilobytes: 80),
        Bound(name: "lenet-5", batch: 64, kilobytes: 4_200),
        Bound(name: "lenet-5", isQuantized: true, batch: 64, kilobytes: 1_250),
        Bound(name: "resnet-20", batch: 1, kilobytes: 180),
        Bound(name: "resnet-20", batch: 8, kilobytes: 1_660),
        Bound(name: "resnet-20", isQuantized: true, batch: 8, kilobytes: 365),
        Bound(name: "lenet-5", work: .training, batch: 64, kilobytes: 9_500),
        Bound(name: "resnet-20", work: .training, batch: 32, kilobytes: 42_000),
    ]

    @Test(arguments: bounds) func intermediateValuesFit(_ bound: Bound) throws {
        let kilobytes = try bound.timer().plannedByteCount / 1024
        #expect(kilobytes <= bound.kilobytes)
        // A bound far above what is needed would notice nothing.
        #expect(kilobytes >= bound.kilobytes * 7 / 10)
    }

    /// Training updates parameters in place, executing works in the plan's own memory.
    @Test(.disabled(if: _isDebugAssertConfiguration()), arguments: bounds) func runningAllocatesNothing(_ bound: Bound) throws {
        let timer = try bound.timer()
        try timer.run(count: 2)
        winnow_count_allocations_begin()
        defer { _ = winnow_count_allocations_end() }
        try timer.run(count: 3)
        #expect(winnow_count_allocations_end() == 0)
    }
}
#endif
