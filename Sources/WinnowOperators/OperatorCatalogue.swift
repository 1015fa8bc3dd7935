package import WinnowGraph

/// Every operator Winnow knows, one line each, in alphabetical order.
package enum OperatorCatalogue {
    package static let all: [any Operator.Type] = [
        Concat.self,
        Constant.self,
        ConstantOfShape.self,
        Flatten.self,
        Gather.self,
        GatherGradient.self,
        Reshape.self,
        ShapeOf.self,
        SizeOf.self,
        Slice.self,
        SliceGradient.self,
        Split.self,
        Squeeze.self,
        Transpose.self,
        Unsqueeze.self,
    ]

    package static let registry = OperatorRegistry(all)
}
