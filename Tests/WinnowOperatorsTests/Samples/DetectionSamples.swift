import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let boxes = Tensor([Float(0), 0, 1, 1, 0, 0.1, 1, 1.1, 0, 0.6, 1, 1.6], shape: [1, 3, 4])
    private static let scores = Tensor([Float(0.9), 0.75, 0.6], shape: [1, 1, 3])
    private static let ramp = Tensor.computed([1, 1, 4, 4]) { Double($0[2] * 4 + $0[3]) }

    private static let images = Tensor.sample([2, 2, 4, 5])
    /// Regions of which one reaches beyond the image.
    private static let regions = Tensor([Float(0.61), 0.88, 4.29, 2.92, 0.63, 0.64, 3.66, 3.33, 2.25, 1.51, 6.24, 5.17], shape: [3, 4])

    static let detection: [OperatorSample] = [
        OperatorSample(
            NonMaxSuppression(), [boxes, scores, Tensor(scalar: Int64(3)), Tensor(scalar: Float(0.5)), Tensor(scalar: Float(0))],
            constants: [0, 1, 2, 3, 4], differentiated: []
        ) { _ in [indices(0, 0, 0, 0, 0, 2).reshaped([2, 3])] },
        OperatorSample(
            NonMaxSuppression(takesCenters: true), [boxes, scores, Tensor(scalar: Int64(1))], constants: [0, 1, 2],
            differentiated: []
        ) { _ in [indices(0, 0, 0).reshaped([1, 3])] },
        // Over a linear ramp every bin is the ramp at the bin's center.
        OperatorSample(
            RoiAlign(bins: (2, 2), samples: 2, usesHalfPixels: false), [ramp, Tensor([Float(0), 0, 2, 2], shape: [1, 4]), indices(0)]
        ) { _ in [.computed([1, 1, 2, 2]) { (Double($0[2]) + 0.5) * 4 + Double($0[3]) + 0.5 }] },
        OperatorSample(
            RoiAlign(bins: (1, 1), samples: 1, scale: 0.5, takesMaximum: true), [ramp, Tensor([Float(2), 2, 4, 4], shape: [1, 4]), indices(0)],
            differentiated: [0]
        ) { _ in [Tensor([5], shape: [1, 1, 1, 1], as: .float32)] },
        OperatorSample(RoiAlign(bins: (2, 3), samples: 2), [images, regions, indices(1, 0, 1)]),
        OperatorSample(RoiAlign(bins: (2, 1), samples: 3, scale: 0.75, takesMaximum: true), [images, regions, indices(1, 0, 1)]),
        OperatorSample(RoiAlign(bins: (2, 2)), [images, regions, indices(1, 0, 1)], differentiated: [0]),
        OperatorSample(RoiAlign(bins: (1, 2), scale: 0.75, takesMaximum: true), [images, regions, indices(1, 0, 1)], differentiated: [0]),
        OperatorSample(
            RoiAlignGradient(RoiAlign(bins: (1, 1), samples: 1, usesHalfPixels: false)),
            [Tensor([Float(8)], shape: [1, 1, 1, 1]), ramp, Tensor([Float(0), 1, 3, 2], shape: [1, 4]), indices(0)], differentiated: []
        ) { _ in
            // The center, (1.5, 1.5), is shared by four elements.
            [.computed([1, 1, 4, 4]) { (1...2).contains($0[2]) && (1...2).contains($0[3]) ? 2 : 0 }]
        },
        OperatorSample(
            MaxRoiPoolGradient(MaxRoiPool(bins: [1, 2])), [.sample([1, 1, 1, 2]), ramp, Tensor([Float(0), 0, 0, 3, 3], shape: [1, 5])],
            differentiated: []
        ) { inputs in
            let g = inputs[0].reader()
            return [.computed([1, 1, 4, 4]) { $0[2] == 3 && $0[3] % 2 == 1 ? g([0, 0, 0, $0[3] / 2]) : 0 }]
        },
        OperatorSample(
            MaxRoiPool(bins: [2, 2]), [ramp, Tensor([Float(0), 0, 0, 3, 3], shape: [1, 5])], differentiated: [0]
        ) { _ in [Tensor([5, 7, 13, 15], shape: [1, 1, 2, 2], as: .float32)] },
    ]
}
