import Testing
import WinnowGraph
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

struct FeatureHintTests {
    /// A layer that became two reads a value of its own; the default hint is one that the teacher has too.
    @Test func hintsFollowFactors() throws {
        let teacher = try TestModels.perceptron()
        let student = try SVDFactorization(hyperparameters: ["rank": 1])(teacher).graph
        let last = try #require(student.weightSites.last?.node.inputs[0])
        try #require(teacher.infos[last] == nil && teacher.inputNames != [last])
        var context = try TestModels.context(for: student)
        context.teacher = teacher
        func hint(_ pass: FeatureHint) throws -> [Finding] {
            var setup = TrainingSetup(student)
            setup.objective = try Loss.crossEntropy().attached(to: student)
            try pass.extendObjective(&setup, in: context)
            return setup.findings
        }
        let subjects = try hint(FeatureHint()).filter { $0.reason.contains("trained towards") }.map(\.subject)
        #expect(!subjects.isEmpty && subjects.allSatisfy { teacher.infos[$0] != nil && !teacher.inputNames.contains($0) })
        let shared = try #require(subjects.last)
        let error = #expect(throws: WinnowError.self) { try hint(FeatureHint { $0.values = [shared + "x"] }) }
        #expect(error?.remedy.contains("did you mean \(shared)?") == true)
    }

    /// A layer that reads rounded values is hinted before the rounding, where the teacher has the same.
    @Test func hintsAreBeforeRounding() throws {
        let model = try TestModels.perceptron()
        var context = try TestModels.context(for: model)
        context.teacher = model
        var pass = Finetune(carrying: [FeatureHint(), LearnedStepQuantization()])
        pass.epochs = 1
        let findings = try pass.apply(to: model, in: context).findings
        let last = try #require(model.weightSites.last?.node.inputs[0])
        #expect(findings.contains { $0.subject == last && $0.reason.contains("trained towards") })
    }
}
