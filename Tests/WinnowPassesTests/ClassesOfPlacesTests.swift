import Foundation
import Synchronization
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

/// Losses of classes of tokens, (N, T, classes), and of pixels, (N, classes, H, W), beside their formulas in float64.
struct ClassesOfPlacesTests {
    private static let samples = 3

    /// Scores of six classes for each token, by a matrix.
    private func tokens(_ count: Int, closed: Bool = false, seed: UInt64 = 1) throws -> Graph {
        let b = GraphBuilder("tokens")
        let x = try b.input("x", .float32, ["N", .fixed(count), 12])
        let scores = try b.add(MatMul(), x, b.constant("w", TestModels.normal([12, 6], seed: seed)), name: "scores")
        return try b.graph(outputs: [closed ? b.add(Softmax(axis: 2), scores, name: "closed") : scores])
    }

    /// Scores of four classes for each pixel, by filters.
    private func pixels(closed: Bool = false, seed: UInt64 = 1) throws -> Graph {
        let b = GraphBuilder("pixels")
        let x = try b.input("x", .float32, ["N", 3, 4, 4])
        let scores = try b.conv(x, b.constant("w", TestModels.normal([4, 3, 1, 1], seed: seed)), name: "scores")
        return try b.graph(outputs: [closed ? b.add(Softmax(axis: 1), scores, name: "closed") : scores])
    }

    private func inputs(of graph: Graph) -> Tensor {
        TestModels.normal(Shape([Self.samples] + (graph.inputs[0].type.extents ?? []).dropFirst().compactMap(\.value)), seed: 4)
    }

