import WinnowTensor

extension Dataset {
    /// A number for each sample that depends on its contents alone: equal samples have equal numbers, in whatever order and
    /// company they come. Labels do not count. Throws where samples cannot be read.
    package func contentHashes() throws -> [UInt64] {
        var hashes = [ContentHash](repeating: ContentHash(), count: count)
        for feature in features.sorted(by: { $0.name < $1.name }) {
            for index in hashes.indices { try feature.addSample(at: index, to: &hashes[index]) }
        }
        return hashes.map(\.value)
    }

    /// Tells data sets apart: samples in their order, labels, and what is done to the numbers.
    package var fingerprint: String {
        get throws {
            var hash = ContentHash()
            for feature in features { hash.add("\(feature.name) \(feature.scale) \(feature.offset)") }
            for feature in features where feature.isShared { try feature.tensor.withUnsafeBytes { hash.add($0) } }
            for sample in try contentHashes() { hash.add(sample) }
            for label in labels ?? [] { hash.add(UInt64(bitPattern: Int64(label))) }
            if let severalLabels, !features.contains(where: { $0.name == severalLabels.name }) {
                for index in 0..<severalLabels.count { try severalLabels.addSample(at: index, to: &hash) }
            }
            if labelsAreTexts { hash.add("texts") }
            return hash.text
        }
    }
}

/// Samples in three parts: what trains, what choices are made on, and what the result is measured on.
package struct ContentSplit {
    package var training: Dataset
    package var validation: Dataset
    package var test: Dataset

    /// Puts each sample where a hash of its contents says: samples stay where they are when others are added or the order
    /// changes, and equal samples are together. A class that training would lack stays in training as a whole.
    /// nil where there are too few samples to take any away. Throws where samples cannot be read.
    package init?(_ data: Dataset, validationShare: Double = 0.1, testShare: Double = 0.1) throws {
        let places = try data.contentHashes().map { Double($0 >> 11) * 0x1p-53 }
        var parts = places.map { $0 < testShare ? 2 : $0 < testShare + validationShare ? 1 : 0 }
        if let labels = data.labels {
            let trained = Set(zip(labels, parts).filter { $1 == 0 }.map(\.0))
            for index in parts.indices where !trained.contains(labels[index]) { parts[index] = 0 }
        }
        for (part, share) in [(2, testShare), (1, validationShare)] where share > 0 && !parts.contains(part) {
            Self.move(nearestIn: &parts, to: part, places, data.labels)
        }
        func samples(of part: Int) -> Dataset { data.selecting(parts.indices.filter { parts[$0] == part }) }
        training = samples(of: 0)
        validation = samples(of: 1)
        test = samples(of: 2)
        let needed = [training] + (validationShare > 0 ? [validation] : []) + (testShare > 0 ? [test] : [])
        guard data.count >= 10, needed.allSatisfy({ $0.count > 0 }) else { return nil }
    }

    /// Takes from training the sample, with its equals, whose hash comes next to an empty part's, where its class stays in training.
    private static func move(nearestIn parts: inout [Int], to part: Int, _ places: [Double], _ labels: [Int]?) {
        let trained = parts.indices.filter { parts[$0] == 0 }.sorted { (places[$0], $0) < (places[$1], $1) }
        for nearest in trained {
            let rest = trained.filter { places[$0] != places[nearest] }
            let classes = labels.map { labels in Set(rest.map { labels[$0] }) }
            guard !rest.isEmpty, trained.allSatisfy({ index in labels.map { classes?.contains($0[index]) ?? true } ?? true }) else { continue }
            for index in trained where places[index] == places[nearest] { parts[index] = part }
            return
        }
    }
}
