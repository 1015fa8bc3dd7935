package import WinnowGraph
import WinnowTensor

/// The Fourier transforms of frames of a signal (N, samples), or (N, samples, 1 or 2 parts): a convolution with windowed
/// exponentials.
///
/// Inputs: signal, frame step, window, frame length.
package struct STFT: Decomposition {
    package static let type = OperatorType("STFT")
    package static let maximumInputCount = 4

    /// Only the frequencies up to the half; the others of a real signal mirror them.
    package var isOneSided: Bool

    package init(isOneSided: Bool = true) { self.isOneSided = isOneSided }

    package init(attributes: Attributes, version: Int) throws {
        self.init(isOneSided: try attributes.flag("onesided", default: true))
    }

    package var attributes: Attributes { ["onesided": .int(isOneSided ? 1 : 0)] }
    package var minimumVersion: Int { 17 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        return [ValueInfo(x.elementType, [x.extents?.first ?? .unknown, .unknown, .unknown, 2])]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var x = try inputs.required(0)
        if try b.rank(of: x) == 2 { x = try b.unsqueezed(x, [2]) }
        guard try b.rank(of: x) == 3 else { throw WinnowError(.shape, "signal", "has \(try b.rank(of: x)) axes, not 2 or 3") }
        let window = inputs.present(2)
        let given = try inputs.present(3).map { try b.knownIntegers(of: $0) }?.first
        let length = try given ?? window.map { try b.extent(0, of: $0) }
        guard let length, length > 0, let step = try b.knownIntegers(of: inputs.required(1)).first, step > 0 else {
            throw WinnowError(.model, "frame_length", "and window are missing, or not positive")
        }
        let basis = FourierBasis(length: length, frequencyCount: isOneSided ? length / 2 + 1 : length)
        let type = b.elementType(of: x)
        var filters = try basis.filters(samples: length, parts: b.extent(2, of: x), b)
        if type != .float32 { filters = try b.add(Cast(to: type), filters) }
        if let window { filters = try b.multiply(filters, window) }
        let op = Conv(window: Window(extents: [length], strides: [step]))
        let frames = try b.transposed(b.add(op, b.transposed(x, [0, 2, 1]), filters), [0, 2, 1])
        return [try b.reshaped(frames, [0, 0, basis.frequencyCount, 2])]
    }
}
