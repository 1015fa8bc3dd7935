package import WinnowGraph
import WinnowTensor

/// Class indices of places, such as tokens or pixels, that judge outputs with one axis more, that of the classes.
///
/// What is no class counts for nothing: numbers below 0, and one number beyond the classes, as 255 is; but not the number of classes itself,
/// which is where counting began with 1.
package struct PlaceLabels: Sendable {
    /// Where the classes of an output lie.
    private struct Classes {
        /// Their axis where samples come first.
        let axis: Int
        /// Their axis as the output has it.
        let ownAxis: Int
        let count: Int
    }

    private let feature: Dataset.Feature
    private let outputs: [ValueName: Classes]

    /// nil where labels are one a sample, or where no output has scores of classes for each place that has a label.
    package init?(of data: Dataset, for graph: Graph) {
        guard data.count > 0, let feature = data.placeLabels, !graph.inputNames.contains(feature.name), let adapted = try? data.adapted(to: graph),
            let largest = try? Self.largest(in: feature)
        else { return nil }
        let count = adapted.fixedBatchSize(for: graph) ?? 1
        guard let infos = try? graph.inferInfos(inputShapes: adapted.batchShapes(count: count)) else { return nil }
        let (index, sampleAxes) = (GraphIndex(graph), SampleAxes(of: graph))
        var found: [ValueName: Classes] = [:]
        for output in graph.outputs {
            let samples = sampleAxes.axis(ofOutput: output) ?? 0
            guard let info = infos[output], info.elementType.isFloatingPoint, var extents = info.extents, extents.count > 2,
                extents.allSatisfy({ $0.value != nil }), samples < extents.count, extents[samples] == .fixed(count)
            else { continue }
            extents.insert(extents.remove(at: samples), at: 0)
            let fitting = extents.classAxes(forClassesOf: feature.sampleShape(at: 0))
            let told = index.classAxis(of: output, samples: samples).map { $0 < samples ? $0 + 1 : $0 }
            guard let axis = told.flatMap({ fitting.contains($0) ? $0 : nil }) ?? fitting.first, let classes = extents[axis].value, classes > 1,
                Self.areClasses(largest, of: classes)
            else { continue }
            found[output] = Classes(axis: axis, ownAxis: axis <= samples ? axis - 1 : axis, count: classes)
        }
        guard !found.isEmpty else { return nil }
        (self.feature, outputs) = (feature, found)
    }

    /// Whether a number is a class of so many: the place that has it counts.
    static func isClass(_ label: Int, of count: Int) -> Bool { (0..<count).contains(label) }

    /// The largest two numbers that there are.
    private static func largest(in feature: Dataset.Feature) throws -> [Int] {
        var largest: Set<Int> = []
        for index in 0..<feature.count {
            largest.formUnion(try labels(of: index, in: feature))
            largest = Set(largest.sorted().suffix(2))
        }
        return largest.sorted()
    }

    private static func areClasses(_ largest: [Int], of classes: Int) -> Bool {
        guard let last = largest.last, last >= classes else { return true }
        return last > classes && largest.dropLast().allSatisfy { $0 < classes }
    }

    private static func labels(of index: Int, in feature: Dataset.Feature) throws -> [Int] {
        try feature.batch(at: [index]).integers()
    }

    /// The axis of the classes of an output where samples come first; nil where it is not judged.
    package func axis(ofOutput output: ValueName) -> Int? { outputs[output]?.axis }

    /// The axis of the classes of an output, as it has it, and how many there are, of which those with a place that counts are from 0 on; nil
    /// where it is not judged.
    package func classes(ofOutput output: ValueName) -> (axis: Int, count: Int)? { outputs[output].map { ($0.ownAxis, $0.count) } }

    /// What the array is called.
    package var name: String { feature.name }

    /// What labels are taken for beside an output: `labels, int64 [6] a sample, are taken for classes of places, along axis 2 of output scores`.
    package func words(of output: ValueName) -> String {
        let place = outputs[output].map { ", along axis \($0.ownAxis) of output \(output)" } ?? ""
        return "\(name), \(feature.elementType) [\(feature.sampleShape(at: 0))] a sample, are taken for classes of places\(place)"
    }

    /// Those of samples, one after the other.
    func labels(of samples: some Sequence<Int>) throws -> [Int] { try samples.flatMap { try Self.labels(of: $0, in: feature) } }
}

extension MetricBatch {
    /// A row of scores for each place that has a class, in the place of samples. Throws `.data` where there are not as many labels as places.
    ///
    /// - Parameters:
    ///   - axis: that of the classes in `shape`, whose first counts samples.
    ///   - labels: of all places of the samples, in their order.
    func places(_ labels: [Int], classes axis: Int, of shape: Shape) throws -> MetricBatch {
        let (classes, inner) = (shape[axis], shape[(axis + 1)...].reduce(1, *))
        guard classes * labels.count == values.count else {
            throw WinnowError(.data, "labels", "are \(labels.count) for \(sampleCount) samples, of which output scores have the shape \(shape)")
        }
        let kept = labels.indices.filter { PlaceLabels.isClass(labels[$0], of: classes) }
        func rows(_ values: [Double]) -> [Double] {
            var rows: [Double] = []
            rows.reserveCapacity(kept.count * classes)
            for place in kept {
                let first = place / inner * classes * inner + place % inner
                for index in 0..<classes { rows.append(values[first + index * inner]) }
            }
            return rows
        }
        return MetricBatch(
            values: rows(values), original: original.map(rows), labels: kept.map { labels[$0] }, sampleCount: kept.count, form: form)
    }
}
