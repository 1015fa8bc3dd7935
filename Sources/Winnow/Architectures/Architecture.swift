public import WinnowGraph
import WinnowTensor

/// A network that `winnow new` makes, with seeded starting weights.
public struct Architecture: Sendable {
    /// Its name on the command line: `lenet-5`.
    public var name: String
    /// One line for lists.
    public var summary: String
    let build: @Sendable (inout NetworkBuilder, [Int]?) throws -> Void

    /// All architectures, smallest first.
    public static let all: [Architecture] = [
        .multilayerPerceptron, .leNet300, .leNet5, .dropoutConvolutional, .residual20,
    ]

    /// The architecture of this name; throws `.usage` naming the known ones.
    public static func named(_ name: String) throws -> Architecture {
        guard let match = all.first(where: { $0.name == name }) else {
            throw WinnowError(
                .usage, name, "there is no such architecture",
                remedy: "choose one of \(all.map(\.name).joined(separator: ", "))")
        }
        return match
    }

    /// The network with weights drawn from `seed`; `widths` replaces the layer widths where the architecture has such.
    public func makeGraph(seed: UInt64 = 0, widths: [Int]? = nil) throws -> Graph {
        guard widths == nil || name == Self.multilayerPerceptron.name else {
            throw WinnowError(.usage, "--widths", "\(name) has widths of its own", remedy: "leave them out, or make an \(Self.multilayerPerceptron.name)")
        }
        var network = NetworkBuilder(name, seed: seed)
        try build(&network, widths)
        return try network.finish()
    }
}
