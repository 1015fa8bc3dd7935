import WinnowEngine

extension Report {
    /// The model after each step, where there are several.
    var stageTable: String {
        guard let first = models.first, steps.count > 1 else { return "" }
        let stages: [(name: String, model: ModelMeasurement?, seconds: Double?)] =
            [(first.stage, first, nil)] + steps.enumerated().map { ("\($0 + 1). \($1.name)", $1.result, $1.seconds) }
        let most = Double(stages.compactMap { $0.model?.tensorByteCount }.max() ?? 0)
        let rows = stages.map { stage -> [Cell] in
            guard let model = stage.model else { return [Cell(stage.name)] + [Cell](repeating: "–", count: 6) }
            let bytes = model.tensorByteCount
            return [
                Cell(stage.name), Cell(Format.count(bytes), Double(bytes), bar: most > 0 ? Double(bytes) / most : nil),
                Cell(Format.percent(model.sparsity)), Cell(Format.count(model.parameters)),
                Cell(model.multiplyAccumulates.map(Format.count) ?? "–"), Cell(model.stageQuality ?? "–"),
                stage.seconds.map { Cell(Format.number($0, 1), $0) } ?? "–",
            ]
        }
        let header = ["stage", "bytes of constants", "sparsity", "parameters", "MACs", "on validation data", "seconds"]
        return "<h3>Stage by stage</h3>" + HTML.table("Stage by stage", header, rows)
    }
}

extension ModelMeasurement {
    fileprivate var tensorByteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

    /// What the user judges by, or agreement; else top-1.
    fileprivate var stageQuality: String? {
        validationMetrics?.first.map(\.text) ?? validationTop1.map { Format.percent($0) }
    }
}
