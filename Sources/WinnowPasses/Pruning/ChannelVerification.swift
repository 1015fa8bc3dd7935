import WinnowEngine
import WinnowGraph
import WinnowTensor

/// Runs a network without channels beside the one in which they are zero: on random inputs both give the same.
struct ChannelVerification {
    private let original: Graph
    private let masked: Graph
    private let context: PassContext

    init(of original: Graph, _ masked: Graph, in context: PassContext) {
        self.original = original
        self.masked = masked
        self.context = context
    }

    /// Why nothing could be told; nil where both give the same. Throws where they do not.
    func verify(_ result: Graph) throws -> String? {
        let data = context.calibration ?? context.training ?? context.validation
        let shapes = (data.flatMap { try? $0.adapted(to: masked) }.map { InputShapes(of: $0) } ?? InputShapes()).filled(from: guessed)
        let inputs: [String: Tensor]
        do { inputs = try RandomInputs(seed: context.seed).inputs(for: masked, batchSize: 2, shapes: shapes) } catch {
            return "it was not run: \((error as? WinnowError).map { "\($0.subject) \($0.problem)" } ?? "its inputs are not known")"
        }
        guard let wanted = try outputs(of: masked, inputs) else {
            if try outputs(of: original, inputs) != nil { throw mismatch("the network with zeros cannot be run") }
            return "it was not run: random inputs do not suit the model"
        }
        guard let found = try outputs(of: result, inputs) else { throw mismatch("it cannot be run") }
        let distance = Self.distance(found, wanted)
        guard distance > tolerance else { return nil }
        // Where a breath moves the outputs as far (a choice among equals, a chaotic loop), nothing follows.
        let nudged = inputs.mapValues { tensor in
            guard tensor.elementType.isFloatingPoint else { return tensor }
            return Tensor(tensor.doubles().map { $0 * (1 + 1e-5) }, shape: tensor.shape, as: tensor.elementType)
        }
        if let other = try outputs(of: masked, nudged), Self.distance(other, wanted) > tolerance / 10 {
            return "it was not verified: its outputs jump where inputs hardly change"
        }
        throw mismatch("its outputs would be off by \(Float(distance)) of their size")
    }

    /// Some shapes for inputs that leave extents open: the same number for the same symbol.
    private var guessed: InputShapes {
        let axes = SampleAxes(of: masked)
        return InputShapes(Dictionary(masked.inputs.compactMap { input in
            let batch = axes.axis(ofInput: input.name)
            return input.type.extents.map { extents in
                (input.name, Shape(extents.enumerated().map { $1.value ?? ($0 == batch || $1 == axes.symbol ? 2 : 32) }))
            }
        }, uniquingKeysWith: { first, _ in first }))
    }

    private func mismatch(_ what: String) -> WinnowError {
        WinnowError(
            .model, "the network without the chosen channels", "does not compute what it computes with them at zero: \(what)",
            remedy: "leave layers out with `except`, and report the model as a fault of Winnow")
    }

    /// nil where the graph cannot be run on these inputs.
    private func outputs(of graph: Graph, _ inputs: [String: Tensor]) throws -> [String: Tensor]? {
        do {
            return try Session(graph).run(inputs)
        } catch let error as WinnowError where error.kind == .cancelled {
            throw error
        } catch { return nil }
    }

    /// What rounding alone may do: coarse codes and short floats move outputs by their own steps.
    private var tolerance: Double {
        let types = Set(masked.infos.values.map(\.elementType))
        if types.contains(where: { $0.isInteger && $0.bitWidth <= 8 }) { return 0.1 }
        return types.contains { $0.isFloatingPoint && $0.bitWidth <= 16 } ? 0.03 : 1e-4
    }

    /// The largest ‖a − b‖ ÷ ‖b‖ of the outputs that are floats and finite in both; infinity where one has another shape.
    private static func distance(_ a: [String: Tensor], _ b: [String: Tensor]) -> Double {
        b.reduce(0) { largest, entry in
            guard entry.value.elementType.isFloatingPoint, let other = a[entry.key] else { return largest }
            guard other.shape == entry.value.shape else { return .infinity }
            var (error, size) = (0.0, 0.0)
            for (x, y) in zip(other.doubles(), entry.value.doubles()) where x.isFinite && y.isFinite {
                error += (x - y) * (x - y)
                size += y * y
            }
            return max(largest, error == 0 ? 0 : (error / max(size, 1e-20)).squareRoot())
        }
    }
}
