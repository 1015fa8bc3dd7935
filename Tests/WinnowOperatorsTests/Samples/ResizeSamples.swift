import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let image = Tensor.sample([1, 2, 3, 4])
    private static let double = Tensor([Float(1), 1, 2, 2])

    /// Linear interpolation between the places that `place` gives for each target index of rows and columns.
    private static func interpolated(
        _ shape: Shape, _ place: @escaping @Sendable (Int, Int) -> Double
    ) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let x = inputs[0].reader()
            func along(_ position: Double, _ extent: Int, _ value: (Int) -> Double) -> Double {
                let floor = position.rounded(.down)
                func clamped(_ index: Double) -> Int { min(max(Int(index), 0), extent - 1) }
                return value(clamped(floor)) * (1 - position + floor) + value(clamped(floor + 1)) * (position - floor)
            }
            return [.computed(shape) { index in
                along(place(index[2], 2), 3) { row in
                    along(place(index[3], 3), 4) { x([index[0], index[1], row, $0]) }
                }
            }]
        }
    }

    /// As operator set 10 has it.
    private static var oldResize: Resize {
        var resize = Resize()
        (resize.hasOldInputs, resize.resampling.coordinates, resize.resampling.rounding) = (true, .asymmetric, .inward)
        return resize
    }

    static let resizing: [OperatorSample] = [
        OperatorSample(Resize(Resampling(coordinates: .asymmetric, rounding: .floor)), [image, nil, double], constants: [2]) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 2, 6, 8]) { x([$0[0], $0[1], $0[2] / 2, $0[3] / 2]) }]
        },
        OperatorSample(Resize(Resampling(mode: .linear)), [image, nil, double], constants: [2], reference: interpolated([1, 2, 6, 8]) { index, _ in (Double(index) + 0.5) / 2 - 0.5 }),
        OperatorSample(
            Resize(Resampling(mode: .linear, coordinates: .alignCorners), axes: [2, 3]), [image, nil, nil, indices(5, 2)],
            constants: [3], reference: interpolated([1, 2, 5, 2]) { index, axis in Double(index) * (axis == 2 ? 2.0 / 4 : 3) }),
        OperatorSample(Resize(Resampling(mode: .cubic)), [image, nil, nil, indices(1, 2, 6, 3)], constants: [3]),
        OperatorSample(oldResize, [Tensor.counting([1, 1, 1, 5], from: 1), Tensor([Float(1), 1, 1, 0.6])], constants: [1], version: 10, differentiated: []) { inputs in
            let x = inputs[0].doubles()
            return [Tensor([x[0], x[2], x[4]], shape: [1, 1, 1, 3], as: .float32)]
        },
        OperatorSample(
            Resize(Resampling(coordinates: .asymmetric, rounding: .floor)), [.counting([1, 2, 3, 4], as: .uint8), nil, double],
            constants: [2]
        ) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 2, 6, 8], as: .uint8) { x([$0[0], $0[1], $0[2] / 2, $0[3] / 2]) }]
        },
        OperatorSample(
            Resize(Resampling(mode: .linear)), [.counting([1, 2, 3, 4], as: .int32), nil, double], constants: [2]
        ) { inputs in
            interpolated([1, 2, 6, 8]) { index, _ in (Double(index) + 0.5) / 2 - 0.5 }(inputs).map {
                Tensor($0.doubles().map { $0.rounded(.towardZero) }, shape: $0.shape, as: .int32)
            }
        },
        OperatorSample(
            ResizeGradient(Resize(Resampling(coordinates: .asymmetric, rounding: .floor))),
            [.sample([1, 1, 2, 4]), indices(1, 1, 1, 2), nil, double], constants: [1, 3], differentiated: []
        ) { inputs in
            let g = inputs[0].reader()
            return [.computed([1, 1, 1, 2]) { index in
                (0..<4).reduce(0) { $0 + g([0, 0, $1 / 2, 2 * index[3] + $1 % 2]) }
            }]
        },
        OperatorSample(Upsample(), [image, double], constants: [1], version: 9) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 2, 6, 8]) { x([$0[0], $0[1], $0[2] / 2, $0[3] / 2]) }]
        },
    ]
}
