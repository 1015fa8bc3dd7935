extension PixelImage {
    /// The picture at another size, by a triangle filter as wide as the pixels it takes together (no aliasing), first along
    /// rows, then along columns, each rounded to 8 bits.
    package func resized(width newWidth: Int, height newHeight: Int) -> PixelImage {
        let horizontal = newWidth == width ? self : resizedRows(to: newWidth)
        return newHeight == height ? horizontal : horizontal.resizedColumns(to: newHeight)
    }

    private func resizedRows(to newWidth: Int) -> PixelImage {
        let taps = Tap.all(from: width, to: newWidth)
        return sampled(width: newWidth, height: height) { source, row, column, channel in
            taps[column].sum { source[(row * width + $0) * channelCount + channel] }
        }
    }

    private func resizedColumns(to newHeight: Int) -> PixelImage {
        let taps = Tap.all(from: height, to: newHeight)
        return sampled(width: width, height: newHeight) { source, row, column, channel in
            taps[row].sum { source[($0 * width + column) * channelCount + channel] }
        }
    }

    private func sampled(
        width newWidth: Int, height newHeight: Int,
        _ value: (UnsafeBufferPointer<UInt8>, _ row: Int, _ column: Int, _ channel: Int) -> Float
    ) -> PixelImage {
        let count = newWidth * newHeight * channelCount
        let result = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                var index = 0
                for row in 0..<newHeight {
                    for column in 0..<newWidth {
                        for channel in 0..<channelCount {
                            target[index] = UInt8(min(255, max(0, value(source, row, column, channel) + 0.5)))
                            index += 1
                        }
                    }
                }
            }
            initialized = count
        }
        return PixelImage(width: newWidth, height: newHeight, channelCount: channelCount, pixels: result)
    }
}

/// The pixels one new pixel is made of, with weights that sum to 1.
private struct Tap {
    var first: Int
    var weights: [Float]

    static func all(from count: Int, to newCount: Int) -> [Tap] {
        let scale = Double(count) / Double(newCount)
        let support = max(1, scale)
        return (0..<newCount).map { index in
            let center = (Double(index) + 0.5) * scale
            let first = max(0, Int(center - support + 0.5))
            let last = min(count, Int(center + support + 0.5))
            let weights = (first..<last).map { max(0, 1 - abs((Double($0) - center + 0.5) / support)) }
            let sum = weights.reduce(0, +)
            return Tap(first: first, weights: weights.map { Float($0 / sum) })
        }
    }

    @inline(__always) func sum(_ pixel: (Int) -> UInt8) -> Float {
        var sum: Float = 0
        for (offset, weight) in weights.enumerated() { sum += weight * Float(pixel(first + offset)) }
        return sum
    }
}
