/// One runtime that can be measured.
struct Contestant: Sendable {
    var name: String
    var work: Set<Task.Work>
    /// The program, which takes `--threads N` and then tasks on standard input.
    var command: [String]

    static let ours = "winnow"
    static let oursInBFloat16 = "winnow bfloat16"

    /// Ours first; the peers are Python programs beside the package.
    static func all(program: String, winnow: String, python: String, peers: String) -> [Contestant] {
        let serve = [program, "serve", "--winnow", winnow]
        return [
            Contestant(name: ours, work: [.inference, .training, .quantization], command: serve),
            Contestant(name: oursInBFloat16, work: [.training], command: serve + ["--bfloat16"]),
            Contestant(name: "onnxruntime", work: [.inference, .quantization], command: [python, "\(peers)/onnxruntime_worker.py"]),
            Contestant(name: "openvino", work: [.inference], command: [python, "\(peers)/openvino_worker.py"]),
            Contestant(name: "torch", work: [.training], command: [python, "\(peers)/torch_worker.py"]),
            Contestant(name: "torch compiled", work: [.training], command: [python, "\(peers)/torch_worker.py", "--compile"]),
        ]
    }

    var isOurs: Bool { name.hasPrefix(Self.ours) }
}
