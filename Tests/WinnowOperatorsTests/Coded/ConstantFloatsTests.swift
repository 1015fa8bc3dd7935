import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Floats that nodes read of constants, whatever they are stored as.
struct ConstantFloatsTests {
    @Test func castsAreLookedThrough() throws {
        let b = GraphBuilder("floats")
        let wide = Tensor([0.1, 3] as [Float]), half = wide.converted(to: .float16)
        func cast(_ tensor: Tensor, _ name: String, to target: ElementType) throws -> ValueName {
            try b.add(Cast(to: target), b.constant(name, tensor))
        }
        let (own, narrow) = (b.constant("wide", wide), b.constant("half", half))
        let (widened, narrowed) = (try cast(half, "a", to: .float32), try cast(wide, "b", to: .float16))
        let (whole, counted) = (b.constant("whole", Tensor([1, 2] as [Int64])), try cast(Tensor([1, 2] as [Int64]), "c", to: .float32))
        let rounded = try cast(wide, "d", to: .int32)
        let x = try b.add(Cast(to: .float32), b.input("x", .float16, [2]))
        let index = GraphIndex(try b.graph(outputs: [own, narrow, widened, narrowed, whole, counted, rounded, x]))
        #expect(index.constantFloats(own) == wide && index.constantFloats(narrow) == half)
        // As they are stored, or as they are read where that is less.
        #expect(index.constantFloats(widened) == half && index.constantFloats(narrowed) == half)
        for value in [whole, counted, rounded, x] { #expect(index.constantFloats(value) == nil, "\(value)") }
    }
}
