package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// A layer's weight decomposed once, of which factors of any rank are cut: several layers in the place of one.
package protocol LayerDecomposition: Sendable {
    /// By which each of its ranks is chosen.
    var spectra: [Spectrum] { get }
    /// The layers in the order in which data meets them; the last takes the bias.
    func outline(_ ranks: [Int]) -> [LayerOutline]
    func factors(_ ranks: [Int]) throws(Refusal) -> LayerFactors
}

/// A layer and the shape of its weight.
package struct LayerOutline {
    package var op: any Operator
    package var shape: Shape
    /// The index of the weight among the inputs; the data is the other of the first two.
    package var weightIndex = 1
}

/// The weights of the layers that an outline lists.
package struct LayerFactors {
    package var weights: [Tensor]
    /// The part of Σw², or of the outputs' energy where that is what counts, that is kept.
    package var energy: Double
    /// ‖Ŵ − W‖ / ‖W‖ with Ŵ what the layers together are.
    package var relativeError: Double
}

/// Why a weight is not factorized.
package struct Refusal: Error {
    package var reason: String
    /// Whether that is as it should be.
    package var isMeant: Bool

    package init(_ reason: String, isMeant: Bool = false) { (self.reason, self.isMeant) = (reason, isMeant) }
}

extension LayerFactors {
    /// Matrices that have the shapes of an outline's weights.
    init(
        _ parts: [Matrix<Float>], _ outline: [LayerOutline], of matrix: Matrix<Float>, as product: Matrix<Float>,
        energy: Double
    ) {
        weights = zip(parts, outline).map { Tensor($0.elements, shape: $1.shape) }
        self.energy = energy
        relativeError = ((matrix - product).squareSum / max(matrix.squareSum, .leastNormalMagnitude)).squareRoot()
    }
}

extension LayerDecomposition {
    package func elementCount(_ ranks: [Int]) -> Int { outline(ranks).reduce(0) { $0 + $1.shape.elementCount } }

    /// Multiply–accumulates where the first layer reads a value like this; nil where that is not known.
    package func multiplyAccumulates(_ ranks: [Int], reading data: ValueInfo) -> Int? {
        outline(ranks).multiplyAccumulates(reading: data)
    }

    package var fullRanks: [Int] { spectra.map(\.count) }
}

extension [LayerOutline] {
    package func multiplyAccumulates(reading data: ValueInfo) -> Int? {
        var (sum, data) = (0, data)
        for layer in self {
            let type = data.elementType.isFloatingPoint ? data.elementType : .float32
            let weight = ValueInfo(ValueType(type, layer.shape))
            let inputs = layer.weightIndex == 0 ? [weight, data] : [data, weight]
            guard let output = try? layer.op.outputs(for: inputs).first,
                let own = layer.op.multiplyAccumulates(inputs: inputs, outputs: [output]), let own
            else { return nil }
            sum += own
            data = output
        }
        return sum
    }
}
