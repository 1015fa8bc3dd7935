import WinnowGraph
import WinnowTensor

/// Which of some schemes each weight gets when all may take so many bytes.
///
/// A step from one scheme to the next takes bytes and gives back error, ‖ŵ − w‖² / ‖w‖² of each weight. Steps are taken by error for
/// bytes, the largest first, as long as the bytes last: bit allocation by Lagrange multipliers (Shoham and Gersho, 1988).
struct SchemeLadder {
    typealias Named = (name: String, scheme: QuantizationScheme?)

    /// What schemes cost weights, found once for each content.
    final class Costs {
        fileprivate var known: [[String]: (byteCount: Int, error: Double)] = [:]
    }

    fileprivate struct Rung {
        var named: Named
        var byteCount: Int
        var error: Double
    }

    private struct Step {
        var target: ValueName
        var rung: Int
        var byteCount: Int
        var slope: Double
    }

    /// By weight, of rising size and falling error; each step up gives less for its bytes than the one before.
    private let rungs: [ValueName: [Rung]]
    private let steps: [Step]
    /// Of all weights as they are, and with the first scheme of each.
    let (byteCount, leastByteCount): (Int, Int)

    /// - Parameters:
    ///   - costs: keeps what is found for the next ladder of the same weights.
    ///   - schemes: of a weight; nil for float.
    init(for targets: [WeightTarget], _ costs: Costs = Costs(), _ schemes: (WeightTarget) -> [Named]) {
        let ladders = targets.map { target in (target.tensor, Self.hull(of: costs.rungs(of: target, schemes(target)))) }
        rungs = Dictionary(ladders, uniquingKeysWith: { first, _ in first })
        let all = ladders.flatMap { target, rungs in
            zip(rungs, rungs.dropFirst()).enumerated().map { place, pair in
                let byteCount = pair.1.byteCount - pair.0.byteCount
                return Step(
                    target: target, rung: place + 1, byteCount: byteCount, slope: (pair.0.error - pair.1.error) / Double(byteCount))
            }
        }
        steps = all.enumerated().sorted { ($0.element.slope, $1.offset) > ($1.element.slope, $0.offset) }.map(\.element)
        byteCount = targets.reduce(0) { $0 + $1.stored.byteCount }
        leastByteCount = ladders.reduce(0) { $0 + ($1.1.first?.byteCount ?? 0) }
    }

    /// The scheme of each weight where all take at most `limit` bytes, or as few as can be.
    func choices(within limit: Int) -> [ValueName: Named] {
        var (used, places, full) = (leastByteCount, [ValueName: Int](), Set<ValueName>())
        for step in steps where !full.contains(step.target) {
            guard used + step.byteCount <= limit else { full.insert(step.target); continue }
            used += step.byteCount
            places[step.target] = step.rung
        }
        return Dictionary(
            rungs.map { ($0.key, $0.value[places[$0.key] ?? 0].named) }, uniquingKeysWith: { first, _ in first })
    }

    /// Those on the lower convex hull of error over bytes.
    private static func hull(of rungs: [Rung]) -> [Rung] {
        var result: [Rung] = []
        for rung in rungs.sorted(by: { ($0.byteCount, $0.error) < ($1.byteCount, $1.error) }) {
            if let last = result.last, rung.error >= last.error { continue }
            while result.count >= 2, isAbove(result[result.count - 1], between: result[result.count - 2], and: rung) { result.removeLast() }
            result.append(rung)
        }
        return result
    }

    private static func isAbove(_ middle: Rung, between first: Rung, and last: Rung) -> Bool {
        let (run, fall) = (Double(last.byteCount - first.byteCount), first.error - last.error)
        return (first.error - middle.error) * run <= fall * Double(middle.byteCount - first.byteCount)
    }
}

extension SchemeLadder.Costs {
    /// What a weight costs with each of some schemes.
    fileprivate func rungs(of target: WeightTarget, _ schemes: [SchemeLadder.Named]) -> [SchemeLadder.Rung] {
        var hash = ContentHash()
        hash.add(target.stored)
        let contents = "\(hash.text) \(target.channelAxis ?? -1) \(target.inputAxis ?? -1)"
        return schemes.map { named in
            let cost = known[[contents, named.name]] ?? Self.cost(of: target, named.scheme)
            known[[contents, named.name]] = cost
            return SchemeLadder.Rung(named: named, byteCount: cost.byteCount, error: cost.error)
        }
    }

    private static func cost(of target: WeightTarget, _ scheme: QuantizationScheme?) -> (byteCount: Int, error: Double) {
        guard let scheme else { return (target.stored.byteCount, 0) }
        let values = target.values
        let (byteCount, error): (Int, Double)
        if scheme.isInteger {
            let (parameters, _) = scheme.parameters(for: values, channelAxis: target.channelAxis, inputAxis: target.inputAxis)
            byteCount = parameters.byteCount(for: values.shape)
            error = values.relativeError { parameters.roundTrip(values, in: $0).map(Double.init) }
        } else {
            let (encoded, _) = scheme.encoded(values, channelAxis: target.channelAxis, inputAxis: target.inputAxis)
            byteCount = encoded.byteCount
            error = values.relativeError { encoded.numbers(in: $0) }
        }
        return (min(byteCount, target.stored.byteCount), error * error)
    }
}
