package import WinnowGraph
import WinnowTensor

/// The same elements in another shape: `0` keeps an extent, `-1` takes what is left.
package struct Reshape: Operator {
    package static let type = OperatorType("Reshape")
    package static let maximumInputCount = 2

    /// Whether `0` in the shape means an empty axis rather than "as in the input".
    package var allowsZero: Bool

    /// The attribute of versions below 5.
    package var shape: [Int]?

    package init(allowsZero: Bool = false) { self.allowsZero = allowsZero }

    package init(attributes: Attributes, version: Int) throws {
        self.init(allowsZero: try attributes.flag("allowzero", default: false))
        shape = version < 5 ? try attributes.ints("shape") : nil
    }

    package var attributes: Attributes {
        var result: Attributes = allowsZero ? ["allowzero": .int(1)] : [:]
        if let shape { result["shape"] = .ints(shape) }
        return result
    }

    package var minimumVersion: Int { allowsZero ? 14 : shape == nil ? 5 : 1 }
    package var maximumVersion: Int { shape == nil ? .max : 4 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.edit(replacing: node, with: Reshape(), inputs: [("shape", shape.map { Tensor($0.map { Int64($0) }) })])
    }

    package var quantization: QuantizationRule { .keepsScale }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { graph.reshaping(of: node) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        if let shape { return [data.reshaped(to: try self.extents(shape.map { .fixed($0) }, of: data))] }
        let shape = try inputs.required(1)
        guard shape.elementType.isInteger else { throw WinnowError(.model, "shape", "is \(shape.elementType), not int64") }
        guard let target = shape.elementExtents else {
            return [ValueInfo(data.elementType, shape.countedExtents)]
        }
        let extents = try self.extents(target, of: naming(data, copiedBy: target))
        return [data.reshaped(to: extents.map { $0.isCopied ? .unknown : $0 })]
    }

    /// The same with a name for each extent that is not known but copied: it divides itself.
    private func naming(_ data: ValueInfo, copiedBy target: [Extent]) -> ValueInfo {
        guard !allowsZero, let own = data.extents else { return data }
        return ValueInfo(data.elementType, own.indices.map { axis in
            own[axis] == .unknown && axis < target.count && target[axis] == .fixed(0) ? .copied(axis) : own[axis]
        })
    }

    private func extents(_ target: [Extent], of data: ValueInfo) throws -> [Extent] {
        var result = target
        for (axis, extent) in target.enumerated() where extent == .fixed(0) && !allowsZero {
            guard let own = data.extents else { result[axis] = .unknown; continue }
            guard axis < own.count else {
                throw WinnowError(.shape, "shape", "copies axis \(axis) of an input with \(own.count) axes")
            }
            result[axis] = own[axis]
        }
        let free = target.indices.filter { target[$0] == .fixed(-1) }
        guard free.count <= 1 else { throw WinnowError(.shape, "shape", "has more than one -1") }
        if let axis = free.first {
            var rest = result
            rest.remove(at: axis)
            result[axis] = try data.extents.map { try ExtentProduct($0).divided(by: ExtentProduct(rest)) } ?? .unknown
        } else if let own = data.shape, let new = ValueType(.float32, result).shape, own.elementCount != new.elementCount {
            throw WinnowError(.shape, "shape", "\(own) does not reshape to \(new)")
        }
        return result
    }

    /// Spatial axes may be regrouped in any layout.
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        guard let source = inputs.optional(0)?.extents, let target = (try? outputs(for: inputs))?[0].extents,
            source.prefix(2) == target.prefix(2), !source.prefix(2).contains(.unknown)
        else { return .rowMajor }
        return .keptByView(source.count, target.count, changing: [])
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { .view }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let data = inputs.optional(0), var source = data.extents, var target = (try? outputs(for: inputs))?[0].extents else {
            return .opaque
        }
        if let list = inputs.optional(1)?.elementExtents {
            let named = naming(data, copiedBy: list)
            source = named.extents ?? source
            target = (try? extents(list, of: named)) ?? target
        }
        var map = AxisMap.regrouping(source, into: target, otherInputs: [[.opaque]])
        map.inputCounts[1] = map.outputs[0]
        // 0 copies the extent at its place, which should be the same axis.
        for (axis, extent) in (inputs.optional(1)?.elementExtents ?? []).enumerated() where extent == 0 && !allowsZero {
            guard axis < source.count, map.inputs[0][axis] != map.outputs[0][axis] else { continue }
            map.pinned.formUnion(map.inputs[0][axis].labels + map.outputs[0][axis].labels)
        }
        return map
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.reshapedToInput(context.outputGradient()), nil]
    }
}

extension Extent {
    /// The extent of an axis that is not known, told from all others by its place.
    fileprivate static func copied(_ axis: Int) -> Extent { .nameless("copied\(axis)") }

    fileprivate var isCopied: Bool { if case .symbol(let name) = self { name.hasPrefix("\u{0}copied") } else { false } }
}

extension GradientContext {
    /// `value` in the shape of input 0: the gradient of every operator that only renames axes.
    func reshapedToInput(_ value: ValueName) throws -> ValueName {
        try builder.add(Reshape(), value, builder.add(ShapeOf(), input(0)))
    }
}

extension LayoutRule {
    /// Of operators that put other axes in the place of `axes` and move nothing: any layout, if all are spatial before and after.
    static func keptByView(_ sourceRank: Int, _ targetRank: Int, changing axes: Set<Int>) -> LayoutRule {
        min(sourceRank, targetRank) >= 3 && axes.allSatisfy { $0 >= 2 } ? .shared : .rowMajor
    }
}

extension ValueInfo {
    /// The same contents in another shape.
    func reshaped(to extents: [Extent]) -> ValueInfo {
        var result = ValueInfo(elementType, extents)
        if let shape = result.shape, let constant, shape.elementCount == constant.elementCount {
            result.constant = constant.reshaped(shape)
        }
        if extents.count <= 1, constant == nil { result.symbolicElements = symbolicElements }
        return result
    }
}
