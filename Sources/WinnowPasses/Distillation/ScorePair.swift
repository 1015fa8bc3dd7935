import WinnowGraph
import WinnowOperators
import WinnowTraining

/// Scores of classes that two models give, without a closing Softmax or LogSoftmax, samples first.
struct ScorePair {
    let own: ValueName
    let other: ValueName
    /// The axis of classes of both; nil where their ranks are not known.
    let classes: Int?

    /// - Parameters:
    ///   - samples: the axis of both outputs that counts samples.
    ///   - known: their axis of classes, where a loss tells it; else the graph does.
    init(
        of output: ValueName, and goal: ValueName, in graph: GraphIndex, _ b: GraphBuilder, samples: Int = 0, classes known: Int? = nil
    ) throws {
        guard let rank = graph.info(of: output)?.rank, rank > 1, graph.info(of: goal)?.rank == rank else {
            (own, other) = try (b.logits(of: output, in: graph), b.logits(of: goal, in: graph))
            classes = nil
            return
        }
        var settings = LossSettings()
        settings.axis = known ?? graph.classAxis(of: output, samples: samples) ?? graph.classAxis(of: goal, samples: samples)
        let places = try [output, goal].map { try LossPlace(b, output: $0, in: graph, samples: samples, settings) }
        (own, other) = try (places[0].logits(), places[1].logits())
        classes = places[0].classAxis
    }

    /// How many classes there are, if it is known.
    func classCount(_ b: GraphBuilder) -> Int? {
        guard let extents = b.info(of: own)?.extents else { return nil }
        return extents.count < 2 ? 1 : extents[classes ?? extents.count - 1].value
    }

    /// The other model's value that does not change while the first one is trained: its scores, where `graph` has them, else its output.
    func fixedValue(in graph: GraphIndex, of goal: ValueName) -> ValueName { graph.info(of: other) == nil ? goal : other }
}
