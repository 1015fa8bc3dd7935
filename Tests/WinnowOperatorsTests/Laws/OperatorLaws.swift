import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// What must hold for every operator of the catalogue, tried on all samples.
@Suite struct OperatorLaws {
    static let samples = OperatorSamples.all

    @Test(arguments: samples) func lessKnowledgeNeverContradicts(_ sample: OperatorSample) throws {
        let exact = try sample.op.outputs(for: sample.infos(constants: Set(sample.inputs.indices)))
        let replacements: [(Int) -> Extent] = [{ .fixed($0) }, { .symbol("E\($0)") }, { _ in .unknown }]
        for replacement in replacements {
            let infos = sample.infos().map { info -> ValueInfo? in
                guard var info, info.constant == nil else { return info }
                info.type.extents = info.shape.map { $0.map { $0 == 1 ? .fixed(1) : replacement($0) } }
                return info
            }
            let results = try sample.op.outputs(for: infos)
            for (result, expected) in zip(results, exact).prefix(sample.outputCount) {
                #expect(result.type.accepts(expected.type), "\(result.type) for \(expected.type)")
                #expect(result.rank == expected.rank || expected.rank == nil, "the rank is lost: \(infos.map { $0?.type })")
                for case (.symbol(let name), .fixed(let value)) in zip(result.extents ?? [], expected.extents ?? []) {
                    let factors = name.split(separator: "*").map { Int($0.drop { $0 == "E" }) }
                    #expect(factors.contains(nil) || factors.compactMap { $0 }.reduce(1, *) == value, "\(name)")
                }
            }
        }
    }

