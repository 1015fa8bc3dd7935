import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Pictures as a model takes them, those of one size together.
struct PreparedImages {
    private let preparation: ImagePreparation
    private var groups: [[Int]: [PixelImage]] = [:]
    private var sizes: [[Int]] = []
    private var places: [Dataset.Feature.Place] = []
    private var byteCount = 0

    init(_ preparation: ImagePreparation) { self.preparation = preparation }

    /// Reads and prepares a picture. Throws where it is of a kind that is not read, or all together would not fit into memory.
    mutating func add(_ file: String) throws {
        if PixelImage.unreadExtensions.contains(URL(fileURLWithPath: file).pathExtension.lowercased()) {
            throw WinnowError(.data, file, "is a picture of a kind that is not read", remedy: "convert it to PNG")
        }
        let image = try preparation.prepared(PixelImage(contentsOf: file), subject: file)
        byteCount += image.pixels.count * preparation.bytesPerElement
        // Pictures are held twice while they are arranged.
        try MemoryBudget.check(2 * byteCount, for: file, remedy: "give a smaller resize in \(ImagePreparation.fileName)")
        let size = [image.height, image.width]
        let part = sizes.firstIndex(of: size) ?? sizes.count
        if part == sizes.count { sizes.append(size) }
        places.append(.init(part: part, row: groups[size]?.count ?? 0))
        groups[size, default: []].append(image)
    }

    /// All pictures: uint8 where one scale fits all channels, else float32.
    var feature: Dataset.Feature {
        let features = sizes.map { preparation.feature(of: groups[$0] ?? []) }
        guard let first = features.first else { return .init(Tensor(zeros: [0, 1, 1, 1], .uint8)) }
        guard features.count > 1 else { return first }
        return .init(parts: features.map(\.tensor), places: places, scale: first.scale, offset: first.offset)
    }

    /// `BGR, 48×192, mean 0.5`
    var words: String {
        let size = sizes.count == 1 ? "\(Shape(sizes[0]))" : "\(sizes.count) sizes"
        return "\(preparation.colour.rawValue.uppercased()), \(size)\(preparation.words)"
    }
}
