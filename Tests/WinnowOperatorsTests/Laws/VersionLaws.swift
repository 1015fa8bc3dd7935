import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// What must hold for every operator in every operator set from the first that has it.
@Suite struct VersionLaws {
    static let newest = 28
    static let samples = OperatorSamples.all.filter { $0.op.type.domain == "" }

    @Test(arguments: samples) func everyOperatorSetHasAFormOfIt(_ sample: OperatorSample) throws {
        guard sample.outputCount > 0 else { return }
        let whole = try sample.graph()
        let types = try zip(whole.outputs, sample.run()).map { ($0, ValueType($1.elementType, $1.shape)) }
        let first = whole.nodes.first { $0.name == "sampled" }.map { $0.op.minimumVersion(of: $0) } ?? 1
        for version in max(first, 7)...Self.newest {
            let graph: Graph
            do { graph = try sample.graph(opset: version, declaring: types).agreeingOnVersions() } catch let error as WinnowError {
                // Batches in Scan have no newer form.
                #expect(sample.op is Scan, "\(error)")
                return
            }
            #expect(graph.nodes.allSatisfy { $0.op.maximumVersion >= version }, "operator set \(version)")
            if sample.lists.isEmpty, sample.outputsAreTensors {
                // Upsample becomes the Resize of the operator set after its end.
                let extra = sample.op is Upsample ? 2 : 0
                #expect((version...(version + extra)).contains(graph.neededVersions[""] ?? 0), "operator set \(version) became \(graph.neededVersions)")
            }
            try WrittenModels.keep(graph, "operators", "\(version) \(sample)")
        }
    }

    @Test(arguments: OperatorSamples.all) func moreInputsThanItTakesAreRefused(_ sample: OperatorSample) throws {
        let most = type(of: sample.op).maximumInputCount
        guard most < 100 else { return }
        let infos = sample.infos()
        #expect(throws: WinnowError.self) {
            try sample.op.checkedOutputs(for: infos + [ValueInfo?](repeating: infos.first ?? nil, count: most + 1 - infos.count))
        }
    }

    @Test(arguments: OperatorSamples.all) func moreOutputsThanItHasAreRefused(_ sample: OperatorSample) throws {
        let known = type(of: sample.op)
        guard sample.op.type.domain != OperatorType.planDomain else { return }
        #expect(sample.outputCount <= known.maximumOutputCount)
        guard known.maximumOutputCount < 100 else { return }
        var attributes = sample.op.attributes
        attributes.outputCount = known.maximumOutputCount + 1
        #expect(throws: WinnowError.self) {
            try OperatorCatalogue.registry.makeOperator(sample.op.type, attributes: attributes, version: sample.version)
        }
    }

    /// Operators of files say how many inputs they take, or take any number.
    @Test func operatorsOfFilesAreFinite() {
        let open = OperatorCatalogue.all.filter { $0.type.domain != OperatorType.planDomain && $0.maximumInputCount == .max }
        #expect(open.map { $0.type.name }.sorted() == [
            "Adagrad", "Adam", "Concat", "Einsum", "Loop", "Max", "Mean", "Min", "Momentum", "QLinearConcat", "Scan",
            "SequenceConstruct", "SequenceMap", "Sum",
        ])
    }
}

extension OperatorSample {
    fileprivate func graph(opset: Int, declaring types: [(ValueName, ValueType)]) throws -> Graph {
        let (builder, node) = try build()
        var metadata = GraphMetadata()
        metadata.opsets = ["": opset]
        metadata.outputTypes = Dictionary(types, uniquingKeysWith: { first, _ in first })
        return try builder.graph(outputs: node.outputs, metadata: metadata)
    }

    fileprivate var outputsAreTensors: Bool {
        ((try? op.outputs(for: infos())) ?? []).allSatisfy(\.type.isTensor)
    }
}