    /// The value `scores` as one row of classes for each place.
    private func rows(_ graph: Graph, classes axis: Int) throws -> [[Double]] {
        var edit = GraphEdit()
        edit.outputs = ["scores"]
        let scores = try #require(try Session(graph.applying(edit)).run(["x": inputs(of: graph)])["scores"])
        let last = scores.transposed((0..<scores.rank).filter { $0 != axis } + [axis])
        let (values, width) = (last.doubles(), scores.shape[axis])
        return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<($0 + width)]) }
    }

    private func logSoftmax(_ row: [Double]) -> [Double] {
        let sum = log(row.reduce(0) { $0 + exp($1) })
        return row.map { $0 - sum }
    }

    private func classes(_ shape: Shape, below count: Int) -> Tensor {
        Tensor((0..<shape.elementCount).map { Int64(($0 * 7 + $0 / 3) % count) }, shape: shape)
    }

    private func objective(_ graph: Graph, _ term: [String: HyperparameterValue], _ target: Tensor, named name: String = "c") throws -> Objective {
        let data = try Dataset([.init(name: "x", inputs(of: graph)), .init(name: name, target)])
        let pass = try Finetune(hyperparameters: ["objective": .list([.table(term)])])
        return try ObjectiveSum.made(of: pass.objective, on: graph, original: graph, data: data).objective
    }

    private func loss(_ objective: Objective, _ graph: Graph, _ target: (name: String, tensor: Tensor)?) throws -> Double {
        var edit = GraphEdit()
        edit.outputs = [objective.loss]
        var arrays = ["x": inputs(of: graph)]
        if let target { arrays[target.name] = target.tensor }
        return try #require(try Session(objective.graph.applying(edit)).run(arrays)[objective.loss]).doubles()[0]
    }

    private func loss(_ graph: Graph, _ term: [String: HyperparameterValue], _ target: Tensor) throws -> Double {
        try loss(objective(graph, term, target), graph, ("c", target))
    }

    /// −log p of each token's class, the mean; also where there are as many tokens as classes.
    @Test(arguments: [5, 6], [false, true]) func tokensHaveClassesLast(_ count: Int, _ closed: Bool) throws {
        let graph = try tokens(count, closed: closed)
        let target = classes([Self.samples, count], below: 6)
        let logarithms = try rows(graph, classes: 2).map(logSoftmax)
        let own = zip(logarithms, target.integers()).map { $0[$1] }
        let plain = -own.reduce(0, +) / Double(own.count)
        #expect(abs(try loss(graph, ["loss": "cross-entropy", "target": "c"], target) - plain) < 1e-5)
        let uniform = -logarithms.flatMap { $0 }.reduce(0, +) / Double(6 * own.count)
        let smooth = try loss(graph, ["loss": "cross-entropy", "target": "c", "label-smoothing": 0.2], target)
        #expect(abs(smooth - (0.8 * plain + 0.2 * uniform)) < 1e-5)
        let weights = [1, 2, 0.5, 3, 0.25, 1]
        let kept = zip(own, target.integers()).filter { $1 != 2 }
        let weighted = -kept.reduce(0) { $0 + weights[$1.1] * $1.0 } / kept.reduce(0) { $0 + weights[$1.1] }
        let value = try loss(
            graph, ["loss": "cross-entropy", "target": "c", "ignore": 2, "class-weights": .list(weights.map { .number($0) })], target)
        #expect(abs(value - weighted) < 1e-5)
    }

    @Test(arguments: [false, true]) func pixelsHaveClassesFirst(_ closed: Bool) throws {
        let graph = try pixels(closed: closed)
        let target = classes([Self.samples, 4, 4], below: 4)
        let own = zip(try rows(graph, classes: 1).map(logSoftmax), target.integers()).map { $0[$1] }
        #expect(abs(try loss(graph, ["loss": "cross-entropy", "target": "c"], target) + own.reduce(0, +) / Double(own.count)) < 1e-5)
    }

    /// Distributions over the classes of tokens; what the original gives is one too.
    @Test(arguments: [5, 6]) func distributionsLieAlongClasses(_ count: Int) throws {
        let graph = try tokens(count)
        let wanted = try rows(tokens(count, seed: 2), classes: 2).map { logSoftmax($0).map { exp($0) } }
        let target = Tensor(wanted.flatMap { $0.map { Float($0) } }, shape: [Self.samples, count, 6])
        let logarithms = try rows(graph, classes: 2).map(logSoftmax)
        let pairs = zip(wanted, logarithms).map { zip($0, $1).map { (t: $0, own: $1) } }
        let entropy = -pairs.flatMap { $0 }.reduce(0) { $0 + $1.t * $1.own } / Double(pairs.count)
        #expect(abs(try loss(graph, ["loss": "cross-entropy", "target": "c"], target) - entropy) < 1e-5)
        let divergence = pairs.flatMap { $0 }.reduce(0) { $0 + $1.t * (log($1.t) - $1.own) } / Double(Self.samples)
        #expect(abs(try loss(graph, ["loss": "kl", "target": "c"], target) - divergence) < 1e-4)
        let closed = try tokens(count, closed: true)
        #expect(abs(try loss(objective(closed, ["loss": "kl", "target": "original"], target), closed, nil)) < 1e-5)
    }

    /// What is said of the axis wins over everything; an axis that there is not is named.
    @Test func theAxisMayBeGiven() throws {
        let graph = try tokens(6)
        let target = classes([Self.samples, 6], below: 6)
        let own = zip(try rows(graph, classes: 1).map(logSoftmax), target.integers()).map { $0[$1] }
        #expect(abs(try loss(graph, ["loss": "cross-entropy", "target": "c", "axis": 1], target) + own.reduce(0, +) / Double(own.count)) < 1e-5)
        for axis in [0, 3, -3] {
            let error = #expect(throws: WinnowError.self) { try loss(graph, ["loss": "cross-entropy", "target": "c", "axis": .int(axis)], target) }
            #expect(error?.subject == "objective: axis")
        }
        let pass = try Finetune(hyperparameters: ["objective": [["loss": "kl", "axis": -1]]])
        #expect(pass.hyperparameters["objective"] == [["loss": "kl", "axis": -1]])
    }

    /// Labels of places are what an objective compares with.
    @Test func labelsMayBeOfPlaces() throws {
        let graph = try tokens(5)
        let target = classes([Self.samples, 5], below: 6)
        let own = zip(try rows(graph, classes: 2).map(logSoftmax), target.integers()).map { $0[$1] }
        let value = try loss(objective(graph, ["loss": "cross-entropy"], target, named: "labels"), graph, ("labels", target))
        #expect(abs(value + own.reduce(0, +) / Double(own.count)) < 1e-5)
        var data = try Dataset([.init(name: "x", inputs(of: graph)), .init(name: "labels", target)])
        data.labelArray = data.features[1]
        let result = try Finetune(hyperparameters: ["objective": ["cross-entropy"], "epochs": 2, "batch-size": 3])(
            graph, in: PassContext(training: data, validation: data))
        #expect(result.graph.initializers["w"] != graph.initializers["w"])
    }

    // MARK: Without an objective

    /// The mean of −log p over the places that have a class, smoothed with the mean of all classes, of logarithms by place.
    private func wanted(_ logarithms: [[Double]], _ labels: [Int], smoothing: Double) -> Double {
        let kept = zip(logarithms, labels).filter { $0.indices.contains($1) }
        let hard = kept.reduce(0) { $0 - $1.0[$1.1] } / Double(kept.count)
        let uniform = kept.reduce(0) { $0 - $1.0.reduce(0, +) / Double($1.0.count) } / Double(kept.count)
        return (1 - smoothing) * hard + smoothing * uniform
    }

    /// Labels of places train as labels of samples do: what is no class counts for nothing, as in metrics, and top-1 tells of epochs.
    @Test(arguments: [ElementType.int64, .int32, .int16], [0, 0.2]) func labelsOfPlacesTrain(_ type: ElementType, _ smoothing: Double) throws {
        let (texts, pictures): (Shape, Shape) = ([Self.samples, 6], [Self.samples, 4, 4])
        for (graph, shape, axis) in [(try tokens(6), texts, 2), (try pixels(closed: true), pictures, 1)] {
            var labels = classes(shape, below: 4).integers().map(Double.init)
            for place in labels.indices where place % 3 == 1 { labels[place] = [-100, -1, 255][place / 3 % 3] }
            let target = Tensor(labels, shape: shape, as: type)
            let data = try Dataset([.init(name: "x", inputs(of: graph)), .init(name: "labels", target)])
            let places = try #require(ClassLabels(of: data, for: graph).places)
            let objective = try Loss.crossEntropy(labelSmoothing: smoothing).attached(to: graph, places: places)
            let own = try loss(objective, graph, ("labels", target.converted(to: .int64)))
            #expect(abs(own - wanted(try rows(graph, classes: axis).map(logSoftmax), target.integers(), smoothing: smoothing)) < 1e-5)
            for data in [data, try data.adapted(to: graph)] {
                let pass = try Finetune(hyperparameters: ["epochs": 2, "batch-size": 3, "learning-rate": 0.01, "label-smoothing": .number(smoothing)])
                let result = try pass(graph, in: PassContext(training: data, validation: data))
                #expect(result.graph.initializers["w"] != graph.initializers["w"])
                let output = graph.outputNames[0]
                #expect(result.findings.contains { $0.reason == "trained on the cross-entropy: \(places.words(of: output))" })
                #expect(result.findings.filter { $0.quantity == .validation("top-1") }.count == 2)
                let first = try #require(result.findings.first { $0.quantity == .trainingLoss }?.after)
                #expect(abs(first - own) < 1e-5, "one step an epoch")
            }
        }
    }

    /// Steps of half of them see what labels say, and partners learn from the same labels.
    @Test func partnersOfPlacesLearnFromLabels() throws {
        let graph = try tokens(5)
        let target = classes([Self.samples, 5], below: 6)
        let data = try Dataset([.init(name: "x", inputs(of: graph)), .init(name: "labels", target)])
        let places = try #require(ClassLabels(of: data, for: graph).places)
        var context = PassContext()
        context.loadModel = { _ in try tokens(5, seed: 2) }
        var setup = TrainingSetup(graph)
        setup.objective = try Loss.crossEntropy().attached(to: graph, places: places)
        try MutualLearning(hyperparameters: ["partner": "t", "weight": 1e-9]).extendObjective(&setup, in: context)
        let both = try [1, 2].reduce(0) { sum, seed in
            sum + wanted(try rows(tokens(5, seed: seed), classes: 2).map(logSoftmax), target.integers(), smoothing: 0)
        }
        #expect(abs(try loss(#require(setup.objective), graph, ("labels", target)) - both) < 1e-4)
    }

    /// Gradients of importances are those of the same loss.
    @Test func gradientsAreOfTheLabelsOfPlaces() throws {
        let graph = try tokens(5)
        func moments(_ labels: Tensor?) throws -> ElementMoments {
            let arrays = [Dataset.Feature(name: "x", inputs(of: graph))] + (labels.map { [Dataset.Feature(name: "labels", $0)] } ?? [])
            var gradients = try LossGradients(of: ["w"], in: graph, PassContext(calibration: Dataset(arrays)))
            gradients.request(ElementMoments(), of: "w")
            try gradients.gather()
            return try #require(gradients["w", ElementMoments.self])
        }
        let none = Tensor([Int64](repeating: -100, count: Self.samples * 5), shape: [Self.samples, 5])
        #expect(try moments(none).sums.allSatisfy { $0 == 0 }, "no place has a class")
        #expect(try moments(classes([Self.samples, 5], below: 6)).sums != moments(nil).sums)
    }

    private final class CountedLabels: SampleSource {
        let tensor: Tensor
        let reads = Mutex(0)
        init(_ tensor: Tensor) { self.tensor = tensor }
        var count: Int { tensor.shape[0] }
        var sampleShape: Shape { Shape(Array(tensor.shape.dropFirst())) }
        var elementType: ElementType { tensor.elementType }
        func sample(at row: Int) throws -> Tensor {
            reads.withLock { $0 += 1 }
            return tensor.rows(row..<(row + 1))
        }
    }

    /// What labels are is found once: they are read for that, and to be compared with.
    @Test func labelsAreReadTwice() throws {
        let graph = try tokens(5)
        let source = CountedLabels(classes([Self.samples, 5], below: 6))
        let data = try Dataset([.init(name: "x", inputs(of: graph)), .init(name: "labels", parts: [SampleRows(source)])])
        _ = try Quality(of: graph, beside: nil, on: data)
        #expect(source.reads.withLock { $0 } == 2 * Self.samples)
    }

    // MARK: Teachers

    private func distilled(
        _ student: Graph, _ teacher: Graph, _ values: [String: HyperparameterValue] = [:], beside objective: Objective? = nil
    ) throws -> Double {
        var context = PassContext()
        context.loadModel = { _ in teacher }
        var setup = TrainingSetup(student)
        setup.objective = try objective ?? Imitation.objective(of: student, original: student).objective
        setup.imitates = objective == nil
        let pass = try Distillation(hyperparameters: values.merging(["teacher": "t.onnx", "temperature": 2.0]) { own, _ in own })
        try pass.extendObjective(&setup, in: context)
        return try loss(#require(setup.objective), student, objective == nil ? nil : ("c", classes([Self.samples, 6], below: 6)))
    }

    /// T²·KL over classes, the sum over places and the mean over samples.
    private func divergence(_ student: Graph, _ teacher: Graph, classes axis: Int) throws -> Double {
        let (own, wanted) = try (rows(student, classes: axis), rows(teacher, classes: axis))
        return 4 * zip(own, wanted).reduce(0) { sum, pair in
            let (q, p) = (logSoftmax(pair.0.map { $0 / 2 }), logSoftmax(pair.1.map { $0 / 2 }))
            return sum + zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        } / Double(Self.samples)
    }

    @Test(arguments: [false, true]) func teachersSpeakOfClasses(_ closed: Bool) throws {
        let (images, others) = try (pixels(closed: closed, seed: 1), pixels(closed: closed, seed: 2))
        #expect(abs(try distilled(images, others) - divergence(images, others, classes: 1)) < 1e-4)
        let (texts, more) = try (tokens(5, closed: closed, seed: 1), tokens(5, closed: closed, seed: 2))
        #expect(abs(try distilled(texts, more) - divergence(texts, more, classes: 2)) < 1e-4)
    }

    /// Teacher and loss agree about the axis where only the loss is told.
    @Test func teachersFollowTheLoss() throws {
        let (student, teacher) = try (tokens(6, seed: 1), tokens(6, seed: 2))
        let objective = try objective(student, ["loss": "cross-entropy", "target": "c", "axis": 1], classes([Self.samples, 6], below: 6))
        #expect(objective.classAxes == ["scores": 1])
        let value = try distilled(student, teacher, ["alpha": 1.0], beside: objective)
        #expect(abs(value - (try divergence(student, teacher, classes: 1))) < 1e-4)
    }

    /// Scores that have places of extent 1 are scores (N, classes), for mutual learning and decoupled distillation too.
    @Test func placesOfOneAreNone() throws {
        func scores(_ rank: Int, seed: UInt64) throws -> Graph {
            let b = GraphBuilder("scores")
            let x = try b.input("x", .float32, ["N", 3, 1, 1])
            let y = try b.conv(x, b.constant("w", TestModels.normal([4, 3, 1, 1], seed: seed)), name: "scores")
            return try b.graph(outputs: [rank == 2 ? b.add(Flatten(), y, name: "flat") : y])
        }
        let labels = classes([Self.samples], below: 4)
        func value(_ rank: Int, _ pass: any TrainingPass) throws -> Double {
            let (student, teacher) = try (scores(rank, seed: 1), scores(rank, seed: 2))
            var context = PassContext()
            context.loadModel = { _ in teacher }
            var setup = TrainingSetup(student)
            setup.objective = try Loss.crossEntropy().attached(to: student)
            try pass.extendObjective(&setup, in: context)
            return try loss(#require(setup.objective), student, ("labels", rank == 2 ? labels : labels.reshaped([Self.samples, 1, 1])))
        }
        for pass in [
            try Distillation(hyperparameters: ["teacher": "t", "by": "decoupled"]), try Distillation(hyperparameters: ["teacher": "t"]),
            try MutualLearning(hyperparameters: ["partner": "t", "temperature": 2.0]),
        ] as [any TrainingPass] {
            #expect(abs(try value(2, pass) - value(4, pass)) < 1e-5, "\(type(of: pass).name)")
        }
    }
}
