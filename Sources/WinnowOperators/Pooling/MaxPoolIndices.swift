import WinnowKernels
import WinnowTensor

/// Maxima of windows and where in the source they lie, by plain loops; over up to three spatial axes.
struct MaxPoolIndices {
    fileprivate struct Axis {
        var source = 1
        var target = 1
        var window = 1
        var stride = 1
        var dilation = 1
        var pad = 0
        var sourceStep = 0
        var targetStep = 0
        var indexStep = 0
    }

    private let images: Int
    private let channels: Int
    private let imageSteps: (source: Int, target: Int)
    private let channelSteps: (source: Int, target: Int)
    private let depth: Axis
    private let height: Axis
    private let width: Axis

    init(_ geometry: PoolingGeometry, source: Layout, target: Layout, columnsFirst: Bool) {
        let (shape, result) = (geometry.sourceShape, geometry.targetShape)
        let (sourceSteps, targetSteps) = (source.strides(of: shape), target.strides(of: result))
        let spatial = Shape(Array(shape.dropFirst(2)))
        let columns = Shape(spatial.reversed()).strides.reversed().map { $0 }
        var axes = spatial.indices.map { axis in
            Axis(
                source: spatial[axis], target: result[axis + 2], window: geometry.window[axis],
                stride: geometry.strides[axis], dilation: geometry.dilations[axis], pad: geometry.padsBegin[axis],
                sourceStep: sourceSteps[axis + 2], targetStep: targetSteps[axis + 2],
                indexStep: columnsFirst ? columns[axis] : spatial.strides[axis])
        }
        while axes.count < 3 { axes.insert(Axis(), at: 0) }
        (depth, height, width) = (axes[0], axes[1], axes[2])
        (images, channels) = (shape[0], shape[1])
        imageSteps = (sourceSteps[0], targetSteps[0])
        channelSteps = (sourceSteps[1], targetSteps[1])
    }

    /// Indices are row-major like the source's logical shape and count over the whole tensor.
    func run(_ source: UnsafePointer<Float>, maxima: UnsafeMutablePointer<Float>, indices: UnsafeMutablePointer<Int64>) {
        let sourceCount = depth.source * height.source * width.source
        let targetCount = depth.target * height.target * width.target
        Parallel.forEach(images * channels) { plane in
            let (image, channel) = (plane / channels, plane % channels)
            let x = source + image * imageSteps.source + channel * channelSteps.source
            let y = maxima + image * imageSteps.target + channel * channelSteps.target
            for position in 0..<targetCount {
                let place = (
                    position / (height.target * width.target), position / width.target % height.target, position % width.target
                )
                let best = largest(x, place)
                y[place.0 * depth.targetStep + place.1 * height.targetStep + place.2 * width.targetStep] = best.value
                indices[plane * targetCount + position] = Int64(plane * sourceCount + best.index)
            }
        }
    }

    private func largest(_ x: UnsafePointer<Float>, _ place: (Int, Int, Int)) -> (value: Float, index: Int) {
        var best: (value: Float, index: Int) = (-.infinity, 0)
        for i in 0..<depth.window {
            guard let a = depth.tap(i, at: place.0) else { continue }
            for j in 0..<height.window {
                guard let b = height.tap(j, at: place.1) else { continue }
                for k in 0..<width.window {
                    guard let c = width.tap(k, at: place.2) else { continue }
                    let value = x[a * depth.sourceStep + b * height.sourceStep + c * width.sourceStep]
                    if value > best.value {
                        best = (value, a * depth.indexStep + b * height.indexStep + c * width.indexStep)
                    }
                }
            }
        }
        return best
    }
}

extension MaxPoolIndices.Axis {
    /// The source index of a tap, or nil if it lies in the pads.
    fileprivate func tap(_ tap: Int, at place: Int) -> Int? {
        let index = place * stride + tap * dilation - pad
        return index >= 0 && index < source ? index : nil
    }
}
