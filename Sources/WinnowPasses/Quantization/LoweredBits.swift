import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Lets codes have more bits at first, and fewer step by step: what their range is stays, and their levels become fewer.
struct LoweredBits: TrainingHook {
    struct Encoding {
        let scale: ValueName
        let zeroPoint: ValueName
        let op: FakeQuantize
        /// The bits that are asked for, and the number that tells those of the moment.
        let bits: Int
        let flag: ValueName
        /// Whether scales are powers of two.
        var isPowerOfTwo = false
    }

    private let encodings: [Encoding]
    private let from: Int
    private(set) var isSettled = false
    let variables: Set<ValueName>

    /// The bits of a moment: each number of bits has an equal part of the run.
    static func bits(from: Int, to bits: Int, _ fraction: Double) -> Int {
        max(bits, from - Int(fraction * Double(from - bits + 1)))
    }

    /// nil where all codes have as many bits as they begin with. Pairs of `graph` become FakeQuantize with bits as an input.
    init?(from: Int, powersOfTwo: Bool = false, in graph: inout Graph) throws {
        let index = GraphIndex(graph)
        var (edit, names) = (GraphEdit(), FreshNames(graph))
        var (encodings, flags): ([ValueName: Encoding], [Int: ValueName]) = ([:], [:])
        for node in graph.nodes {
            guard let dequantize = node.op as? DequantizeLinear, let source = index.producer(of: node.input(0)),
                let quantize = source.op as? QuantizeLinear, quantize.scaleAxis == dequantize.scaleAxis, quantize.scaleAxis.blockSize == 0,
                let data = source.input(0), let scale = source.input(1), scale == node.input(1), let zeroPoint = source.input(2),
                let type = index.info(of: source.output(0))?.elementType, let range = type.integerRange, type.bitWidth < from
            else { continue }
            guard let steps = graph.initializers[scale], let zeros = graph.initializers[zeroPoint] else {
                throw WinnowError(
                    .recipe, "from-bits", "goes with scales and zero points that no other rule moves",
                    remedy: "leave out moving-ranges, and set activation-learning to steps; learned steps have scales in float32")
            }
            let flag = flags[type.bitWidth] ?? names.value("codes.bits")
            if flags.updateValue(flag, forKey: type.bitWidth) == nil { edit.initializers.append((flag, Tensor(scalar: Float(from)))) }
            let op = FakeQuantize(range: range, axis: quantize.scaleAxis.axis)
            if encodings[scale] == nil {
                let wide = names.value("\(zeroPoint).wide")
                let encoding = Encoding(
                    scale: scale, zeroPoint: wide, op: op, bits: type.bitWidth, flag: flag, isPowerOfTwo: powersOfTwo)
                let first = encoding.moved(steps, zeros, from: type.bitWidth, to: from)
                edit.initializers += [(scale, first.scale), (wide, first.zeroPoint)]
                encodings[scale] = encoding
            }
            guard let encoding = encodings[scale] else { continue }
            edit.removedNodes.formUnion(index.soleConsumer(of: source.output(0)) == nil ? [node.name] : [node.name, source.name])
            edit.addedNodes.append(
                Node(name: node.name, op: op, inputs: [data, scale, encoding.zeroPoint, "", "", flag], outputs: node.outputs))
        }
        guard !encodings.isEmpty else { return nil }
        graph = try graph.applying(edit)
        self.encodings = encodings.sorted { $0.key < $1.key }.map(\.value)
        self.from = from
        variables = Set(self.encodings.flatMap { [$0.scale, $0.zeroPoint, $0.flag] })
    }

    /// The numbers that tell the bits of codes, by the names of their scales.
    var flags: [ValueName: ValueName] { Dictionary(encodings.map { ($0.scale, $0.flag) }, uniquingKeysWith: { first, _ in first }) }

    mutating func step(_ moment: inout TrainingMoment) throws {
        isSettled = true
        var changed: [ValueName: Int] = [:]
        for encoding in encodings {
            let bits = Self.bits(from: from, to: encoding.bits, moment.fraction)
            if bits > encoding.bits { isSettled = false }
            guard let now = moment.variables[encoding.flag].map({ Int($0.floats()[0]) }), now != bits,
                let scale = moment.variables[encoding.scale], let zeroPoint = moment.variables[encoding.zeroPoint]
            else { continue }
            let moved = encoding.moved(scale, zeroPoint, from: now, to: bits)
            moment.variables[encoding.scale] = moved.scale
            moment.variables[encoding.zeroPoint] = moved.zeroPoint
            changed[encoding.flag] = bits
        }
        for (flag, bits) in changed { moment.variables[flag] = Tensor(scalar: Float(bits)) }
    }
}

extension LoweredBits.Encoding {
    /// Scales and zero points of other bits with the same range; around 0 the largest number stays. Powers of two are doubled for each bit.
    func moved(_ scale: Tensor, _ zeroPoint: Tensor, from: Int, to: Int) -> (scale: Tensor, zeroPoint: Tensor) {
        let (old, new) = (op.range(bits: from), op.range(bits: to))
        let moved = zip(scale.floats(), zeroPoint.integers()).map { scale, zero -> (scale: Float, zero: Int32) in
            let power = isPowerOfTwo ? scale * Float(sign: .plus, exponent: from - to, significand: 1) : nil
            if zero == 0 { return (power ?? scale * Float(old.upperBound) / Float(new.upperBound), 0) }
            let low = scale * Float(old.lowerBound -| zero)
            let step = power ?? scale * Float(old.count - 1) / Float(new.count - 1)
            let code = (Float(new.lowerBound) - low / step).rounded(.toNearestOrEven)
            return (step, Int32(saturating: Double(min(max(code, Float(new.lowerBound)), Float(new.upperBound)))))
        }
        return (Tensor(moved.map(\.scale), shape: scale.shape), Tensor(moved.map(\.zero), shape: zeroPoint.shape))
    }
}

extension Graph {
    /// The graph with codes whose bits fell as pairs of QuantizeLinear and DequantizeLinear.
    func settlingBits() throws -> Graph {
        var (edit, names) = (GraphEdit(), FreshNames(self))
        var zeroPoints: [ValueName: ValueName] = [:]
        for node in nodes {
            guard let op = node.op as? FakeQuantize, node.input(5) != nil, let data = node.input(0), let scale = node.input(1),
                let wide = node.input(2), let zeros = initializers[wide], let type = op.codeType
            else { continue }
            let zeroPoint = zeroPoints[wide] ?? names.value(wide.hasSuffix(".wide") ? String(wide.dropLast(5)) : wide)
            if zeroPoints.updateValue(zeroPoint, forKey: wide) == nil { edit.initializers.append((zeroPoint, zeros.converted(to: type))) }
            let codes = names.value("\(node.name).codes")
            edit.removedNodes.insert(node.name)
            edit.addedNodes += [
                Node(name: names.node("\(node.name).quantize"), op: QuantizeLinear(axis: op.scaleAxis.axis), inputs: [data, scale, zeroPoint], outputs: [codes]),
                Node(name: node.name, op: DequantizeLinear(axis: op.scaleAxis.axis), inputs: [codes, scale, zeroPoint], outputs: node.outputs),
            ]
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit)
    }
}

extension FakeQuantize {
    /// The type that has its codes.
    fileprivate var codeType: ElementType? {
        ([.int2, .uint2, .int4, .uint4, .int8, .uint8] as [ElementType]).first { $0.integerRange == range }
    }
}
