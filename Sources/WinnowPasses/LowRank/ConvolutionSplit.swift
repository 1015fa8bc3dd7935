package import WinnowKernels
package import WinnowTensor

/// A way to split a convolution, on the filter of one group.
package protocol ConvolutionSplit: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    init(_ filter: Filter) throws(Refusal)
    /// By which each of its ranks is chosen.
    var spectra: [Spectrum] { get }
    /// The layers in the order in which data meets them.
    func parts(_ ranks: [Int]) -> [FilterPart]
    func factors(_ ranks: [Int]) throws(Refusal) -> FilterFactors
}

/// The filter of one group: a matrix of outputs by inputs and taps.
package struct Filter: Sendable {
    package let matrix: Matrix<Float>
    package let (outputs, inputs): (Int, Int)
    /// Along each spatial axis.
    package let taps: [Int]
    package let metric: InputMetric?

    package init(_ matrix: Matrix<Float>, taps: [Int], metric: InputMetric? = nil) {
        (self.matrix, self.taps, self.metric) = (matrix, taps, metric)
        outputs = matrix.rows
        inputs = matrix.columns / max(1, taps.reduce(1, *))
    }

    package var tapCount: Int { taps.reduce(1, *) }
}

/// A layer of those that a convolution becomes: it slides along some of the axes and is 1 wide along the others.
package struct FilterPart {
    package var axes: Range<Int>
    /// Outputs × inputs of a group × taps along every axis.
    package var shape: Shape
    /// Whether each channel is a group of its own.
    package var isDepthwise = false
}

/// What the layers compute.
package struct FilterFactors {
    /// Of all layers but the last.
    package var hidden: [Matrix<Float>]
    /// Of the last layer: outputs × what it sums over.
    package var last: Matrix<Float>
    /// What the last layer's inputs are of the filter's: depth of the last × inputs · taps.
    package var basis: Matrix<Float>
    /// The part that is kept of what the spectra count.
    package var energy: Double
}

/// Every way, one line each.
public enum ConvolutionSplits: MemberCatalogue {
    package static let all: [any ConvolutionSplit.Type] = [
        ChannelSplit.self,
        SpatialSplit.self,
        TuckerSplit.self,
        CanonicalSplit.self,
        NoSplit.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}

extension FilterPart {
    /// It slides along all axes.
    static func whole(_ filter: Filter, from inputs: Int, to outputs: Int) -> FilterPart {
        FilterPart(axes: 0..<filter.taps.count, shape: Shape([outputs, inputs] + filter.taps))
    }

    /// 1×1.
    static func pointwise(_ filter: Filter, from inputs: Int, to outputs: Int) -> FilterPart {
        FilterPart(axes: 0..<0, shape: Shape([outputs, inputs] + filter.taps.map { _ in 1 }))
    }
}
