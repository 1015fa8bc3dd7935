package import WinnowGraph

/// QuantizeLinear of ONNX Runtime's own domain, which knows codes of 16 bits at every operator set.
package struct ContributedQuantizeLinear: ContributedForm {
    package static let type = OperatorType("QuantizeLinear", domain: "com.microsoft")

    package let standard: QuantizeLinear

    package init(_ standard: QuantizeLinear = QuantizeLinear()) { self.standard = standard }
}
