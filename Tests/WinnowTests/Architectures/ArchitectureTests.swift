import Testing
import WinnowGraph
import WinnowTensor
@testable import Winnow

@Suite struct ArchitectureTests {
    /// Parameter counts of LeNet-300-100, Caffe's LeNet and ResNet-20 on one channel: 269,434, 2 · 688 moments
    /// and two normalized projections (2,944).
    @Test(arguments: [("lenet-300-100", 266_610), ("lenet-5", 431_080), ("resnet-20", 273_754)]) func parameterCounts(name: String, count: Int) throws {
        let graph = try Architecture.named(name).makeGraph()
        #expect(graph.initializers.values.reduce(0) { $0 + $1.shape.elementCount } == count)
    }

    @Test(arguments: Architecture.all.map(\.name)) func sameSeedSameWeights(name: String) throws {
        let architecture = try Architecture.named(name)
        #expect(try architecture.makeGraph(seed: 5).initializers == architecture.makeGraph(seed: 5).initializers)
        #expect(try architecture.makeGraph(seed: 5).initializers != architecture.makeGraph(seed: 6).initializers)
    }

    @Test func unknownNamesTheKnown() {
        let error = #expect(throws: WinnowError.self) { try Architecture.named("lenet-6") }
        #expect(error.map { "\($0)" }?.contains("lenet-5") == true)
    }
}
