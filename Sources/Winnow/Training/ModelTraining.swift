import Foundation
public import WinnowEngine
public import WinnowGraph
import WinnowFormats
public import WinnowPasses
import WinnowReport
import WinnowTensor
public import WinnowTraining

/// Training a model file to a model file: what `winnow train` does.
public struct ModelTraining: Sendable {
    public var configuration: TrainingConfiguration
    /// How sums of products of float32 are computed.
    public var arithmetic = Arithmetic.fast

    public init(_ configuration: TrainingConfiguration) { self.configuration = configuration }

    /// How a training went.
    public struct Summary: Encodable, Sendable, CustomStringConvertible {
        public var output: String
        /// The epoch after which the model was as it is written, counted from 1.
        public var epoch: Int
        /// One record an epoch.
        public var history: [EpochRecord]
        /// Weights that were not trained, and why.
        public var untrained: [Finding]
        /// What labels were taken for that are not one class a sample.
        public var labels: String?

        /// `trained.onnx: the state after epoch 8 of 10, validation top-1 98.12 %`, after a line for every reason why weights stayed.
        public var description: String {
            let best = history.first { $0.epoch == epoch }
            let top1 = best?.validationTop1.map { String(format: ", validation top-1 %.2f %%", 100 * $0) } ?? ""
            var lines = [Finding.Status.skipped, .kept].flatMap { untrained.reasons(for: $0) }
            if let labels { lines.append("trained on the cross-entropy: \(labels)") }
            return (lines + ["\(output): the state after epoch \(epoch) of \(history.count)\(top1)"]).joined(separator: "\n")
        }
    }

    /// Trains `model` on the training split, keeps the best state on validation, writes it, and says how it went.
    public func callAsFunction(
        _ model: Model, output: String, data: DataSplits, source: String, cancellation: Cancellation,
        progress: @escaping ProgressReporter
    ) throws -> Summary {
        let training = try data.required(.training, of: source).adapted(to: model.graph)
        let validation = try data.validation?.adapted(to: model.graph)
        let checkpoint = CheckpointFiles(file: OutputName.companion(of: output, suffix: ".checkpoint"))
        let graph = try model.graph.separatingStatistics()
        let places = Trainer.places(of: training, for: graph)
        var trainer = try Trainer(graph, configuration: configuration, places: places)
        trainer.options.arithmetic = arithmetic
        trainer.state = RunState(in: checkpoint)
        trainer.cancellation = cancellation
        trainer.progress = progress
        let result = try trainer.train(on: training, validation: validation)
        var trained = result.model
        if let preparation = data.preparation { trained.metadata.properties[ImagePreparation.property] = preparation }
        trained.metadata.note(Finetune(configuration, arithmetic: arithmetic).map { PassStep($0) }, seed: configuration.seed)
        try Model(trained).write(to: output)
        checkpoint.remove(partsBeginning: "")
        let findings = [Finding].ofTraining(model.graph, to: result.model, noted: .untrained(result))
        return Summary(
            output: output, epoch: result.epoch, history: result.history, untrained: findings.filter { $0.status != .done },
            labels: places.flatMap { places in graph.scoredOutput.map { places.words(of: $0) } })
    }
}

extension OptimizerConfiguration {
    /// The rule of this name; momentum is for `sgd` alone. Throws `.usage` for an unknown one.
    public static func named(_ name: String, momentum: Double, weightDecay: Double) throws -> OptimizerConfiguration {
        guard let rule = Rule(rawValue: name) else {
            throw WinnowError(.usage, "--optimizer", "\(name) is not known", remedy: "choose adam, adamw or sgd")
        }
        return OptimizerConfiguration(rule, momentum: rule == .sgd ? momentum : 0, weightDecay: weightDecay)
    }
}

extension AugmentationChange {
    /// The methods by name, for help.
    public static var help: String { AugmentationCatalogue.all.map { $0.name }.joined(separator: ", ") }

    /// The change of a text such as `flip`, `crop=4` or `token-dropout=0.1,input=ids,replacement=103`. Throws `.usage` for others.
    public init(parsing text: String) throws {
        func wrong(_ problem: String) -> WinnowError {
            WinnowError(.usage, "--augment", "\(text) \(problem)", remedy: "write for example flip, crop=4 or token-dropout=0.1,input=ids,replacement=103")
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (key: String(sides[0]), value: sides.count > 1 ? String(sides[1]) : nil)
        }
        guard let method = AugmentationCatalogue.all.first(where: { $0.name == parts[0].key }) else {
            throw WinnowError(.usage, "--augment", "there is no \(parts[0].key)", remedy: "choose one of \(Self.help)")
        }
        guard let strength = parts[0].value.map({ Double($0) }) ?? method.usualStrength else { throw wrong("has a strength that is no number") }
        self.init(method.name, by: strength)
        for (key, value) in parts.dropFirst() {
            switch key {
            case "input": input = value
            case "replacement":
                guard let number = value.flatMap({ Int($0) }) else { throw wrong("has a replacement that is no whole number") }
                replacement = number
            default: throw wrong("has the part \(key)")
            }
        }
        if let complaint { throw wrong(complaint) }
    }
}

extension Schedule {
    /// The shape of this name. Throws `.usage` for an unknown one.
    public static func named(_ name: String) throws -> Schedule {
        guard let shape = Shape(rawValue: name) else {
            let known = Shape.allCases.map(\.rawValue).joined(separator: ", ")
            throw WinnowError(.usage, "--schedule", "\(name) is not known", remedy: "choose one of \(known)")
        }
        return Schedule(shape)
    }
}
