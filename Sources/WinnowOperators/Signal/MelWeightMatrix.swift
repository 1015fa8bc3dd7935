import Foundation
package import WinnowGraph
package import WinnowTensor

/// The triangles (frequencies, bins) that gather a spectrum into bins evenly spaced on the mel scale.
///
/// Inputs: bins, length of the transform, sample rate, lowest and highest frequency in hertz.
package struct MelWeightMatrix: Decomposition {
    package static let type = OperatorType("MelWeightMatrix")
    package static let maximumInputCount = 5
    package static var typeAttributes: Set<String> { ["output_datatype"] }

    package var target: ElementType

    package init(target: ElementType = .float32) { self.target = target }

    package init(attributes: Attributes, version: Int) throws {
        guard let target = ElementType(rawValue: try attributes.int("output_datatype", default: 1)) else {
            throw WinnowError(.model, "output_datatype", "names no element type that is known")
        }
        self.init(target: target)
    }

    package var attributes: Attributes { ["output_datatype": .int(target.rawValue)] }
    package var minimumVersion: Int { 17 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(target, [.unknown, .unknown])] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let numbers = try (0..<5).map { index -> Double in
            guard let number = b.info(of: try inputs.required(index))?.constant?.doubles().first else { throw UndeterminedShape() }
            return number
        }
        let (bins, length, rate) = (Int(place: numbers[0]), Int(place: numbers[1]), numbers[2])
        guard (1...65_536).contains(bins), (1...1_048_576).contains(length), rate > 0 else {
            throw WinnowError(.model, "inputs", "\(bins) bins of \(length) samples at \(rate) Hz are not possible")
        }
        func mel(_ frequency: Double) -> Double { 2595 * log10(1 + frequency / 700) }
        let step = (mel(numbers[4]) - mel(numbers[3])) / Double(bins + 2)
        let edges = (0..<(bins + 2)).map { edge -> Int in
            let frequency = 700 * (pow(10, (Double(edge) * step + mel(numbers[3])) / 2595) - 1)
            return min(max(Int(place: (Double(length + 1) * frequency / rate).rounded(.down)), 0), length / 2)
        }
        try MemoryBudget.check(ElementType.float64.byteCount(of: 2 * (length / 2 + 1) * bins), for: "the mel weights")
        var weights = [Double](repeating: 0, count: (length / 2 + 1) * bins)
        for bin in 0..<bins {
            let (low, center, high) = (edges[bin], edges[bin + 1], edges[bin + 2])
            for place in low..<max(center, low) { weights[place * bins + bin] = Double(place - low) / Double(center - low) }
            weights[center * bins + bin] = 1
            for place in center..<max(high, center) { weights[place * bins + bin] = Double(high - place) / Double(high - center) }
        }
        return [try b.add(Identity(), b.constant("weights", Tensor(weights, shape: [length / 2 + 1, bins], as: target)))]
    }
}