    @Test(arguments: samples) func attributesRoundTrip(_ sample: OperatorSample) throws {
        let written = sample.op.attributes
        let read = try type(of: sample.op).init(attributes: written, version: sample.version)
        #expect(read.attributes.names == written.names)
        for name in written.names { #expect(read.attributes[name]?.description == written[name]?.description) }
        #expect(sample.op.minimumVersion <= sample.version)
        let infos = sample.infos(constants: Set(sample.inputs.indices))
        #expect(try read.outputs(for: infos).map(\.type) == sample.op.outputs(for: infos).map(\.type))
    }

    @Test(arguments: samples) func kernelAgreesWithPlainLoop(_ sample: OperatorSample) throws {
        let actual = try sample.run()
        let inferred = try sample.op.outputs(for: sample.infos(constants: Set(sample.inputs.indices)))
        for (output, info) in zip(actual, inferred) where info.type.isTensor {
            #expect(info.type.accepts(ValueType(output.elementType, output.shape)))
            #expect(info.shape != nil || sample.op is any InterpretedOperator)
        }
        guard let reference = sample.reference else { return }
        let expected = reference(sample.inputs.compactMap { $0 })
        for (output, wanted) in zip(actual, expected) { expectClose(output, wanted, sample) }
    }

    @Test(arguments: samples) func constantsChangeNothing(_ sample: OperatorSample) throws {
        let expected = try sample.run()
        let constants = Set(sample.inputs.indices.dropFirst()).union(sample.constants)
        let actual = try sample.run(constants: constants)
        for (output, wanted) in zip(actual, expected) { expectClose(output, wanted, sample) }
        let folded = try sample.op.outputs(for: sample.infos(constants: Set(sample.inputs.indices)))
        for (info, wanted) in zip(folded, expected) where info.constant != nil {
            if let constant = info.constant { expectClose(constant, wanted, sample) }
        }
    }

    @Test(arguments: samples) func loweringChangesNothing(_ sample: OperatorSample) throws {
        let expected = try sample.run()
        let constants = Set(sample.inputs.indices.dropFirst()).union(sample.constants)
        let actual = try sample.run(constants: constants, lowers: true)
        for (output, wanted) in zip(actual, expected) { expectClose(output, wanted, sample) }
    }

    /// An output that nobody reads may be left out, also in front of others.
    @Test(arguments: samples.filter { $0.outputCount > 1 && $0.lists.isEmpty }) func outputsMayBeLeftOut(_ sample: OperatorSample) throws {
        let graph = try sample.graph()
        guard let node = graph.nodes.first(where: { $0.name == "sampled" }), graph.nodes.count == 1 else { return }
        let inputs = Dictionary(
            sample.inputs.enumerated().compactMap { index, tensor in tensor.map { (sample.inputName(index), $0) } },
            uniquingKeysWith: { first, _ in first }
        ).filter { graph.inputNames.contains($0.key) }
        let expected = try Session(graph).run(inputs)
        for left in node.outputs.indices where !node.outputs[left].isEmpty {
            var changed = node
            changed.outputs[left] = ""
            var edit = GraphEdit(replacing: [node.name], with: [changed])
            edit.outputs = graph.outputs.filter { $0 != node.outputs[left] }
            guard edit.outputs?.isEmpty == false else { continue }
            for lowers in [false, true] {
                let results = try Session(graph.applying(edit), options: SessionOptions(lowers: lowers)).run(inputs)
                for (name, tensor) in results { if let wanted = expected[name] { expectClose(tensor, wanted, sample) } }
            }
        }
    }

    @Test(arguments: samples) func everyLayoutGivesTheSame(_ sample: OperatorSample) throws {
        guard [.shared, .reordering].contains(sample.op.layouts(for: sample.infos())) else { return }
        guard sample.inputs.allSatisfy({ ($0?.elementType.bitWidth ?? 8) >= 8 }) else { return }
        let expected = try sample.runKernel(layout: .rowMajor)
        let actual = try sample.runKernel(layout: .channelsLast)
        for (output, wanted) in zip(actual, expected) { expectClose(output, wanted, sample) }
    }

    @Test(arguments: samples) func gradientAgreesWithDifferences(_ sample: OperatorSample) throws {
        guard !sample.differentiated.isEmpty else { return }
        let output = try sample.run()[sample.gradientOutput]
        let target = Tensor.sample(output.shape, in: -1...1, seed: 77)
        let gradients = try #require(try sample.gradients(target: target), "\(sample.op.type) has no gradient")
        for (index, gradient) in zip(sample.differentiated, gradients) {
            let expected = try sample.finiteDifferences(index, target: target)
            let actual = gradient?.doubles() ?? [Double](repeating: 0, count: sample.inputs[index]?.elementCount ?? 0)
            #expect(gradient == nil || gradient?.shape == sample.inputs[index]?.shape)
            let scale = max(1, expected.map(\.magnitude).max() ?? 0)
            for (element, slope) in expected.enumerated() {
                #expect((actual[element] - slope).magnitude / scale < 2e-3, "input \(index), element \(element)")
            }
        }
    }

    @Test(arguments: samples) func axisMapIsHonest(_ sample: OperatorSample) throws {
        let map = sample.op.axes(for: sample.infos())
        guard !map.isOpaque else { return }
        try #require(map.inputs.count >= sample.inputs.count && map.outputs.count >= sample.outputCount, "\(map) is too short")
        let expected = try sample.run()
        let extents = try #require(
            map.solve(inputs: sample.inputs.map { $0?.shape.extents }, outputs: expected.map { $0.shape.extents }),
            "\(map) contradicts the shapes")
        let known = Set(zip(map.inputs, sample.inputs).filter { $1 != nil }.flatMap { $0.0.flatMap(\.labels) })
        let all = (map.inputs + map.outputs).flatMap { $0.flatMap(\.labels) }
        // A label that occurs once is tied to nothing: the taps of a filter. Of what is pinned nothing is promised.
        for label in known.sorted() where all.count(where: { $0 == label }) > 1 && !map.pinned.contains(label) {
            guard let extent = extents[label], extent > 1 else { continue }
            let order = (0..<extent).map { ($0 + 1) % extent }
            let inputs = zip(sample.inputs, map.inputs).map { tensor, terms in
                tensor.map { map.reordered($0, terms, label: label, by: order, extents: extents) }
            }
            let actual = try sample.with(inputs).run()
            for (index, (output, old)) in zip(actual, expected).enumerated()
            where old.rank == 0 || map.outputs[index].contains(where: { $0 != .opaque }) {
                let wanted = map.reordered(old, map.outputs[index], label: label, by: order, extents: extents)
                expectClose(output, wanted, sample, "label \(label) of \(map)")
            }
        }
    }

