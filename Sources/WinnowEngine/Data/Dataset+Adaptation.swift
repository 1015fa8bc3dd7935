package import WinnowGraph
import WinnowTensor

extension Dataset {
    /// The data set with every feature named and shaped as `graph` takes it; arrays that it does not take are left out where there is one
    /// for each input. What is called labels is both where the model has such an input. Throws `.data` naming what does not match.
    package func adapted(to graph: Graph) throws -> Dataset {
        var result = self
        // Inputs with default values may be left out.
        let needed = graph.requiredInputs.map(\.name)
        if features.count == 1, features[0].name.isEmpty {
            let open = needed.count == 1 ? needed : needed.filter { $0 != labelArray?.name }
            guard open.count == 1 else {
                throw WinnowError(
                    .data, "the data", "has one unnamed array, but the model the inputs \(needed.joined(separator: ", "))",
                    remedy: "give one named array for each input")
            }
            result.features[0].name = open[0]
        }
        if let labelArray, let input = graph.inputs.first(where: { $0.name == labelArray.name }),
            !result.features.contains(where: { $0.name == labelArray.name })
        {
            // A table does not tell of what kind its numbers are.
            let areConverted = labelArray.elementType.isInteger && input.type.elementType.isFloatingPoint
            result.features.append(areConverted ? labelArray.mapping { $0.converted(to: .float32) } : labelArray)
            if !graph.canHaveClasses(labels ?? []) { result.labels = nil }
        }
        result.labelArray = result.labelArray ?? severalLabels
        let names = Set(result.features.map(\.name))
        if needed.allSatisfy({ names.contains($0) }) {
            let known = Set(graph.inputNames)
            result.features.removeAll { !known.contains($0.name) }
        }
        let axes = SampleAxes(of: graph)
        for (index, feature) in result.features.enumerated() {
            guard let input = graph.inputs.first(where: { $0.name == feature.name }) else {
                throw WinnowError(
                    .data, "feature \(feature.name)", "the model has no such input",
                    remedy: "its inputs are \(graph.inputNames.joined(separator: ", "))")
            }
            let placed = try feature.placement == nil ? feature.placed(for: input, axis: axes.axis(ofInput: input.name)) : feature
            result.features[index] = try placed.adapted(to: input)
        }
        if let missing = needed.first(where: { name in !result.features.contains { $0.name == name } }) {
            throw WinnowError(
                .data, "input \(missing)", "the data has no values for it; it has \(features.map(\.name).joined(separator: ", "))")
        }
        return result
    }
}

extension Dataset {
    /// The same samples with channels first, where arrays hold height, width (and depth) and channels; other arrays stay.
    package func channelsFirst() -> Dataset {
        var result = self
        for (index, feature) in features.enumerated() where !feature.isShared {
            result.features[index] = feature.mapping { tensor in
                guard tensor.rank >= 4, tensor.elementType.bitWidth >= 8 else { return tensor }
                return tensor.transposed([0, tensor.rank - 1] + Array(1..<(tensor.rank - 1)))
            }
        }
        return result
    }
}

extension Dataset.Feature {
    /// The feature with arrays of the input's element type and rank.
    fileprivate func adapted(to input: GraphInput) throws -> Dataset.Feature {
        guard let element = convertedElementType(for: input.type.elementType) else {
            throw WinnowError(
                .data, "feature \(name)", "is \(elementType), but input \(input.name) takes \(input.type)",
                remedy: "give it as \(input.type.elementType), prepared as the model was trained with")
        }
        var feature = self
        feature.keepsBytes = elementType == .uint8 && element == .uint8 && input.type.elementType == .uint8
        return try feature.mappingParts { rows in
            let own = isShared ? rows.shape : rows.sampleShape
            let wanted = wantedExtents(input)
            guard let sample = wanted.map({ own.fitted(to: $0) }) ?? own else { throw misfit(rows.shape, own, input, wanted ?? []) }
            guard rows.elementType != element || sample != own else { return rows }
            let (name, isShared) = (name, isShared)
            return try rows.mapping { tensor in
                let converted = tensor.converted(to: element)
                let isNarrower = tensor.elementType.isInteger && tensor.elementType != element
                guard !isNarrower || tensor.integers() == converted.integers() else {
                    throw WinnowError(
                        .data, "feature \(name)", "is \(tensor.elementType) with numbers that \(element), which input \(name) takes, does not hold exactly",
                        remedy: "check what it holds")
                }
                let overflows = tensor.elementType.isFloatingPoint && element.isFloatingPoint && element.bitWidth < tensor.elementType.bitWidth
                    && zip(tensor.doubles(), converted.doubles()).contains { $0.isFinite && !$1.isFinite }
                guard !overflows else {
                    throw WinnowError(
                        .data, "feature \(name)", "is \(tensor.elementType) with numbers larger than \(element), which input \(name) takes, holds",
                        remedy: "scale it, or check what it holds")
                }
                return converted.reshaped(isShared ? sample : [tensor.shape[0]] + sample)
            }
        }
    }

