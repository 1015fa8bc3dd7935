import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Operands that do not fit are refused before anything is read.
struct OperandTests {
    @Test(arguments: [
        (1, [2, 3, 5]), (2, [2, 2, 4]), (2, [1, 3, 4]), (3, [2, 2, 3, 3]), (4, [2, 3, 4]), (5, [2, 2, 2]),
    ] as [(Int, [Int])]) func linearAttention(_ index: Int, _ extents: [Int]) throws {
        var inputs: [Tensor] = [
            .sample([2, 3, 6]), .sample([2, 3, 6]), .sample([2, 3, 4]), .sample([2, 2, 3, 2]), .sample([2, 3, 2]), .sample([2, 3, 1]),
        ]
        func sample() -> OperatorSample {
            OperatorSample(LinearAttention(queryHeads: 2, keyHeads: 2), inputs, outputs: 2, version: 27, differentiated: [])
        }
        #expect(try sample().run().count == 2)
        inputs[index] = .sample(Shape(extents))
        #expect(throws: WinnowError.self) { try sample().run() }
    }

    @Test func positionsOutsideALists() throws {
        let list = Tensor.sample([3, 2])
        for (op, position) in [(SequenceAt() as any Operator, 3), (SequenceAt(), -4), (SequenceErase(), 3)] {
            for constants in [[1] as Set<Int>, []] {
                let sample = OperatorSample(op, [list, Tensor(scalar: Int64(position))], differentiated: []).taking(lists: [0])
                #expect(throws: WinnowError.self) { try sample.run(constants: constants) }
            }
        }
        let insertion = OperatorSample(SequenceInsert(), [list, .sample([2]), Tensor(scalar: Int64(4))], differentiated: []).taking(lists: [0])
        #expect(throws: WinnowError.self) { try insertion.run() }
    }
}
