package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Connectionist temporal classification of scores (N, times, classes) and class indices (N, letters) that are filled up with numbers
/// below 0 or with blanks: −log p of the letters ÷ their number, the mean over samples (Graves et al. 2006).
package struct CTCLoss: Operator {
    package static let type = OperatorType("CTCLoss", domain: "winnow")
    package static let maximumInputCount = 2

    package var blank: Int
    /// Whether samples with an infinite loss, as of more letters than times, count as 0 (torch's `zero_infinity`).
    package var zeroesInfinity: Bool

    package init(blank: Int = 0, zeroesInfinity: Bool = false) { (self.blank, self.zeroesInfinity) = (blank, zeroesInfinity) }
    package init(attributes: Attributes, version: Int) throws {
        self.init(blank: try attributes.int("blank", default: 0), zeroesInfinity: try attributes.int("zero_infinity", default: 0) != 0)
    }
    package var attributes: Attributes {
        var attributes: Attributes = ["blank": .int(blank)]
        if zeroesInfinity { attributes["zero_infinity"] = .int(1) }
        return attributes
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (scores, letters) = (try inputs.required(0), try inputs.required(1))
        guard scores.rank ?? 3 == 3, letters.rank ?? 2 == 2, letters.elementType == .int64 else {
            throw WinnowError(.shape, "scores", "are \(scores.type), letters \(letters.type)", remedy: "they must be (N, times, classes) and int64 (N, letters)")
        }
        return [ValueInfo(scores.elementType, [])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let paths = try paths(request, scores: 0, letters: 1)
        return Kernel { operands in
            try paths.run(
                operands.input(0, as: Float.self), operands.input(1, as: Int64.self), loss: operands.output(0, as: Float.self))
        }
    }

    /// What goes over the paths of the inputs at these places.
    func paths(_ request: KernelRequest, scores: Int, letters: Int) throws -> TemporalClassificationKernel {
        let (scores, letters) = (try request.input(scores), try request.input(letters))
        try scores.requireFloat32(request.nodeName)
        return try TemporalClassificationKernel(scores.shape, letters: letters.shape, blank: blank, zeroesInfinity: zeroesInfinity)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let inputs = [try context.outputGradient(), try context.input(0), try context.input(1)]
        return [try context.builder.add(CTCLossGradient(self), inputs: inputs)[0], nil]
    }
}
