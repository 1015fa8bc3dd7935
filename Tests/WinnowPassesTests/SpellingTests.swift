import Testing
import WinnowPasses

struct SpellingTests {
    @Test func suggestsWhatIsNear() {
        #expect(Spelling.nearest(to: "sparsty", in: ["sparsity", "scope"]) == "sparsity")
        #expect(Spelling.nearest(to: "qqqq", in: ["sparsity", "scope"]) == nil)
    }
}

struct SelectionTests {
    @Test(arguments: [
        ("fc*", "fc1.weight", true), ("*", "a/b", true), ("conv?", "conv1", true), ("conv?", "conv10", false),
    ])
    func globs(_ pattern: String, _ name: String, _ matches: Bool) {
        #expect(Selection.matches(pattern, name) == matches)
    }
}
