package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// activation(A · W + bias + residual) with a matrix W of codes that stay codes in memory: what products with MatMulNBits' matrix, with
/// what DequantizeLinear makes of constants and with palettes become when planned.
///
/// Inputs: A (…, K), codes, scales, zeros and table as `CodedMatrix` packs them (zeros are those of `CodedProductKernel.Operand`, all but
/// codes optional), bias (N), residual in the shape of the output.
package struct CodedMatMul: Operator {
    package static let type = OperatorType("CodedMatMul", domain: "winnow")

    package var matrix: CodedMatrix
    package var precision: CodedProductKernel.Precision
    package var activation: Activation?

    package init(_ matrix: CodedMatrix, precision: CodedProductKernel.Precision = .exact, activation: Activation? = nil) {
        self.matrix = matrix
        self.precision = precision
        self.activation = activation
    }

    package init(attributes: Attributes, version: Int) throws {
        func number(_ name: String, _ known: ClosedRange<Int> = 1...(1 << 40)) throws -> Int {
            let number = try attributes.int(name, default: 0)
            guard known.contains(number) else { throw WinnowError(.model, name, "is \(number)") }
            return number
        }
        let bits = try number("bits", 2...8)
        let precision = try CodedProductKernel.Precision(rawValue: number("digits", 1...3))
        guard [2, 4, 8].contains(bits), let precision else { throw WinnowError(.model, "bits, digits", "are not known") }
        self.init(
            CodedMatrix(columns: try number("N"), depth: try number("K"), bits: bits, blockSize: try number("block_size")),
            precision: precision, activation: try Activation(attributes: attributes))
    }

    package var attributes: Attributes {
        var result: Attributes = [
            "K": .int(matrix.depth), "N": .int(matrix.columns), "bits": .int(matrix.bits), "block_size": .int(matrix.blockSize),
            "digits": .int(precision.rawValue),
        ]
        activation?.add(to: &result)
        return result
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let left = try inputs.required(0)
        guard let extents = left.extents else { return [ValueInfo(left.elementType, nil)] }
        guard let last = extents.last, last.value ?? matrix.depth == matrix.depth else {
            throw WinnowError(.shape, "input \(left.type)", "does not end in \(matrix.depth)")
        }
        return [ValueInfo(left.elementType, extents.dropLast() + [.fixed(matrix.columns)])]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0, 2, 4, 5, 6])
        let (codes, zeros, table) = (try request.input(1), request.optionalInput(3), request.optionalInput(4))
        let sizes = [(codes.byteCount, matrix.codeByteCount)]
            + [request.optionalInput(2), zeros].compactMap { $0.map { ($0.shape.elementCount, matrix.scaleCount) } }
            + [(table?.shape.elementCount ?? 1 << matrix.bits, 1 << matrix.bits)]
            + [(request.optionalInput(5)?.shape.elementCount ?? matrix.columns, matrix.columns)]
        guard sizes.allSatisfy({ $0 == $1 }), codes.elementType == .uint8, [.int8, .float32, nil].contains(zeros?.elementType),
            table == nil || zeros == nil
        else { throw WinnowError(.shape, request.nodeName, "its codes, scales, zeros, table or bias have other sizes than it needs") }
        let output = request.outputs[0]
        let (rows, zerosAreFloats) = (output.shape.elementCount / matrix.columns, zeros?.elementType == .float32)
        typealias Run = (
            _ left: UnsafeRawPointer, CodedProductKernel.Operand, _ bias: UnsafeRawPointer?, _ target: UnsafeMutableRawPointer,
            _ scratch: UnsafeMutableRawPointer?
        ) throws -> Void
        func kernel(_ scratchByteCount: Int, _ run: @escaping Run) -> Kernel {
            Kernel(scratchByteCount: scratchByteCount) { operands in
                let matrix = CodedProductKernel.Operand(
                    codes: operands.input(1), scales: operands.optionalInput(2), zeros: operands.optionalInput(3),
                    table: operands.optionalInput(4))
                try run(operands.input(0), matrix, operands.optionalInput(5), operands.output(0), operands.scratch)
            }
        }
        let exactly = request.arithmetic == .exact ? .exact : precision
        var candidates = CodedProductKernel.Way.allCases.compactMap { way in
            CodedProductKernel(matrix, rows: rows, precision: exactly, hasTable: table != nil, zerosAreFloats: zerosAreFloats, way: way)
        }.map { product in
            KernelCandidate(product.name, cost: product.cost) { kernel(product.scratchByteCount, product.run) }
        }
        candidates.append(KernelCandidate("\(matrix.bits)-bit codes, decoded by tiles", cost: DecodedProductKernel.cost(matrix, rows: rows)) {
            let decoded = try DecodedProductKernel(
                matrix, rows: rows, hasBias: request.optionalInput(5) != nil, zerosAreFloats: zerosAreFloats)
            return kernel(decoded.scratchByteCount, decoded.run)
        })
        return try finishing(request.kernel(of: candidates[0], or: Array(candidates.dropFirst())), request)
    }

    /// A kernel of the product, with what comes behind it.
    private func finishing(_ product: Kernel, _ request: KernelRequest) throws -> Kernel {
        let output = request.outputs[0]
        let sum = try request.optionalInput(6).map { try BinaryKernel(.add, .float32, output.shape, $0.shape) }
        guard sum == nil || sum?.shape == output.shape else {
            throw WinnowError(.shape, request.nodeName, "what is added does not fit the product \(output.shape)")
        }
        let last = try activation?.step.function.map { try UnaryKernel($0, .float32) }
        let count = output.shape.elementCount
        guard sum != nil || last != nil else { return product }
        var kernel = Kernel(scratchByteCount: product.scratchByteCount) { operands in
            try product.run(operands)
            let target = operands.output(0)
            sum?.run(target, operands.input(6), to: target)
            last?.run(from: target, to: target, count: count)
        }
        kernel.name = product.name
        return kernel
    }
}
