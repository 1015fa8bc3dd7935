import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// What must hold for the memory that kernels are lent, on all samples and on operands that no good model has.
@Suite(.serialized) struct MemoryLaws {
    static let samples = OperatorSamples.all.filter {
        !($0.op is any InterpretedOperator || $0.op is any ContentShaped) && $0.lists.isEmpty
    }.dropFirst(first)
    /// Where to go on after a trap.
    private static let first = ProcessInfo.processInfo.environment["WINNOW_FIRST"].flatMap(Int.init) ?? 0
    private static let byteLimit = 2 << 20
    private static let random = ["Random", "Bernoulli", "Multinomial"]

    /// A kernel writes its results whole and nothing else, whatever memory held before.
    @Test(arguments: samples) func resultsAreWrittenWholeAndNothingElse(_ sample: OperatorSample) throws {
        Self.trace(sample)
        for constants in [sample.constants, Set(sample.inputs.indices)] {
            let runs = try [UInt8(0), 0xFF].map { try Self.run(sample, constants: constants, fill: $0) }
            for run in runs.compactMap({ $0 }) { #expect(run.staysInside) }
            guard !Self.random.contains(where: { sample.op.type.name.hasPrefix($0) }) else { continue }
            #expect(runs[0]?.results == runs[1]?.results)
        }
    }

    /// Floats of every width give what float32 gives, or are refused.
    @Test(arguments: samples) func everyWidthComputesTheSame(_ sample: OperatorSample) throws {
        Self.trace(sample)
        guard sample.inputs.contains(where: { $0?.elementType == .float32 }),
            !Self.random.contains(where: { sample.op.type.name.hasPrefix($0) })
        else { return }
        for (type, tolerance) in [(ElementType.float16, 0.01), (.bfloat16, 0.06), (.float64, 1e-4)] {
            let inputs = sample.inputs.map { $0?.elementType == .float32 ? $0?.converted(to: type) : $0 }
            let rounded = inputs.map { $0?.elementType == type ? $0?.converted(to: .float32) : $0 }
            let actual: [Tensor]
            do { actual = try sample.with(inputs).run() } catch let error as WinnowError {
                #expect(!error.problem.isEmpty)
                continue
            }
            let expected = try sample.with(rounded).run()
            for (a, b) in zip(actual, expected) {
                // Codes and indices may be their neighbours; what rounds to another side is no matter of memory.
                guard a.elementType.isFloatingPoint, b.elementType == .float32 else { continue }
                let difference = relativeDifference(a.converted(to: .float32), b)
                #expect((difference ?? .infinity) <= max(tolerance, 4 * sample.tolerance), "\(type): \(a) is not \(b)")
            }
        }
    }

    /// Of operators that files hold: plans make others for shapes that have been checked.
    static let stored = samples.filter { $0.op.type.domain != OperatorType.planDomain }

    /// Numbers that no good model has, in every attribute and every constant that says sizes, steps or scales.
    @Test(arguments: stored) func hostileNumbersAreRefusedOrComputed(_ sample: OperatorSample) throws {
        Self.trace(sample)
        for name in sample.op.attributes.names {
            for value in Self.hostile(sample.op.attributes[name]) {
                var attributes = sample.op.attributes
                attributes[name] = value
                try Self.attempt("\(name) = \(value)") {
                    var other = sample
                    other.op = try type(of: sample.op).init(attributes: attributes, version: sample.version)
                    _ = try Self.run(other, constants: other.constants, fill: 0)
                }
            }
        }
        for index in sample.constants.sorted() {
            guard let tensor = sample.inputs[index] else { continue }
            for other in Self.hostile(tensor) {
                try Self.attempt("input \(index) = \(other)") {
                    var inputs = sample.inputs
                    inputs[index] = other
                    _ = try Self.run(sample.with(inputs), constants: sample.constants, fill: 0)
                }
            }
        }
    }

    /// Operands of other types and shapes, each known and unknown.
    @Test(arguments: stored) func hostileOperandsAreRefusedOrComputed(_ sample: OperatorSample) throws {
        Self.trace(sample)
        for index in sample.inputs.indices {
            guard let tensor = sample.inputs[index] else { continue }
            for other in Self.variants(of: tensor) {
                for constants in [sample.constants, Set(sample.inputs.indices)] {
                    try Self.attempt("input \(index) as \(other.elementType) \(other.shape)") {
                        var inputs = sample.inputs
                        inputs[index] = other
                        let run = try Self.run(sample.with(inputs), constants: constants, fill: 0)
                        #expect(run?.staysInside ?? true, "input \(index) as \(other.elementType) \(other.shape)")
                    }
                }
            }
        }
    }

    private static let traces = ProcessInfo.processInfo.environment["WINNOW_TRACE"] != nil

    /// A line on standard error with `WINNOW_TRACE`: what was tried last when a trap ends the process.
    private static func trace(_ line: @autoclosure () -> String) {
        if traces { FileHandle.standardError.write(Data((line() + "\n").utf8)) }
    }

    private static func trace(_ sample: OperatorSample) {
        trace("  #\(samples.firstIndex { $0.description == sample.description } ?? 0) \(sample)")
    }

    /// What is thrown must be a sentence, and nothing may take long.
    private static func attempt(_ what: String, _ body: () throws -> Void) throws {
        trace("    = \(what)")
        let start = ContinuousClock.now
        do { try body() } catch let error as WinnowError { #expect(!error.problem.isEmpty, "\(what)") }
        #expect(ContinuousClock.now - start < .seconds(60), "\(what)")
    }

    /// One guarded run; nil where shapes depend on contents, where the result is the first input, or where it is too much for a
    /// test.
    private static func run(_ sample: OperatorSample, constants: Set<Int>, fill: UInt8) throws -> Kernel.GuardedRun? {
        let budget = MemoryBudget.byteCount
        MemoryBudget.byteCount = byteLimit
        defer { MemoryBudget.byteCount = budget }
        let infos = try sample.op.checkedOutputs(for: sample.infos(constants: constants)).prefix(sample.outputCount)
        let results = infos.compactMap { info in info.shape.map { OperandPlan(shape: $0, elementType: info.elementType) } }
        guard results.count == infos.count, results.allSatisfy({ $0.byteCount < byteLimit }) else { return nil }
        let inputs = sample.inputs.enumerated().map { index, tensor in
            tensor.map {
                OperandPlan(shape: $0.shape, elementType: $0.elementType, constant: constants.contains(index) ? $0 : nil)
            }
        }
        let kernel = try sample.op.checkedKernel(for: KernelRequest(nodeName: "sampled", inputs: inputs, outputs: results))
        guard kernel.placement != .view, kernel.scratchByteCount < byteLimit else { return nil }
        return try kernel.guardedRun(sample.inputs, results: results, fill: fill)
    }

    private static let integers = [0, -1, 1, 2, 3, -3, 1 << 16, 1 << 31, -(1 << 31), 1 << 40, .max, .min]
    private static let floats: [Float] = [0, -1, 1e-30, 1e38, -1e38, .infinity, -.infinity, .nan]

    private static func hostile(_ attribute: Attribute?) -> [Attribute] {
        switch attribute {
        case .int: integers.map { .int($0) }
        case .float: floats.map { .float($0) }
        case .ints(let values):
            [.ints([]), .ints(values + [1])]
                + values.indices.flatMap { place in integers.map { number in .ints(replaced(values, place, number)) } }
        case .floats(let values):
            [.floats([])] + values.indices.flatMap { place in floats.map { number in .floats(replaced(values, place, number)) } }
        case .string: [.string(""), .string("none")]
        default: []
        }
    }

    private static func replaced<Element>(_ values: [Element], _ place: Int, _ value: Element) -> [Element] {
        var values = values
        values[place] = value
        return values
    }

    private static func hostile(_ tensor: Tensor) -> [Tensor] {
        let count = min(tensor.elementCount, 8)
        if let values = tensor.elements(Int64.self) {
            return (0..<count).flatMap { place in
                integers.map { Tensor(replaced(values, place, Int64($0)), shape: tensor.shape) }
            }
        }
        guard let values = tensor.elements(Float.self) else { return [] }
        return (0..<count).flatMap { place in floats.map { Tensor(replaced(values, place, $0), shape: tensor.shape) } }
    }

    /// The tensor as other types, with an axis more or less, larger, smaller and empty.
    private static func variants(of tensor: Tensor) -> [Tensor] {
        let types: [ElementType] = [.float16, .float64, .bfloat16, .int8, .uint8, .int32, .int64, .bool, .int4, .float8E4M3FN]
        var shapes: [Shape] = [[], [0], [1] + tensor.shape, tensor.shape + [2]]
        if tensor.rank > 0 { shapes += [Shape(Array(tensor.shape.dropFirst())), Shape(Array(tensor.shape.dropLast()))] }
        for axis in tensor.shape.indices {
            for extent in [0, 1, tensor.shape[axis] + 1, max(0, tensor.shape[axis] - 1), 2 * tensor.shape[axis]] {
                var shape = tensor.shape
                shape[axis] = extent
                shapes.append(shape)
            }
        }
        let values = tensor.doubles() + [0]
        return types.filter { $0 != tensor.elementType }.map { tensor.converted(to: $0) }
            + shapes.filter { $0 != tensor.shape }.map { shape in
                Tensor((0..<shape.elementCount).map { values[$0 % values.count] }, shape: shape, as: tensor.elementType)
            }
    }
}
