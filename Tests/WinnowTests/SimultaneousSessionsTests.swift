import Foundation
import Synchronization
import Testing
import WinnowEngine
import WinnowFormats
import WinnowKernels
import WinnowTensor
import WinnowTraining
@testable import Winnow

/// Sessions and training runs on threads of one process give what each gives by itself, bit for bit.
@Suite(.serialized) struct SimultaneousSessionsTests {
    private struct Job: Sendable {
        var model: Model
        var inputs: [String: Tensor]
    }

    private static func job(_ name: String, seed: UInt64, isQuantized: Bool) throws -> Job {
        let model = Model(try Architecture.named(name).makeGraph(seed: seed))
        let inputs = try RandomInputs(seed: seed).inputs(for: model.graph, batchSize: 16)
        guard isQuantized else { return Job(model: model, inputs: inputs) }
        let data = DataSplits(training: try Dataset(inputs.map { .init(name: $0.key, $0.value) }))
        return Job(model: try model.applying("static-quantization", data: data).model, inputs: inputs)
    }

    /// The results of `bodies`, run at once, each on a thread of its own.
    private func simultaneously<Result: Sendable>(_ bodies: [@Sendable () throws -> Result]) -> [Result?] {
        let results = Mutex([Result?](repeating: nil, count: bodies.count))
        let threads = bodies.enumerated().map { index, body in
            Thread {
                let result = try? body()
                results.withLock { $0[index] = result }
            }
        }
        for thread in threads {
            thread.stackSize = 8 << 20
            thread.start()
        }
        while !threads.allSatisfy(\.isFinished) { usleep(1000) }
        return results.withLock { $0 }
    }

    @Test(arguments: [1, 2]) func sessions(threadCount: Int) throws {
        ThreadCount.set(threadCount)
        defer { ThreadCount.set(0) }
        let jobs = try [("lenet-300-100", false), ("lenet-5", false), ("lenet-5", true), ("resnet-20", false), ("resnet-20", true)]
            .enumerated().map { try Self.job($1.0, seed: UInt64($0), isQuantized: $1.1) }
        let expected = try jobs.map { try Session($0.model.graph).run($0.inputs).mapValues { $0.withUnsafeBytes { [UInt8]($0) } } }
        let results = simultaneously(
            jobs.map { job in
                {
                    let session = try Session(job.model.graph)
                    let outputs = try (0..<20).map { _ in try session.run(job.inputs).mapValues { $0.withUnsafeBytes { [UInt8]($0) } } }
                    return outputs.allSatisfy { $0 == outputs[0] } ? outputs[0] : [:]
                }
            })
        for (result, expected) in zip(results, expected) { #expect(result == expected) }
    }

    @Test func training() throws {
        let jobs = try [("lenet-300-100", UInt64(1)), ("lenet-5", 2), ("resnet-20", 3)]
            .map { try Self.job($0, seed: $1, isQuantized: false) }
        @Sendable func train(_ job: Job) throws -> [UInt8] {
            let data = try Dataset(job.inputs.map { .init(name: $0.key, $0.value) }, labels: (0..<16).map { $0 % 10 })
            let configuration = TrainingConfiguration(epochs: 4, batchSize: 8, learningRate: 0.01, optimizer: .sgd(momentum: 0.9))
            return try ONNXFile.bytes(job.model.trained(configuration, on: DataSplits(training: data)).model.graph)
        }
        let expected = try jobs.map(train)
        for (result, expected) in zip(simultaneously(jobs.map { job in { try train(job) } }), expected) {
            #expect(result == expected)
        }
    }
}
