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

    /// The code of zero at every place of a tensor of codes.
    func zeros(like codes: Tensor) throws -> Tensor {
        try Tensor(spread(zeroPoint, over: codes, default: 0), shape: codes.shape, as: codes.elementType)
    }

    /// The numbers.
    func numbers(of codes: Tensor) throws -> Tensor {
        let (zeros, scales) = (try spread(zeroPoint, over: codes, default: 0), try spread(scale, over: codes, default: 1))
        let values = codes.doubles()
        return Tensor(values.indices.map { Float((values[$0] - zeros[$0]) * scales[$0]) }, shape: codes.shape)
    }

    /// The parameter of each code.
    private func spread(_ parameter: Tensor?, over codes: Tensor, default value: Double) throws -> [Double] {
        guard let numbers = parameter?.doubles(), let first = numbers.first else {
            return [Double](repeating: value, count: codes.elementCount)
        }
        guard numbers.count > 1 else { return [Double](repeating: first, count: codes.elementCount) }
        let shape = codes.shape
        if parameter?.rank == 1 {
            let axis = axis < 0 ? axis + shape.rank : axis
            guard shape.indices.contains(axis), shape[axis] == numbers.count else { throw mismatch(numbers.count, shape) }
            return (0..<codes.elementCount).map { numbers[$0 / shape.strides[axis] % shape[axis]] }
        }
        // (directions, rows of gates) of a recurrent layer.
        guard parameter?.rank == 2, shape.rank == 3, parameter?.shape == [shape[0], shape[2]] else { throw mismatch(numbers.count, shape) }
        return (0..<codes.elementCount).map { numbers[$0 / shape.strides[0] * shape[2] + $0 % shape[2]] }
    }

    private func mismatch(_ count: Int, _ shape: Shape) -> WinnowError {
        WinnowError(.model, "codes \(shape)", "have \(count) zero points or scales, which lie along no axis of theirs")
    }
}

extension Graph {
    /// The initializers of codes that nodes read as such beside data.
    var storedCodes: [ValueName: StoredCodes] {
        var result: [ValueName: StoredCodes] = [:]
        let constants = Set(constantOrigins.keys)
        for node in nodes where node.outputs.contains(where: { !$0.isEmpty && !constants.contains($0) }) {
            for (position, role) in node.op.inputRoles {
                guard case .zeroPoint(let codes, let axis) = role, let name = node.input(codes), initializers[name]?.elementType.isInteger == true
                else { continue }
                let zeroPoint = node.input(position).map { initializers[$0] }
                // Codes of 8 bits without a zero point have it at 0; one that is computed is not known.
                guard zeroPoint != .some(nil) else { continue }
                let scale = node.op.inputRoles[position - 1] == .scale ? node.input(position - 1).flatMap { initializers[$0] } : nil
                result[name] = StoredCodes(zeroPoint: zeroPoint ?? nil, scale: scale, axis: axis)
            }
        }
        return result
    }
}
