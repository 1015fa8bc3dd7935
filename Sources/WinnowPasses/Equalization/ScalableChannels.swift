import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Channels that one node makes and layers multiply with their weights, with nothing in between but what positive factors of
/// channels pass: divided where they are made, and the weights multiplied, the model computes the same.
struct ScalableChannels {
    /// What makes them.
    enum Source {
        case layer(Contraction)
        /// A normalization or a product, with the inputs that have a number for each channel.
        case gain([Int])
    }

    struct Reader {
        let contraction: Contraction
        /// Indices of the layer's inputs that are one channel, neighbours.
        let width: Int
    }

    /// A node in between that has constants of its own in units of the channels.
    struct Term {
        enum Kind {
            /// It adds what its input of this number has.
            case addition(input: Int)
            case clip(ClosedRange<Double>)
        }
        let node: Node
        let kind: Kind
        /// Of the value, counted from the end.
        let axis: Int
        let width: Int
    }

    let node: Node
    let source: Source
    let count: Int
    /// Of the node's output, counted from the end.
    let axis: Int
    private(set) var readers: [Reader] = []
    private(set) var terms: [Term] = []

    /// The tensors that change, each the weight of a layer.
    var weights: [ValueName] {
        let own: [ValueName] = if case .layer(let contraction) = source { [contraction.site.tensor] } else { [] }
        return own + readers.map(\.contraction.site.tensor)
    }

    struct Refusal: Error {
        let reason: String
    }
}

extension ScalableChannels {
    /// All of a graph, in topological order, and why others are none, by the node that makes them.
    ///
    /// - Parameter replacesClips: whether Clip may become Max and Min with bounds for each channel.
    static func all(in graph: Graph, replacesClips: Bool) -> (found: [ScalableChannels], refused: [(node: Node, reason: String)]) {
        let index = GraphIndex(graph)
        let layers = Dictionary(grouping: graph.weightSites, by: \.node.name)
        var (found, refused): ([ScalableChannels], [(Node, String)]) = ([], [])
        for node in graph.nodes {
            guard let (source, axis) = source(node, layers[node.name] ?? [], in: index), let value = node.output(0),
                let extents = index.info(of: value)?.extents, index.info(of: value)?.elementType == .float32,
                extents.indices.contains(extents.count + axis), let count = extents[extents.count + axis].value
            else { continue }
            if case .layer = source, !index.isChannelBias(node.input(2), count: count) { continue }
            var channels = ScalableChannels(node: node, source: source, count: count, axis: axis)
            do throws(Refusal) {
                try channels.follow(value, axis: extents.count + axis, width: 1, layers, in: index, replacesClips: replacesClips)
                try channels.checkOwners(in: index)
                if !channels.readers.isEmpty { found.append(channels) }
            } catch {
                refused.append((node, error.reason))
            }
        }
        return (found, refused)
    }

    /// What of a node makes channels; nil where nothing does.
    private static func source(_ node: Node, _ sites: [WeightSite], in index: GraphIndex) -> (Source, axis: Int)? {
        if sites.count == 1, let contraction = Contraction(sites[0], in: index.graph) {
            return sites[0].isQuantized ? nil : (.layer(contraction), contraction.resultAxis)
        }
        if let gain = (node.op as? any ChannelGain)?.gain(of: node, in: index) {
            let inputs = gain.inputs.filter { node.input($0) != nil }
            let vectors = inputs.compactMap { index.constant(node.input($0)) }.filter { $0.rank == 1 && $0.elementType == .float32 }
            return !inputs.isEmpty && vectors.count == inputs.count ? (.gain(inputs), gain.axis) : nil
        }
        // A product with a constant along the last axis, or along that of channels: as normalizations are spelled.
        guard node.op is Mul,
            let place = [0, 1].first(where: { index.constant(node.input($0)).map { $0.elementCount > 1 } ?? false }),
            let factors = index.constant(node.input(place)), factors.elementType == .float32,
            let axis = factors.shape.indices.first(where: { factors.shape[$0] == factors.elementCount })
        else { return nil }
        return (.gain([place]), axis - factors.rank)
    }

    /// A value that has the channels, and a node that reads it.
    private struct Reading {
        var node: Node
        var value: ValueName
        var rank: Int
        var axis: Int
        var width: Int
    }

    /// The nodes that read a value with the channels, last first.
    private static func readings(of value: ValueName, axis: Int, width: Int, in index: GraphIndex) throws(Refusal) -> [Reading] {
        guard !index.isOutput(value) else { throw Refusal(reason: "\(value) is an output of the model, or read by a body") }
        guard let rank = index.info(of: value)?.rank else { throw Refusal(reason: "the rank of \(value) is not known") }
        return index.consumers(of: value).reversed().map { Reading(node: $0, value: value, rank: rank, axis: axis, width: width) }
    }

