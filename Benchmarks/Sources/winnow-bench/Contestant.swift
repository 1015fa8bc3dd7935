import Winnow

/// One runtime that can be measured.
struct Contestant: Sendable {
    var name: String
    var work: Set<ModelTimer.Work>
    /// The program, which takes `--threads N` and then tasks on standard input.
    var command: [String]

    /// Ours first; the peers are Python programs beside the package.
    static func all(program: String, python: String, peers: String) -> [Contestant] {
        [
            Contestant(name: "winnow", work: [.inference, .training], command: [program, "work"]),
            Contestant(name: "onnxruntime", work: [.inference], command: [python, "\(peers)/onnxruntime_worker.py"]),
            Contestant(name: "openvino", work: [.inference], command: [python, "\(peers)/openvino_worker.py"]),
            Contestant(name: "torch", work: [.training], command: [python, "\(peers)/torch_worker.py"]),
        ]
    }
}
