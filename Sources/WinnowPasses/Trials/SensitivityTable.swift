public import Foundation
import WinnowTensor

/// The curves of a model's parts by name, as a file: `{"conv1.weight": {"0.1": 0.02, "0.2": 0.05}}`, the form of PaddleSlim's
/// `sensitivity`.
public struct SensitivityTable: Hashable, Sendable {
    /// By the names of parts: weights, nodes or groups.
    public var curves: [String: SensitivityCurve]

    public init(_ curves: [String: SensitivityCurve] = [:]) { self.curves = curves }

    /// Reads a file. Throws `.file` where that is impossible, `.data` where it holds something else.
    public init(reading path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw WinnowError(.file, path, "cannot be read", remedy: "write it with `winnow sensitivity -o`")
        }
        do { self = try JSONDecoder.exact.decode(Self.self, from: bytes) } catch {
            throw WinnowError(
                .data, path, "is no table of names, each with strengths and losses",
                remedy: "write it with `winnow sensitivity -o`")
        }
    }

    /// The file's contents, keys sorted.
    public func json() throws -> Data {
        try JSONEncoder.exact([.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]).encode(self)
    }

    /// For each name the largest ratio that loses at most `bound`; names that lose more at every ratio are left out.
    public func ratios(losing bound: Double) -> [String: Double] { curves.compactMapValues { $0.strength(losing: bound) } }

    /// The ratios of the loss bound in (0, 1), found by bisection, with which `removed` comes to `fraction`. It stops once what is removed,
    /// rounded to four digits, has been seen before (PaddleSlim's `get_ratios_by_sensitivity`).
    ///
    /// - Parameters:
    ///   - fraction: of the model's cost, 0 to 1.
    ///   - multiple: what is left of each extent is a multiple of it, at least one.
    ///   - extents: how many channels each name has.
    ///   - removed: the part of the model's cost that is gone with these ratios.
    public func ratios(
        removing fraction: Double, multiple: Int? = nil, of extents: [String: Int] = [:],
        _ removed: ([String: Double]) throws -> Double
    ) rethrows -> (ratios: [String: Double], removed: Double) {
        var (low, high, seen) = (0.0, 1.0, Set<Double>())
        while true {
            let bound = (low + high) / 2
            var ratios = ratios(losing: bound)
            if let multiple { ratios = Self.rounded(ratios, multiple, extents) }
            let gone = try removed(ratios)
            let isKnown = !seen.insert((gone * 10_000).rounded(.toNearestOrEven)).inserted
            if isKnown || gone == fraction || low >= high { return (ratios, gone) }
            if gone < fraction { low = bound } else { high = bound }
        }
    }

    /// Ratios that leave multiples: round((1 − r)·n / multiple) · multiple, halves to even, at least one multiple, at most all.
    private static func rounded(_ ratios: [String: Double], _ multiple: Int, _ extents: [String: Int]) -> [String: Double] {
        var result = ratios
        for (name, ratio) in ratios {
            guard let extent = extents[name] else { continue }
            let left = max(multiple, Int(saturating: ((1 - ratio) * Double(extent) / Double(multiple)).rounded(.toNearestOrEven)) *| multiple)
            result[name] = max(0, Double(extent -| left) / Double(extent))
        }
        return result
    }

    /// What the most sensitive of these names loses at a strength, made never falling; infinite where that was not measured.
    func loss(_ strength: Double, of names: [String]) -> Double {
        names.compactMap { curves[$0]?.bound(reaching: strength) }.max() ?? .infinity
    }
}

extension SensitivityTable: Codable {
    public init(from decoder: any Decoder) throws {
        let values = try [String: [String: Double]](from: decoder)
        self.init(
            try values.mapValues { losses in
                SensitivityCurve(
                    try losses.map { text, loss in
                        guard let strength = Double(text), strength.isFinite else {
                            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: text))
                        }
                        return .init(strength: strength, loss: loss)
                    })
            })
    }

    public func encode(to encoder: any Encoder) throws {
        try curves.mapValues { curve in
            Dictionary(curve.points.map { ($0.strength.shortText, $0.loss) }, uniquingKeysWith: { first, _ in first })
        }.encode(to: encoder)
    }
}
