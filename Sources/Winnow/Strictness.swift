public import WinnowPasses
import WinnowTensor

/// The rule of `--strict`: nothing may be skipped or fall back.
public enum Strictness {
    public static func check(_ findings: [Finding]) throws {
        guard let first = findings.first(where: { $0.status != .done }) else { return }
        let count = findings.count { $0.status != .done }
        throw WinnowError(
            .model, first.subject, "\(first.status.rawValue) (\(first.reason)), and \(count - 1) more",
            remedy: "leave --strict out to accept this")
    }
}
