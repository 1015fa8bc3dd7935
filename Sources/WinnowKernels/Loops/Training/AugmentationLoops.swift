import Foundation

/// Loops over the elements of samples that training changes at random.
package enum AugmentationLoops {
    /// centre + factor·(x − centre).
    package static func stretch(_ values: UnsafeMutableBufferPointer<Float>, around centre: Float, by factor: Float) {
        let shift = centre - factor * centre
        for index in values.indices { values[index] = factor * values[index] + shift }
    }

    /// The mean, added up in double precision.
    package static func mean(_ values: UnsafeMutableBufferPointer<Float>) -> Float {
        var sum = 0.0
        for value in values { sum += Double(value) }
        return values.isEmpty ? 0 : Float(sum / Double(values.count))
    }

    /// grey + factor·(x − grey) of one image, (3, H, W): red, green and blue or the reverse weigh as ITU-R BT.601 says.
    package static func saturate(_ image: UnsafeMutableBufferPointer<Float>, by factor: Float) {
        let count = image.count / 3
        for index in 0..<count {
            let (red, green, blue) = (image[index], image[count + index], image[2 * count + index])
            let grey = (1 - factor) * (0.299 * red + 0.587 * green + 0.114 * blue)
            image[index] = factor * red + grey
            image[count + index] = factor * green + grey
            image[2 * count + index] = factor * blue + grey
        }
    }

    /// Adds normal numbers made of uniform ones (Box–Muller).
    package static func addNoise(_ values: UnsafeMutableBufferPointer<Float>, deviation: Double, _ uniform: () -> Double) {
        for index in stride(from: 0, to: values.count, by: 2) {
            let radius = deviation * (-2 * log(1 - uniform())).squareRoot()
            let angle = 2 * Double.pi * uniform()
            values[index] += Float(radius * cos(angle))
            if index + 1 < values.count { values[index + 1] += Float(radius * sin(angle)) }
        }
    }

    /// share·x + (1 − share)·other.
    package static func blend(_ values: UnsafeMutablePointer<Float>, with other: UnsafePointer<Float>, count: Int, share: Float) {
        for index in 0..<count { values[index] = share * values[index] + (1 - share) * other[index] }
    }

    /// Moves an image (H, W); beyond its edges it is continued by its mirror image, the edge itself not repeated.
    package static func moveMirrored(
        _ source: UnsafePointer<Float>, height: Int, width: Int, _ move: (down: Int, right: Int), to target: UnsafeMutablePointer<Float>
    ) {
        for y in 0..<height {
            let row = source + mirrored(y - move.down, height) * width
            for x in 0..<width { target[y * width + x] = row[mirrored(x - move.right, width)] }
        }
    }

    private static func mirrored(_ index: Int, _ count: Int) -> Int {
        guard count > 1 else { return 0 }
        let period = 2 * (count - 1)
        let place = ((index % period) + period) % period
        return place < count ? place : period - place
    }
}
