import WinnowGraph
import WinnowKernels
import WinnowTensor

extension KernelRequest {
    /// Whether there is an input of this number; throws unless it is a single float32.
    func hasNumber(_ index: Int) throws -> Bool {
        guard let operand = optionalInput(index) else { return false }
        guard operand.elementType == .float32, operand.shape.elementCount == 1 else {
            throw WinnowError(.shape, nodeName, "input \(index) is no single float32")
        }
        return true
    }

    /// Throws `.unsupported` unless inputs (or just those listed) and outputs are float32.
    func checkFloat32(inputs listed: [Int]? = nil) throws {
        let checked = (listed ?? Array(inputs.indices)).compactMap { optionalInput($0) } + outputs
        for operand in checked where operand.elementType != .float32 {
            throw WinnowError(
                .unsupported, nodeName, "computes in float32, but is given \(operand.elementType)",
                remedy: "convert the model to float32")
        }
    }
}

extension KernelRequest {
    /// The kernel that `make` gives for float32 in the place of 16- and 64-bit floats: operands are converted before it runs,
    /// results after.
    func inFloat32(_ make: (KernelRequest) throws -> Kernel) throws -> Kernel {
        var request = self
        var scratch = ScratchLayout()
        var before: [Conversion] = []
        var after: [Conversion] = []
        for (index, input) in inputs.enumerated() {
            guard let input, input.elementType.isOtherFloat else { continue }
            let cast = try CastKernel(from: input.elementType, to: .float32)
            request.inputs[index]?.elementType = .float32
            let constant = input.constant.map { cast.converted($0) }
            request.inputs[index]?.constant = constant
            let place = constant == nil ? scratch.reserve(input.shape.elementCount, of: .float32) : 0
            before.append(
                Conversion(operand: index, offset: place, count: input.shape.elementCount, cast: cast, constant: constant))
        }
        for (index, output) in outputs.enumerated() where output.elementType.isOtherFloat {
            let cast = try CastKernel(from: .float32, to: output.elementType)
            request.outputs[index].elementType = .float32
            let count = output.shape.elementCount
            after.append(Conversion(operand: index, offset: scratch.reserve(count, of: .float32), count: count, cast: cast))
        }
        let kernel = try make(request)
        guard !before.isEmpty || !after.isEmpty else { return kernel }
        return Self.wrapped(kernel, before: before, after: after, operandCounts: (inputs.count, outputs.count), bytes: scratch.byteCount)
    }

    private struct Conversion {
        var operand: Int
        var offset: Int
        var count: Int
        var cast: CastKernel
        /// The operand converted once, where it never changes.
        var constant: Tensor?
    }

    private static func wrapped(
        _ kernel: Kernel, before: [Conversion], after: [Conversion], operandCounts: (Int, Int), bytes: Int
    ) -> Kernel {
        let (inputCount, outputCount) = operandCounts
        let pointers = OperandList(count: inputCount + outputCount + 1)
        var result = Kernel(scratchByteCount: bytes + kernel.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            for index in 0..<inputCount {
                pointers[index] = operands.optionalInput(index).map { UnsafeMutableRawPointer(mutating: $0) }
            }
            for index in 0..<outputCount { pointers[inputCount + index] = operands.optionalOutput(index) }
            pointers[inputCount + outputCount] = scratch + bytes
            for part in before {
                if let memory = part.constant?.memory {
                    pointers[part.operand] = memory.storage.base + memory.byteOffset
                    continue
                }
                guard let source = operands.optionalInput(part.operand) else { continue }
                part.cast.run(from: source, to: scratch + part.offset, count: part.count)
                pointers[part.operand] = scratch + part.offset
            }
            for part in after where operands.optionalOutput(part.operand) != nil {
                pointers[inputCount + part.operand] = scratch + part.offset
            }
            try kernel.run(Operands(pointers.base, inputCount: inputCount, outputCount: outputCount))
            for part in after {
                guard let target = operands.optionalOutput(part.operand) else { continue }
                part.cast.run(from: scratch + part.offset, to: target, count: part.count)
            }
        }
        result.name = kernel.name
        return result
    }
}

extension ElementType {
    /// Floats that kernels made for float32 reach by conversion.
    fileprivate var isOtherFloat: Bool { self == .float16 || self == .bfloat16 || self == .float64 }
}

extension CastKernel {
    fileprivate func converted(_ tensor: Tensor) -> Tensor {
        var result = Tensor(uninitialized: tensor.shape, .float32)
        result.withUnsafeMutableBytes { target in
            tensor.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                run(from: from, to: to, count: tensor.elementCount)
            }
        }
        return result
    }
}

extension Arithmetic {
    var math: MathMode { self == .bfloat16 ? .bfloat16 : .float32 }
}

extension OperandPlan {
    /// Calls `body` with the constant's memory, or nil if the operand is no constant.
    func withConstant<Result>(_ body: (UnsafeRawPointer?) throws -> Result) rethrows -> Result {
        guard let constant else { return try body(nil) }
        return try constant.withUnsafeBytes { try body($0.baseAddress) }
    }
}
