import Foundation

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
            Contestant(name: "mnn", work: [.inference], command: [python, "\(peers)/mnn_worker.py"]),
            Contestant(name: "ncnn", work: [.inference], command: [python, "\(peers)/ncnn_worker.py"]),
            Contestant(name: "deepsparse", work: [.inference], command: [python, "\(peers)/deepsparse_worker.py"]),
            Contestant(name: "torch", work: [.training], command: [python, "\(peers)/torch_worker.py"]),
            Contestant(name: "torch compiled", work: [.training], command: [python, "\(peers)/torch_worker.py", "--compile"]),
        ]
    }

    var isOurs: Bool { name.hasPrefix(Self.ours) }

    /// Why it cannot be measured on this machine, where it cannot: not every peer can be installed everywhere.
    var reasonMissing: String? {
        guard !isOurs else { return nil }
        do { try Command(command[0], Array(command.dropFirst()) + ["--check"]).run() } catch {
            return "\(error)".trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return nil
    }
}
