import Testing
import WinnowEngine
import WinnowTensor
import WinnowTestSupport

@Suite struct RunStateTests {
    private let store = MemoryCheckpointStore()

    private func state(_ settings: String...) throws -> RunState {
        try settings.reduce(RunState(in: store)) { try $0.bound(to: Fingerprint(settings: $1, seed: 0)) }
    }

    private func expectRefusal(_ state: RunState) {
        let error = #expect(throws: WinnowError.self) { try state.load(Int.self) }
        #expect(error?.kind == .data && error?.remedy.contains("delete it") == true)
    }

    @Test func whatIsSavedComesBack() throws {
        let state = try state("a")
        #expect(try state.load(Int.self) == nil)
        try state.save(7, ["t": Tensor([1, 2] as [Float])])
        try state.save(8, ["t": Tensor([3] as [Float])])
        let saved = try #require(try state.load(Int.self))
        #expect(saved.record == 8 && saved.tensors == ["t": Tensor([3] as [Float])])
        #expect(try state.part("p").load(Int.self) == nil)
    }

    @Test func anotherRunIsRefused() throws {
        try state("a").part("p").save(1)
        expectRefusal(try state("b").part("p"))
        expectRefusal(try state("a", "b").part("p"))
        expectRefusal(RunState(in: store).part("p"))
    }

    /// Other records, and files of others, are no run's.
    @Test func whatNoRunSavedIsRefused() throws {
        try state("a").save("word")
        expectRefusal(try state("a"))
        store.save(Checkpoint(tensors: ["t": Tensor([1] as [Float])]), as: "")
        expectRefusal(try state("a"))
        store.save(Checkpoint(metadata: ["winnow.run": "{"]), as: "")
        expectRefusal(try state("a"))
    }

    @Test func partsGoWithTheirWork() throws {
        let state = try state("a")
        try state.part("p").save(1)
        try state.part("p").part("q").save(2)
        try state.part("pp").part("q").save(3)
        state.part("p").removeParts()
        #expect(store.checkpoints.keys.sorted() == ["p", "pp-q"])
    }
}
