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

    init(_ geometry: PoolingGeometry, _ layouts: OperandLayouts, columnsFirst: Bool) {
        let (shape, result) = (geometry.sourceShape, geometry.targetShape)
        let (sourceSteps, targetSteps) = (layouts.source.strides(of: shape), layouts.target.strides(of: result))
        let spatial = Shape(Array(shape.dropFirst(2)))
        let columns = Shape(spatial.reversed()).strides.reversed().map { $0 }
        let window = geometry.window
        var axes = spatial.indices.map { axis in
            Axis(
                source: spatial[axis], target: result[axis + 2], window: window.extents[axis],
                stride: window.strides[axis], dilation: window.dilations[axis], pad: window.padsBegin[axis],
                sourceStep: sourceSteps[axis + 2], targetStep: targetSteps[axis + 2],
                indexStep: columnsFirst ? columns[axis] : spatial.strides[axis])
        }
        while axes.count < 3 { axes.insert(Axis(), at: 0) }
        (depth, height, width) = (axes[0], axes[1], axes[2])
        (images, channels) = (shape[0], shape[1])
        imageSteps = (sourceSteps[0], targetSteps[0])
        channelSteps = (sourceSteps[1], targetSteps[1])
    }

    /// Indices are row-major like the source's logical shape and count over the whole tensor. `lowest` stands for a window that
    /// sees nothing.
    func run<Value: Comparable & BitwiseCopyable>(
        _ source: UnsafePointer<Value>, maxima: UnsafeMutablePointer<Value>, indices: UnsafeMutablePointer<Int64>, lowest: Value
    ) {
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
                let best = largest(x, place, lowest)
                y[place.0 * depth.targetStep + place.1 * height.targetStep + place.2 * width.targetStep] = best.value
                indices[plane * targetCount + position] = Int64(plane * sourceCount + best.index)
            }
        }
    }

    private func largest<Value: Comparable>(
        _ x: UnsafePointer<Value>, _ place: (Int, Int, Int), _ lowest: Value
    ) -> (value: Value, index: Int) {
        var best: (value: Value, index: Int)?
        for i in depth.taps(at: place.0) {
            let a = depth.sourceIndex(of: i, at: place.0)
            for j in height.taps(at: place.1) {
                let b = height.sourceIndex(of: j, at: place.1)
                for k in width.taps(at: place.2) {
                    let c = width.sourceIndex(of: k, at: place.2)
                    let value = x[a * depth.sourceStep + b * height.sourceStep + c * width.sourceStep]
                    if best.map({ value > $0.value }) ?? true {
                        best = (value, a * depth.indexStep + b * height.indexStep + c * width.indexStep)
                    }
                }
            }
        }
        return best ?? (lowest, 0)
    }
}

extension MaxPoolIndices.Axis {
    fileprivate func sourceIndex(of tap: Int, at place: Int) -> Int { place * stride + tap * dilation - pad }

    /// The taps that lie in the source, not in the pads.
    fileprivate func taps(at place: Int) -> Range<Int> {
        let (before, room) = (pad - place * stride, source + pad - place * stride)
        let first = before <= 0 ? 0 : (before + dilation - 1) / dilation
        let end = room <= 0 ? 0 : min(window, (room + dilation - 1) / dilation)
        return first..<max(first, end)
    }
}
