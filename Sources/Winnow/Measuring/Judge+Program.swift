import Foundation
public import WinnowEngine
import WinnowPasses
import WinnowTensor

extension Judge {
    /// A metric as users name it: one of Winnow's, or a command with `{model}` in it that prints a number for that file.
    ///
    /// - Parameter isLowerBetter: whether the number of a command should be low.
    /// Throws `.usage` for a name that is no metric.
    public static func named(_ text: String, isLowerBetter: Bool = false) throws -> Judge {
        try WinnowError.leading(to: "Compress") { try found(text, isLowerBetter) }
    }

    private static func found(_ text: String, _ isLowerBetter: Bool) throws -> Judge {
        if text.contains(ModelProgram.modelPlace) { return program(try ModelProgram(text, for: "--metric"), isHigherBetter: !isLowerBetter) }
        guard let metric = MetricCatalogue.all.first(where: { $0.name == text }) else {
            throw WinnowError(
                .usage, "--metric", "\(text) is no metric",
                remedy: "\(Spelling.remedy(for: text, among: MetricCatalogue.all.map { $0.name })); or a command with \(ModelProgram.modelPlace) in it")
        }
        return Judge(metric)
    }

    /// What a program prints for a model. The samples given are not looked at: the program has its own.
    public static func program(_ program: ModelProgram, isHigherBetter: Bool = true) -> Judge {
        Judge("\(program)", isHigherBetter: isHigherBetter) { graph, _, options in try program.number(of: Model(graph), options.cancellation) }
    }
}