    /// Without one index of a label in every input the results are without it, and otherwise the same. What is summed over may
    /// lose indices at which one input is 0, as the largest of what is not negative may; what sees itself, where the outputs are 0;
    /// statistics are then those of the rest.
    @Test(arguments: samples) func axisMapIsHonestUnderRemoval(_ sample: OperatorSample) throws {
        let map = sample.op.axes(for: sample.infos())
        guard !map.isOpaque else { return }
        let outputs = try sample.run()
        let extents = try #require(
            map.solve(inputs: sample.inputs.map { $0?.shape.extents }, outputs: outputs.map { $0.shape.extents }),
            "\(map) contradicts the shapes")
        for label in map.inputLabels.subtracting(map.pinned).sorted() {
            let sample = map.largest.contains(label) ? sample.with(sample.inputs.map { $0.map(magnitudes) }) : sample
            guard let extent = extents[label], extent > 1, let smaller = sample.removing(label, at: extent / 2, map, extents)
            else { continue }
            let isSummed = map.summedLabels.contains(label)
            let bearers = map.inputs.indices.filter { map.inputs[$0].contains { $0.labels.contains(label) } }
            let actual = try smaller.run()
            let kept = (0..<extent).filter { $0 != extent / 2 }
            if map.population.contains(label) {
                for (index, output) in actual.enumerated() {
                    #expect(output.shape == map.reordered(outputs[index], map.outputs[index], label: label, by: kept, extents: extents).shape)
                }
                continue
            }
            let zeroed = map.summed.contains(label)
                ? [bearers] + bearers.map { [$0] } : isSummed ? bearers.map { [$0] } : [[]]
            for bearer in zeroed {
                let zeros = Zeros(at: Set(bearer), of: Set(bearers), inputs: sample.infos())
                guard !map.summed.contains(label) || sample.op.effect(of: zeros) == .zero else { continue }
                let whole = bearer.reduce(sample) { $0.zeroing(label, at: extent / 2, in: $1, map, extents) }
                for (index, (output, old)) in zip(actual, try whole.run()).enumerated() {
                    let terms = map.outputs[index]
                    if let counted = map.outputCounts[index] {
                        let new = extents.merging([label: extent - 1]) { $1 }
                        #expect(output == map.recounted(old, counted, from: extents, to: new))
                    } else if old.rank == 0 || terms.contains(where: { $0 != .opaque }) {
                        let wanted = map.reordered(old, terms, label: label, by: kept, extents: extents)
                        expectClose(output, wanted, sample, "label \(label) of \(map)")
                    }
                }
            }
        }
    }

    /// Without an index of the axis that is selected from, and with the others counted anew, the results are without the places that have it.
    @Test(arguments: samples) func selectionsAreHonest(_ sample: OperatorSample) throws {
        let constants = sample.constants.union(sample.inputs.indices.dropFirst())
        guard let selection = sample.op.axes(for: sample.infos(constants: constants)).selection, let data = sample.inputs[0] else { return }
        let expected = try sample.run()[0]
        #expect(expected == data.selecting(selection.indices, axis: selection.target))
        guard let position = selection.list, let list = sample.inputs[position] else { return }
        for index in 0..<data.shape[selection.source] {
            let places = (0..<data.shape[selection.source]).map { $0 == index }
            let kept = selection.kept(removing: places)
            guard !kept.isEmpty else { continue }
            var inputs = sample.inputs
            inputs[0] = data.selecting(places.indices.filter { $0 != index }, axis: selection.source)
            inputs[position] = selection.list(list, removing: places)
            #expect(try sample.with(inputs).run()[0] == expected.selecting(kept, axis: selection.target), "\(index)")
        }
    }

    private func magnitudes(_ tensor: Tensor) -> Tensor {
        tensor.elementType.isFloatingPoint ? Tensor(tensor.doubles().map(\.magnitude), shape: tensor.shape, as: tensor.elementType) : tensor
    }

    /// What an operator says it makes of zeros, it makes.
    @Test(arguments: samples) func zerosHaveTheEffectTheyAreSaidToHave(_ sample: OperatorSample) throws {
        let map = sample.op.axes(for: sample.infos())
        guard !map.isOpaque else { return }
        let outputs = try sample.run()
        let extents = try #require(
            map.solve(inputs: sample.inputs.map { $0?.shape.extents }, outputs: outputs.map { $0.shape.extents }))
        for label in map.inputLabels.intersection(map.outputLabels).subtracting(map.pinned).sorted() {
            guard let extent = extents[label], extent > 1 else { continue }
            let bearers = map.inputs.indices.filter { map.inputs[$0].contains { $0.labels.contains(label) } }
            for zeroed in [bearers] + bearers.map({ [$0] }) {
                // Codes of 0 stand for other numbers; whether they do is not seen here.
                guard zeroed.allSatisfy({ sample.inputs[$0]?.elementType.isFloatingPoint ?? false }) else { continue }
                let zeros = Zeros(at: Set(zeroed), of: Set(bearers), inputs: sample.infos())
                let effect = sample.op.effect(of: zeros)
                guard effect != .number else { continue }
                let changed = zeroed.reduce(sample) { $0.zeroing(label, at: 0, in: $1, map, extents) }
                for (index, output) in try changed.run().enumerated() where output.elementType.isFloatingPoint {
                    let cleared = map.zeroed(output, map.outputs[index], label: label, at: 0, extents: extents)
                    #expect(effect == .undefined || output.doubles() == cleared.doubles(), "\(zeroed) at label \(label) of \(map): \(output)")
                }
            }
        }
    }

    @Test(arguments: samples) func outputsLieWithinTheirBounds(_ sample: OperatorSample) throws {
        guard let bounds = sample.op.outputBounds else { return }
        let numbers = try #require(sample.run().first).doubles()
        #expect(numbers.allSatisfy { (Double(bounds.lowerBound)...Double(bounds.upperBound)).contains($0) }, "\(numbers)")
    }

    @Test(arguments: samples) func keptScalesAreKept(_ sample: OperatorSample) throws {
        guard sample.op.quantization == .keepsScale, let data = sample.inputs.first ?? nil, data.elementType == .float32 else {
            return
        }
        let codes = Tensor.counting(data.shape, as: .uint8)
        let scale = 0.25
        let zeroPoint = 100.0
        func real(_ codes: Tensor) -> Tensor { Tensor(codes.doubles().map { ($0 - zeroPoint) * scale }, shape: codes.shape, as: .float32) }
        var sample = sample
        sample.outputCount = 1
        let moved = try sample.with([codes] + sample.inputs.dropFirst()).run()[0]
        let expected = try sample.with([real(codes)] + sample.inputs.dropFirst()).run()[0]
        #expect(moved.elementType == .uint8)
        expectClose(real(moved), expected, sample)
    }

    @Test(arguments: samples) func whatIsAddedComesOut(_ sample: OperatorSample) throws {
        guard sample.op.passesShifts, let data = sample.inputs.first ?? nil, data.elementType == .float32 else { return }
        func shifted(_ tensor: Tensor) -> Tensor { Tensor(tensor.floats().map { $0 + 1.5 }, shape: tensor.shape) }
        var sample = sample
        sample.outputCount = 1
        expectClose(try sample.with([shifted(data)] + sample.inputs.dropFirst()).run()[0], shifted(try sample.run()[0]), sample)
    }

    private func expectClose(
        _ actual: Tensor, _ expected: Tensor, _ sample: OperatorSample, _ comment: String = "",
        location: SourceLocation = #_sourceLocation
    ) {
        let difference = relativeDifference(actual, expected)
        #expect(
            (difference ?? .infinity) <= sample.tolerance, "\(comment) \(actual) is not \(expected)", sourceLocation: location)
    }
}
