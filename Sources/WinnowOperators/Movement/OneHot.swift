package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A new axis of `depth` elements that holds the on-value at each index and the off-value elsewhere.
///
/// Inputs: indices, depth, values (off, on). Indices out of range give off-values only.
package struct OneHot: Operator {
    package static let type = OperatorType("OneHot")
    package static let maximumInputCount = 3

    package var inputRoles: [Int: OperandRole] { [1: .setting, 2: .setting] }

    package var axis: Int

    package init(axis: Int = -1) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws { self.init(axis: try attributes.int("axis", default: -1)) }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { 9 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let type = try inputs.required(2).elementType
        guard var extents = try inputs.required(0).extents else { return [ValueInfo(type, nil)] }
        let depth = try inputs.required(1).constant?.integers().first.map { Extent.fixed($0) } ?? .unknown
        extents.insert(depth, at: try axis.normalizedAxis(rank: extents.count + 1))
        return [ValueInfo(type, extents)]
    }

    /// `"ab, , . -> a.b"`
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        var map = AxisMap.passing(inputs, except: [])
        guard var terms = map.outputs.first, let axis = try? axis.normalizedAxis(rank: terms.count + 1) else { return .opaque }
        terms.insert(.opaque, at: axis)
        map.outputs = [terms]
        return map
    }

    /// Of the values: the sums of what stands where each does.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let (b, g) = (context.builder, try context.outputGradient())
        let marks = b.constant("marks", Tensor([0, 1], shape: [2], as: b.elementType(of: g)))
        let isOn = try b.add(self, context.input(0), context.input(1), marks)
        let total = try b.reshaped(b.add(ReduceSum(axes: nil, keepsAxes: false), g), [1])
        let on = try b.reshaped(b.add(ReduceSum(axes: nil, keepsAxes: false), b.multiply(g, isOn)), [1])
        return [nil, nil, try b.add(Concat(axis: 0), b.subtract(total, on), on)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (indices, output) = (try request.input(0), request.outputs[0])
        let cast = try CastKernel(from: indices.elementType, to: .int64)
        let axis = try self.axis.normalizedAxis(rank: output.shape.rank)
        let depth = output.shape[axis]
        let inner = output.shape[(axis + 1)...].reduce(1, *)
        let byteCount = try output.elementType.wholeByteCount(request.nodeName)
        let (count, total) = (indices.shape.elementCount, output.shape.elementCount)
        guard try request.input(2).shape.elementCount == 2 else {
            throw WinnowError(.shape, request.nodeName, "its values are not two: off and on")
        }
        return Kernel(scratchByteCount: ElementType.int64.byteCount(of: count)) { operands in
            guard let scratch = operands.scratch, count > 0 else { return }
            cast.run(from: operands.input(0), to: scratch, count: count)
            let places = scratch.assumingMemoryBound(to: Int64.self)
            let (off, on) = (operands.input(2), operands.input(2) + byteCount)
            FillKernel.run(off, byteCount: byteCount, to: operands.output(0), count: total)
            for position in 0..<count {
                let index = Int(places[position]) < 0 ? Int(places[position]) + depth : Int(places[position])
                guard index >= 0, index < depth else { continue }
                let element = (position / inner * depth + index) * inner + position % inner
                (operands.output(0) + element * byteCount).copyMemory(from: on, byteCount: byteCount)
            }
        }
    }
}