    private mutating func follow(
        _ value: ValueName, axis: Int, width: Int, _ layers: [String: [WeightSite]], in index: GraphIndex, replacesClips: Bool
    ) throws(Refusal) {
        var waiting = try Self.readings(of: value, axis: axis, width: width, in: index)
        while let reading = waiting.popLast() {
            let (node, value, rank, axis, width) = (reading.node, reading.value, reading.rank, reading.axis, reading.width)
            let refusal = Refusal(reason: "\(node.name) (\(node.op.type)) passes no factors of channels on")
            guard node.inputs.count(where: { $0 == value }) == 1 else { throw refusal }
            if let site = layers[node.name]?.first, layers[node.name]?.count == 1,
                let contraction = Contraction(site, in: index.graph), contraction.data == value, rank + contraction.dataAxis == axis
            {
                guard !site.isQuantized else { throw Refusal(reason: "the weight of \(node.name) is stored as codes already") }
                readers.append(Reader(contraction: contraction, width: width))
                continue
            }
            if let kind = try term(node, value, axis, in: index, replacesClips: replacesClips) {
                if let kind { terms.append(Term(node: node, kind: kind, axis: axis - rank, width: width)) }
                guard let output = node.output(0) else { throw refusal }
                waiting += try Self.readings(of: output, axis: axis, width: width, in: index)
                continue
            }
            guard node.op.passesFactors, node.input(0) == value, node.outputs.count(where: { !$0.isEmpty }) == 1,
                let output = node.output(0), let (place, width) = place(of: axis, width, through: node, in: index)
            else { throw refusal }
            waiting += try Self.readings(of: output, axis: place, width: width, in: index)
        }
    }

    /// Constants of a node in units of the channels; .some(nil) where it has none and passes factors all the same.
    private func term(
        _ node: Node, _ value: ValueName, _ axis: Int, in index: GraphIndex, replacesClips: Bool
    ) throws(Refusal) -> Term.Kind?? {
        if let clip = node.op as? Clip, case .clip(let low, let high)? = clip.activation(of: node, in: index) {
            if low == 0, high == .greatestFiniteMagnitude { return .some(nil) }
            guard replacesClips, low <= 0, high >= 0 else {
                throw Refusal(reason: "\(node.name) (Clip) has bounds for all channels: clips=per-channel gives each its own")
            }
            return .clip(Double(low)...Double(high))
        }
        guard !(node.op is BatchNormalization),
            let affine = (node.op as? any ChannelAffine)?.affine(of: node, on: value, axis: axis, in: index)
        else { return nil }
        guard affine.shift.contains(where: { $0 != 0 }) else { return .some(nil) }
        guard let input = node.inputs.firstIndex(where: { $0 != value }) else { return nil }
        return .addition(input: input)
    }

    /// Where the channels of an axis of a node's first input are in its output.
    private func place(of axis: Int, _ width: Int, through node: Node, in index: GraphIndex) -> (axis: Int, width: Int)? {
        let infos = node.inputs.map { $0.isEmpty ? nil : index.info(of: $0) }
        let map = node.op.axes(for: infos)
        guard !map.isOpaque, let terms = map.inputs.first?.aligned(toRank: infos.first??.rank ?? 0),
            let output = node.output(0), let rank = index.info(of: output)?.rank,
            let results = map.outputs.first?.aligned(toRank: rank), terms[axis].isProduct ?? true, let label = terms[axis].labels.first
        else { return nil }
        let extents = map.solve(
            inputs: infos.map { $0?.extents?.map(\.value) },
            outputs: node.outputs.map { index.info(of: $0)?.extents?.map(\.value) })
        let inner = terms[axis].labels
        guard let place = results.firstIndex(where: { $0.isProduct ?? true && Array($0.labels.prefix(inner.count)) == inner }),
            results.count(where: { $0.labels.contains(label) }) == 1
        else { return nil }
        let behind = results[place].labels.dropFirst(inner.count).map { extents?[$0] }
        guard !behind.contains(nil) else { return nil }
        return (place, behind.reduce(width) { $0 * ($1 ?? 1) })
    }

    /// Weights that others read too cannot change.
    private func checkOwners(in index: GraphIndex) throws(Refusal) {
        let own = if case .layer(let contraction) = source { [contraction.site] } else { [WeightSite]() }
        for site in own + readers.map(\.contraction.site) {
            guard !index.owns(site) else { continue }
            throw Refusal(reason: "\(site.tensor) is read by others too")
        }
        guard Set(weights).count == weights.count else { throw Refusal(reason: "one weight is read by several of its layers") }
        for weight in weights {
            guard let type = index.graph.initializers[weight]?.elementType, type != .float32 else { continue }
            throw Refusal(reason: "\(weight) is stored as \(type), which would round the factors")
        }
    }
}

extension GraphIndex {
    /// Whether a layer's third input is missing, or one constant for all channels or for each.
    fileprivate func isChannelBias(_ value: ValueName?, count: Int) -> Bool {
        guard let value else { return true }
        guard let bias = constant(value), bias.elementType == .float32 else { return false }
        return bias.elementCount == 1 || bias.elementCount == count && bias.shape.last == count
    }
}

extension [ScalableChannels] {
    /// Each reader with the nearest of what its channels could be divided in.
    var nearest: [ScalableChannels] {
        var seen: Set<String> = []
        var result: [ScalableChannels] = []
        for channels in reversed() {
            let readers = channels.readers.map(\.contraction.site.node.name)
            guard seen.isDisjoint(with: readers) else { continue }
            seen.formUnion(readers)
            result.append(channels)
        }
        return result.reversed()
    }
}
