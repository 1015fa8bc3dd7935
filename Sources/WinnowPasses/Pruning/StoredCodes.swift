import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// An initializer of codes that an operator computes with as they are, and what they stand for: (code − zero point) · scale.
struct StoredCodes {
    /// nil: all zero points are 0.
    let zeroPoint: Tensor?
    /// nil: the operator gives scales to its result, or they are computed.
    let scale: Tensor?
    /// Along which zero points and scales of more than one number lie, from the end where it is negative.
    let axis: Int

    /// nil where zero points or scales lie along no axis of the codes: of blocks, or of codes that are packed.
    init?(_ codes: Tensor, zeroPoint: Tensor?, scale: Tensor?, axis: Int) {
        (self.zeroPoint, self.scale, self.axis) = (zeroPoint, scale, axis)
        guard [zeroPoint, scale].allSatisfy({ place(of: $0, in: codes.shape) != nil }) else { return nil }
    }

    /// The code of zero at every place of a tensor of codes.
    func zeros(like codes: Tensor) -> Tensor {
        Tensor(spread(zeroPoint, over: codes, default: 0), shape: codes.shape, as: codes.elementType)
    }

    /// The numbers.
    func numbers(of codes: Tensor) -> Tensor {
        let (zeros, scales) = (spread(zeroPoint, over: codes, default: 0), spread(scale, over: codes, default: 1))
        let values = codes.doubles()
        return Tensor(values.indices.map { Float((values[$0] - zeros[$0]) * scales[$0]) }, shape: codes.shape)
    }

    /// Which parameter each code has; nil where that cannot be told.
    private func place(of parameter: Tensor?, in shape: Shape) -> ((Int) -> Int)? {
        guard let parameter, parameter.elementCount > 1 else { return { _ in 0 } }
        if parameter.rank == 1 {
            guard let axis = try? ScaleAxis(axis: axis).fittedAxis(shape: shape, scale: parameter.shape) else { return nil }
            let (stride, extent) = (shape.strides[axis], shape[axis])
            return { $0 / stride % extent }
        }
        // (directions, rows of gates) of a recurrent layer.
        guard parameter.rank == 2, shape.rank == 3, parameter.shape == [shape[0], shape[2]] else { return nil }
        let (stride, rows) = (shape.strides[0], shape[2])
        return { $0 / stride * rows + $0 % rows }
    }

    /// The parameter of each code.
    private func spread(_ parameter: Tensor?, over codes: Tensor, default value: Double) -> [Double] {
        guard let numbers = parameter?.doubles(), !numbers.isEmpty, let place = place(of: parameter, in: codes.shape) else {
            return [Double](repeating: value, count: codes.elementCount)
        }
        return (0..<codes.elementCount).map { numbers[place($0)] }
    }
}

extension Graph {
    /// The initializers of codes that nodes read as such beside data.
    var storedCodes: [ValueName: StoredCodes] {
        var result: [ValueName: StoredCodes] = [:]
        let constants = Set(constantOrigins.keys)
        for node in nodes where node.outputs.contains(where: { !$0.isEmpty && !constants.contains($0) }) {
            for (position, role) in node.op.inputRoles {
                guard case .zeroPoint(let codes, let axis) = role, let name = node.input(codes), let stored = initializers[name],
                    stored.elementType.isInteger
                else { continue }
                let zeroPoint = node.input(position).map { initializers[$0] }
                // Codes of 8 bits without a zero point have it at 0; one that is computed is not known.
                guard zeroPoint != .some(nil) else { continue }
                let scale = node.op.inputRoles[position - 1] == .scale ? node.input(position - 1).flatMap { initializers[$0] } : nil
                result[name] = StoredCodes(stored, zeroPoint: zeroPoint ?? nil, scale: scale, axis: axis)
            }
        }
        return result
    }
}
