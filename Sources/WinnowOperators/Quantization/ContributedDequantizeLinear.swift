package import WinnowGraph

/// DequantizeLinear of ONNX Runtime's own domain, which knows codes of 16 bits at every operator set.
package struct ContributedDequantizeLinear: ContributedForm {
    package static let type = OperatorType("DequantizeLinear", domain: "com.microsoft")

    package let standard: DequantizeLinear

    package init(_ standard: DequantizeLinear = DequantizeLinear()) { self.standard = standard }
}
