import WinnowTensor

/// One of several ways to compute a node, and how long it is thought to take.
package struct KernelCandidate {
    /// For users, as plans print it.
    package var name: String
    /// Nanoseconds on one core, by a model with measured constants.
    package var cost: Double
    private let make: () throws -> Kernel?

    /// - Parameter make: gives nil where a closer look says that the way does not suit.
    package init(_ name: String, cost: Double, make: @escaping () throws -> Kernel?) {
        self.name = name
        self.cost = cost
        self.make = make
    }

    fileprivate func kernel() throws -> Kernel? {
        var kernel = try make()
        kernel?.name = name
        return kernel
    }
}

extension KernelRequest {
    /// The kernel of the candidate that suits and is thought to take least time, the first of equals; the first of all where arithmetic is
    /// exact. Others must be thought to take at least a tenth less than the first.
    package func kernel(of first: KernelCandidate, or others: [KernelCandidate]) throws -> Kernel {
        let faster = arithmetic == .exact ? [] : others.filter { $0.cost < 0.9 * first.cost }.sorted { $0.cost < $1.cost }
        for candidate in faster + [first] {
            if let kernel = try candidate.kernel() { return kernel }
        }
        throw WinnowError(.unsupported, nodeName, "no way to compute it suits")
    }
}
