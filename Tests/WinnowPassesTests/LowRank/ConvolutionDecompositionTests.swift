import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Layers that take a convolution's place compute what it computes, whatever its window.
struct ConvolutionDecompositionTests {
    struct Sample: CustomTestStringConvertible {
        var testDescription: String
        var op: any PartedConvolution
        var weight: Shape
        var data: Shape
    }

    static let samples: [Sample] = [
        Sample(testDescription: "plain", op: Conv(stride: 1, padding: 0), weight: [6, 4, 3, 3], data: [2, 4, 9, 8]),
        Sample(
            testDescription: "strided, padded, dilated",
            op: Conv(window: Window(strides: [2, 3], dilations: [1, 2], pads: [1, 0, 2, 3])), weight: [6, 4, 3, 2],
            data: [2, 4, 9, 10]),
        Sample(
            testDescription: "same", op: Conv(window: Window(strides: [2, 2], autoPad: .sameLower)),
            weight: [6, 4, 3, 4], data: [2, 4, 9, 10]),
        Sample(
            testDescription: "groups", op: Conv(stride: 2, padding: 1, groups: 2), weight: [6, 4, 3, 3],
            data: [2, 8, 9, 8]),
        Sample(
            testDescription: "depthwise", op: Conv(stride: 1, padding: 2, groups: 5), weight: [5, 1, 5, 5],
            data: [2, 5, 9, 8]),
        Sample(
            testDescription: "one axis", op: Conv(stride: 2, padding: 1, rank: 1), weight: [6, 4, 5], data: [2, 4, 11]),
        Sample(
            testDescription: "three axes", op: Conv(stride: 1, padding: 1, rank: 3), weight: [4, 3, 3, 2, 3],
            data: [1, 3, 5, 6, 5]),
        Sample(
            testDescription: "transposed",
            op: ConvTranspose(
                window: Window(strides: [2, 3], dilations: [1, 2], pads: [1, 0, 0, 2]), outputPadding: [1, 2]),
            weight: [4, 6, 3, 3], data: [2, 4, 5, 6]),
        Sample(
            testDescription: "transposed same",
            op: ConvTranspose(window: Window(strides: [2, 2], autoPad: .sameUpper)), weight: [4, 6, 3, 4],
            data: [2, 4, 5, 6]),
        Sample(
            testDescription: "transposed groups", op: ConvTranspose(window: Window(strides: [2, 2]), groups: 2),
            weight: [8, 3, 3, 2], data: [2, 8, 5, 6]),
    ]

    private static func difference(
        _ sample: Sample, _ weight: Tensor, _ layers: [LayerOutline], _ weights: [Tensor], hasBias: Bool = true
    ) throws -> Double {
        let b = GraphBuilder("layers")
        let x = try b.input("x", .float32, sample.data.map { .fixed($0) })
        let bias = TestModels.normal(
            [sample.op is ConvTranspose ? sample.weight[1] * sample.op.groups : sample.weight[0]], seed: 8)
        var y = x
        for (place, layer) in layers.enumerated() {
            let isBiased = hasBias && place == layers.count - 1
            let inputs = [y, b.constant("w\(place)", weights[place])] + (isBiased ? [b.constant("b", bias)] : [])
            y = try b.add(layer.op, inputs: inputs)[0]
        }
        let z = try b.add(sample.op, inputs: [x, b.constant("w", weight)] + (hasBias ? [b.constant("c", bias)] : []))[0]
        let results = try Session(b.graph(outputs: [y, z])).run(["x": TestModels.normal(sample.data, seed: 9)])
        return try #require(results[z]).relativeError(of: #require(results[y]))
    }

    /// Full ranks give the layer back; what cannot be split is named.
    @Test(arguments: samples, ["channel", "spatial", "tucker-2"]) func fullRanksChangeNothing(
        _ sample: Sample, _ name: String
    ) throws {
        let weight = TestModels.normal(sample.weight)
        do throws(Refusal) {
            let layer = try ConvolutionDecomposition(
                sample.op, weight, by: Chosen<ConvolutionSplits>(name: name).member, metrics: [])
            let factors = try layer.factors(layer.fullRanks)
            #expect(factors.relativeError < 1e-5 && abs(factors.energy - 1) < 1e-5)
            #expect(zip(factors.weights, layer.outline(layer.fullRanks)).allSatisfy { $0.shape == $1.shape })
            #expect(throws: Never.self) {
                let difference = try Self.difference(sample, weight, layer.outline(layer.fullRanks), factors.weights)
                #expect(difference < 1e-4)
            }
        } catch {
            #expect(name == "spatial" && sample.weight.rank != 4, "\(error.reason)")
        }
    }

    /// What the layers are together is told truly: on noise their outputs are as far off as their weight.
    @Test(arguments: samples, ["channel", "spatial", "tucker-2", "cp"]) func errorsAreTrue(
        _ sample: Sample, _ name: String
    ) throws {
        let weight = TestModels.normal(sample.weight)
        do throws(Refusal) {
            let layer = try ConvolutionDecomposition(
                sample.op, weight, by: Chosen<ConvolutionSplits>(name: name).member, metrics: [])
            let ranks = layer.fullRanks.map { max(1, $0 / 2) }
            let factors = try layer.factors(ranks)
            #expect(abs(factors.energy - (1 - factors.relativeError * factors.relativeError)) < 1e-4)
            #expect(throws: Never.self) {
                let difference = try Self.difference(
                    sample, weight, layer.outline(ranks), factors.weights, hasBias: false)
                #expect(abs(difference - factors.relativeError) < 0.2, "\(difference) \(factors.relativeError)")
            }
        } catch {
            #expect(name == "spatial" && sample.weight.rank != 4, "\(error.reason)")
        }
    }
}
