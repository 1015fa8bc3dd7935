import Foundation
import WinnowEngine
public import WinnowGraph
import WinnowTensor
import WinnowTraining

/// The layers of a model in the manner of `paddle.summary`: input and output shapes, parameters, estimated memory.
public struct LayerTable: Sendable {
    public struct Row: Sendable {
        /// Class and number: `Linear-1`.
        public var name: String
        public var inputShape: String
        public var outputShape: String
        public var parameterCount: Int
    }

    public var rows: [Row] = []
    public private(set) var totalParameterCount = 0
    private var trainableParameterCount = 0
    private var inputElementCount = 0
    private var outputElementCount = 0

    /// A row for every node that computes on data. Throws `.usage` naming an input that leaves more open than the batch, unless
    /// `shapes` (`image=1x3x224x224`) tell it.
    public init(_ graph: Graph, batchSize: Int = 1, shapes: [String] = []) throws {
        let graph = try graph.takingDefaults()
        let shapes = try InputShapes(parsing: shapes).completed(for: graph, batchSize: batchSize)
        inputElementCount = shapes.values.reduce(0) { $0 + $1.elementCount }
        guard let infos = try? graph.inferInfos(inputShapes: shapes) else { return }
        let (learned, index) = (Parameters(graph), GraphIndex(graph))
        let trainable = Set(graph.trainableInitializers())
        var numbers: [String: Int] = [:]
        for node in graph.nodes where !learned.constantNodes.contains(node.name) {
            let data = node.inputs.filter { !$0.isEmpty && learned.origins[$0] == nil }
            guard let output = node.output(0), let result = infos[output]?.shape, let first = data.first,
                let source = infos[first]?.shape
            else { continue }
            let entries = learned.entries(of: node)
            let count = entries.reduce(0) { $0 + $1.elementCount }
            let isMasked = entries.contains { index.producer(of: $0.operand)?.notes.isMask == true }
            let kind = (isMasked ? "Masked" : "") + Self.layerName(node.op.type.name, rank: source.rank)
            numbers[kind, default: 0] += 1
            rows.append(
                Row(
                    name: "\(kind)-\(numbers[kind] ?? 0)", inputShape: "[\(Self.list(source))]",
                    outputShape: Self.list(result), parameterCount: count))
            totalParameterCount += count
            trainableParameterCount += entries.reduce(0) { $0 + (trainable.contains($1.tensor) && !$1.isStatistic ? $1.elementCount : 0) }
            outputElementCount += result.elementCount
        }
    }

    /// The table, every line as `paddle.summary` prints it, trailing spaces included.
    public var text: String {
        let header = ["Layer (type)", "Input Shape", "Output Shape", "Param #"]
        let cells = rows.map { [$0.name, $0.inputShape, $0.outputShape, Self.grouped($0.parameterCount)] }
        let widths = [15, 20, 20, 15].enumerated().map { column, least in
            max(least, cells.map { $0[column].count }.max() ?? 0)
        }
        func line(_ cells: [String]) -> String {
            zip(cells, widths).map { Self.centred($0, $1) }.joined(separator: " ")
        }
        let width = max(75, widths.reduce(0, +) + 5)
        let thin = String(repeating: "-", count: width)
        let thick = String(repeating: "=", count: width)
        let megabytes = [
            Double(inputElementCount), 2 * Double(outputElementCount), Double(totalParameterCount),
        ].map { $0 * 4 / 1_048_576 }
        func size(_ value: Double) -> String { String(format: "%.2f", value) }
        return
            ([thin, line(header), thick] + cells.map(line) + [
                thick, "Total params: \(Self.grouped(totalParameterCount))",
                "Trainable params: \(Self.grouped(trainableParameterCount))",
                "Non-trainable params: \(Self.grouped(totalParameterCount - trainableParameterCount))", thin,
                "Input size (MB): \(size(megabytes[0]))", "Forward/backward pass size (MB): \(size(megabytes[1]))",
                "Params size (MB): \(size(megabytes[2]))",
                "Estimated Total Size (MB): \(size(megabytes.reduce(0, +)))", thin,
            ]).joined(separator: "\n")
    }

    private static func layerName(_ type: String, rank: Int) -> String {
        switch type {
        case "Gemm", "MatMul": "Linear"
        case "Conv": "Conv\(rank - 2)D"
        case "Relu": "ReLU"
        case "MaxPool": "MaxPool\(rank - 2)D"
        case "AveragePool": "AvgPool\(rank - 2)D"
        case "BatchNormalization": "BatchNorm\(rank - 2)D"
        default: type
        }
    }

    private static func list(_ shape: Shape) -> String { "[\(shape.map(String.init).joined(separator: ", "))]" }

    /// Centred as Python's `^` does it: an odd space goes to the right.
    private static func centred(_ text: String, _ width: Int) -> String {
        let space = max(0, width - text.count)
        return String(repeating: " ", count: space / 2) + text + String(repeating: " ", count: space - space / 2)
    }

    private static func grouped(_ value: Int) -> String {
        var text = String(value)
        var index = text.count - 3
        while index > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: index))
            index -= 3
        }
        return text
    }
}
