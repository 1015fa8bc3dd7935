import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What holds codes of 2 bits.
public enum TwoBitStorage: String, HyperparameterChoice, Codable {
    /// From operator set 21 on.
    case int4
    /// From operator set 25 on.
    case int2
}

extension EncodedWeight {
    /// The same in a type of 2 bits; nil where codes need more.
    var inTwoBits: EncodedWeight? {
        switch meaning {
        case .affine(var parameters):
            guard codes.elementType.bitWidth > 2, parameters.packedType.bitWidth == 2 else { return nil }
            parameters.elementType = parameters.packedType
            return EncodedWeight(codes: codes.converted(to: parameters.elementType).spilled(), shape: shape, .affine(parameters))
        case .table, .words:
            guard codes.elementType.bitWidth > 2, codes.codes().allSatisfy({ $0 < 4 }) else { return nil }
            return EncodedWeight(codes: codes.converted(to: .uint2).spilled(), shape: shape, meaning)
        }
    }
}

extension GraphIndex {
    /// Why ONNX Runtime 1.31 does not compute a layer with a matrix of 2-bit codes right: it takes rows of matrices that it multiplies
    /// with from the right for whole bytes.
    func objectionToTwoBits(of value: ValueName, _ shape: Shape) -> String? {
        guard shape.rank == 2, shape[1] % 4 != 0 else { return nil }
        let isTorn = consumers(of: value).contains { node in
            guard let form = node.op as? any MatrixForm else { return false }
            return node.input(1) == value && !form.transposesRight
        }
        return isTorn ? "ONNX Runtime computes wrong products with rows of \(shape[1]) codes of 2 bits, which fill no whole bytes" : nil
    }

    /// The same of codes behind a DequantizeLinear; and why it does not run a layer at all, of which it makes one on 8-bit codes.
    func objectionToTwoBits(behind node: Node) -> String? {
        guard node.op is DequantizeLinear, let value = node.output(0), let shape = info(of: value)?.shape else { return nil }
        let coded = consumers(of: value).first { reader in
            (reader.op is MatMul || reader.op is Conv) && producer(of: reader.inputs.first { $0 != value })?.op is DequantizeLinear
        }
        if let coded { return "ONNX Runtime makes a product of codes of \(coded.name), and refuses it with codes of 2 bits" }
        return constant(node.input(0)) == nil ? nil : objectionToTwoBits(of: value, shape)
    }
}
