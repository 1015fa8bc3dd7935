import Foundation
import Synchronization
import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
@testable import WinnowTraining

@testable import WinnowPasses

/// Teachers whose outputs are computed once and kept.
struct KeptTeacherTests {
    private let folder = NSTemporaryDirectory() + "winnow-kept-" + UUID().uuidString

    /// Keeps checkpoints in memory and files in a folder, as a run's folder does.
    private final class Store: CheckpointStore {
        let place: String
        private let parts = Mutex<[String: Checkpoint]>([:])

        init(_ place: String) throws {
            self.place = place
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        }

        func save(_ checkpoint: Checkpoint, as part: String) { parts.withLock { $0[part] = checkpoint } }
        func load(_ part: String) -> Checkpoint? { parts.withLock { $0[part] } }
        func remove(partsBeginning prefix: String) {}
        func file(of part: String) -> String? { "\(place)/\(part).rows" }
    }

    private func context(_ count: Int, teacher: Graph, labels: Bool = true, for graph: Graph) throws -> PassContext {
        var context = PassContext()
        var data = try TestModels.dataset(for: graph, count: count)
        if !labels { data.labels = nil }
        (context.training, context.validation, context.seed) = (data, data.subset(0..<20), 7)
        context.loadModel = { _ in teacher }
        return context
    }

    private func pass(_ passengers: [any TrainingPass], keeps: Bool, _ change: (inout Finetune) -> Void = { _ in }) -> Finetune {
        var pass = Finetune(carrying: passengers)
        (pass.epochs, pass.batchSize, pass.keepTeacher, pass.keepBest) = (3, 16, keeps, false)
        change(&pass)
        return pass
    }

    /// The same weights come out whether a teacher is run in every step or once: with labels, hints, without labels, in parts of steps, and
    /// with a last batch that is smaller.
    @Test(arguments: [64, 70], ["kl", "mse", "hint", "none", "parts", "two"]) func resultsAreTheSame(_ count: Int, _ kind: String) throws {
        let (student, teacher) = (try TestModels.residual(seed: 5), try TestModels.residual(seed: 6))
        let context = try context(count, teacher: teacher, labels: kind != "none", for: student)
        let distillation = try Distillation(hyperparameters: [
            "teacher": "teacher.onnx", "by": .string(kind == "mse" ? "mse" : "kl"), "more-teachers": .list(kind == "two" ? ["other.onnx"] : []),
        ])
        let passengers: [any TrainingPass] =
            kind == "none" ? [] : kind == "hint" ? [distillation, try FeatureHint(hyperparameters: ["teacher": "teacher.onnx"])] : [distillation]
        let results = try [false, true].map { keeps in
            try pass(passengers, keeps: keeps) { if kind == "parts" { $0.partSize = 8 } }.apply(to: student, in: context).graph
        }
        #expect(results[0].initializers == results[1].initializers && results[0].initializers != student.initializers)
    }

    /// What is kept takes the teacher's place in the objective; random changes of samples leave it there.
    @Test func theTeacherIsRunOnce() throws {
        let (student, teacher) = (try TestModels.residual(seed: 5), try TestModels.residual(seed: 6))
        let context = try context(50, teacher: teacher, for: student)
        let distillation = try Distillation(hyperparameters: ["teacher": "teacher.onnx"])
        func kept(_ change: (inout Finetune) -> Void = { _ in }) throws -> KeptValues? {
            let trainer = try pass([distillation], keeps: true, change).trainer(of: student, original: student, in: context).trainer
            return try KeptValues(of: trainer, on: try #require(context.training))
        }
        let own = try #require(try kept())
        #expect(own.objective.graph.nodes.allSatisfy { !$0.name.hasPrefix("teacher/") } && own.data.features.count == 2)
        let scores = try TestModels.predictions(of: teacher, on: try #require(context.training).features[0].tensor)
        #expect(zip(try own.data.features[1].tensor.floats(), scores.flatMap { $0 }).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(try kept { $0.shift = 1 } == nil && kept { $0.augment = [AugmentationChange("noise", by: 0.1)] } == nil)
        #expect(try kept { $0.epochs = 1 } == nil && kept { $0.keepTeacher = false } == nil)
    }

    /// What a stopped run has kept is not computed again, and what comes out is the same.
    @Test func keptRowsAreTakenUpAgain() throws {
        let (student, teacher) = (try TestModels.residual(seed: 5), try TestModels.residual(seed: 6))
        var context = try context(70, teacher: teacher, for: student)
        let whole = try pass([Distillation(hyperparameters: ["teacher": "t"])], keeps: true).apply(to: student, in: context).graph
        let store = try Store(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        context.state = RunState(in: store)
        let cancellation = Cancellation()
        let counts = Mutex<[Int]>([])
        context.progress = { event in
            guard event.task == "teacher" else { return }
            counts.withLock { $0.append(event.completed) }
            if event.completed == 32 { cancellation.cancel() }
        }
        context.cancellation = cancellation
        let step = try pass([Distillation(hyperparameters: ["teacher": "t"])], keeps: true)
        #expect(throws: WinnowError.self) { try step.apply(to: student, in: context) }
        #expect(counts.withLock { $0 } == [16, 32])
        context.cancellation = nil
        let resumed = try step.apply(to: student, in: context).graph
        #expect(counts.withLock { $0 } == [16, 32, 48, 64, 70])
        #expect(resumed.initializers == whole.initializers)
    }
}
