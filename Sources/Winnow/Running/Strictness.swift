public import WinnowPasses
import WinnowTensor

/// The rule of `--strict`: nothing may be skipped or fall back.
public enum Strictness {
    public static func check(_ findings: [Finding]) throws {
        let failures = findings.filter { [.skipped, .fellBack].contains($0.status) }
        guard let first = failures.first else { return }
        let others = failures.count > 1 ? ", and \(failures.count - 1) more" : ""
        throw WinnowError(
            .model, first.subject, "\(first.status.rawValue) (\(first.reason))\(others)",
            remedy: "leave --strict out to accept this")
    }
}