    /// What the elements become. Arrays of the same kind of number but another width fit too: NumPy's float64 and int64 are
    /// seldom what a model takes. nil: they do not fit; whole numbers for floats may be codes, or not scaled yet.
    private func convertedElementType(for wanted: ElementType) -> ElementType? {
        // Samples of numbers below 8 bits are given a byte each.
        guard wanted.bitWidth >= 8 else { return nil }
        if batchElementType == wanted || elementType == wanted { return elementType }
        let isSameKind = elementType.isFloatingPoint == wanted.isFloatingPoint && elementType.isInteger == wanted.isInteger
        return isSameKind && wanted != .uint8 ? wanted : nil
    }

    /// The extents of one sample in the input, or of what all of them share; nil: unknown.
    private func wantedExtents(_ input: GraphInput) -> [Int?]? {
        var extents = input.type.extents?.map(\.value)
        if case .axis(let axis) = placement { extents?.remove(at: axis) }
        return extents
    }

    private func misfit(_ shape: Shape, _ own: Shape, _ input: GraphInput, _ wanted: [Int?]) -> WinnowError {
        let samples = own.rank == 0 ? "single numbers" : "\(own)"
        if case .axis(let axis) = placement, axis > 0 {
            return WinnowError(
                .data, "feature \(name)", "has samples of \(samples), but input \(input.name) takes \(input.type)",
                remedy: "its axis \(axis) counts the samples")
        }
        guard own.rank > 0 || input.type.rank == 1 else {
            return WinnowError(
                .data, "feature \(name)", "has shape [\(shape)], but input \(input.name) takes \(input.type)",
                remedy: "the first axis counts the samples")
        }
        let turned = Shape((own.last.map { [$0] } ?? []) + own.dropLast())
        let isChannelsLast = own.rank >= 2 && wanted.count == own.rank && turned.fitted(to: wanted) == turned
        return WinnowError(
            .data, "feature \(name)", "has samples of \(samples), but input \(input.name) takes \(input.type)",
            remedy: isChannelsLast ? "if channels come last, give --layout nhwc" : pictureRemedy(own, wanted))
    }

    /// What to say of pictures so that they fit; empty where pictures never would.
    private func pictureRemedy(_ own: Shape, _ wanted: [Int?]) -> String {
        guard own.rank == 3, wanted.count == 3, elementType == .uint8 || elementType == .float32 else { return "" }
        var settings: [String] = []
        if let channels = wanted[0], channels != own[0], [1, 3].contains(channels) { settings.append("colour: \(channels == 1 ? "grey" : "rgb")") }
        if let height = wanted[1], let width = wanted[2], [height, width] != [own[1], own[2]] {
            settings.append("resize: [\(height), \(width)]")
        }
        return settings.isEmpty ? "" : "if they are pictures, say \(settings.joined(separator: " and ")) in images.yaml beside them"
    }
}

extension Shape {
    /// This shape of a sample as an input with these extents takes it, where nothing but axes of 1 come or go, neighbouring
    /// axes are flattened or a flat axis is unfolded; nil where it does not fit. Never reshapes across axes: height, width,
    /// channels are not channels, height, width.
    fileprivate func fitted(to wanted: [Int?]) -> Shape? {
        if rank == wanted.count, zip(self, wanted).allSatisfy({ $1 == nil || $0 == $1 }) { return self }
        let sample = Shape(wanted.compactMap { $0 })
        guard sample.rank == wanted.count else { return fittedByUnitAxes(to: wanted) }
        let (own, other) = (extents.filter { $0 != 1 }, sample.extents.filter { $0 != 1 })
        return Self.isFlattening(of: own, to: other) || Self.isFlattening(of: other, to: own) ? sample : nil
    }

    /// For open extents: axes of 1 may be missing, or be there and not wanted.
    private func fittedByUnitAxes(to wanted: [Int?]) -> Shape? {
        var rest = self[...]
        var result: [Int] = []
        for (index, extent) in wanted.enumerated() {
            let surplus = rest.count - (wanted.count - index)
            if surplus > 0, rest.first == 1, extent != 1 { rest = rest.dropFirst() }
            if surplus < 0, extent == 1 { result.append(1); continue }
            guard let next = rest.popFirst(), extent == nil || extent == next else { return nil }
            result.append(next)
        }
        return rest.isEmpty ? Shape(result) : nil
    }

    /// Whether each axis of `flat` is a run of neighbouring axes of `deep`.
    private static func isFlattening(of deep: [Int], to flat: [Int]) -> Bool {
        var rest = deep[...]
        for extent in flat {
            var product = 1
            while product < extent, let next = rest.popFirst() { product *= next }
            if product != extent { return false }
        }
        return rest.isEmpty
    }
}

extension Graph {
    /// Whether the first output may have a score for each of these classes.
    fileprivate func canHaveClasses(_ labels: [Int]) -> Bool {
        guard let extents = scoredOutput.flatMap({ infos[$0]?.extents }), extents.count > 1, let count = extents[1].value else { return true }
        return labels.allSatisfy { (0..<count).contains($0) }
    }
}
