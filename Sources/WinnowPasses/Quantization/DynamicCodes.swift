import WinnowGraph
import WinnowOperators
import WinnowTensor

extension QuantizationConvention {
    /// Writes nodes that give codes, scale and zero point of `data` as `outputs`, its range found at each run.
    func quantizeAtRunTime(_ data: ValueName, as outputs: [ValueName], _ edit: inout GraphEdit, _ names: inout FreshNames) {
        if let dynamicCodes { dynamicCodes.write(data, outputs, to: &edit, &names); return }
        edit.addedNodes.append(
            Node(name: names.node("\(data).dynamic"), op: DynamicQuantizeLinear(), inputs: [data], outputs: outputs))
    }
}

/// Codes from 0 of a value whose range each run finds: zero point round(−min / s) with s = (max − min) / q_max and 0 in the
/// range, scale max(s, the least one) (ATen's ChooseQuantizationParams with reduce_range).
struct DynamicCodes: Hashable, Sendable {
    /// 7 bits: what sums of two products take without saturating on processors without VNNI.
    var highest: Float = 127
    var leastScale: Float = 6.1e-5

    fileprivate func write(_ data: ValueName, _ outputs: [ValueName], to edit: inout GraphEdit, _ names: inout FreshNames) {
        func add(_ part: String, _ op: any Operator, _ inputs: ValueName..., output: ValueName? = nil) -> ValueName {
            let value = output ?? names.value("\(data).dynamic.\(part)")
            edit.addedNodes.append(
                Node(name: names.node("\(data).dynamic.\(part)"), op: op, inputs: inputs, outputs: [value]))
            return value
        }
        func number(_ part: String, _ number: Float) -> ValueName {
            let value = names.value("\(data).dynamic.\(part)")
            edit.initializers.append((value, Tensor(scalar: number)))
            return value
        }
        let all = ReductionParameters(keepsAxes: false)
        let zero = number("zero", 0)
        let low = add("low", Min(), add("least", ReduceMin(all), data), zero)
        let high = add("high", Max(), add("largest", ReduceMax(all), data), zero)
        let step = add("step", Div(), add("width", Sub(), high, low), number("steps", highest))
        let scale = add("limited", Max(), step, number("least-scale", leastScale), output: outputs[1])
        // Where the range has no width, low is 0 as well.
        let steps = add("below", Div(), low, add("divisor", Max(), step, number("tiny", Float.leastNormalMagnitude)))
        let count = add("count", Neg(), add("rounded", Round(), steps))
        let zeroPoint = add("zero-point", Cast(to: .uint8), count, output: outputs[2])
        _ = add("quantized", QuantizeLinear(), data, scale, zeroPoint, output: outputs[0])
    }
}
