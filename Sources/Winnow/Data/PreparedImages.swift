import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Pictures as a model takes them, those of one size together: in memory where all of them fit, else decoded when they are asked for.
struct PreparedImages: SampleCollector {
    private let preparation: ImagePreparation
    /// Where it is said what is done, in words.
    private let source: String
    private var groups: [Group] = []
    private var places: [Dataset.Feature.Place] = []
    private var byteCount = 0
    private var isInMemory = true

    /// Pictures of one size.
    private struct Group {
        let size: [Int]
        var files: [String] = []
        /// The pictures, while they are held.
        var images: [PixelImage] = []
        /// What each adds to an empty hash, where they are not held.
        var hashes: [ContentHash] = []
    }

    init(in folder: String, _ reading: SampleReading) throws { (preparation, source) = try ImagePreparation.said(of: folder, reading) }

    /// What is done to each, so that a model can remember it.
    var record: String { preparation.yaml }

    /// Reads and prepares a picture. Throws where it is of a kind that is not read.
    mutating func add(_ file: String) throws {
        if PixelImage.unreadExtensions.contains(URL(fileURLWithPath: file).pathExtension.lowercased()) {
            throw WinnowError(.data, file, "is a picture of a kind that is not read", remedy: "convert it to PNG")
        }
        let image = try preparation.image(file)
        let imageByteCount = image.pixels.count * preparation.bytesPerElement
        try MemoryBudget.check(2 * imageByteCount, for: file, remedy: "give a smaller resize in \(ImagePreparation.fileName)")
        byteCount += imageByteCount
        let size = [image.height, image.width]
        let part = groups.firstIndex { $0.size == size } ?? groups.count
        if part == groups.count { groups.append(Group(size: size)) }
        places.append(.init(part: part, row: groups[part].files.count))
        groups[part].files.append(file)
        // Pictures are held twice while they are arranged.
        if isInMemory, 2 * byteCount > MemoryBudget.byteCount { letGo() }
        if isInMemory { groups[part].images.append(image) } else { groups[part].hashes.append(hash(of: image)) }
    }

    /// Keeps of the pictures so far only what tells them apart.
    private mutating func letGo() {
        isInMemory = false
        for index in groups.indices {
            groups[index].hashes = groups[index].images.map(hash)
            groups[index].images = []
        }
    }

    private func hash(of image: PixelImage) -> ContentHash {
        var hash = ContentHash()
        hash.add(row: 0, of: preparation.tensor(of: [image]))
        return hash
    }

    /// All pictures: uint8 where one scale fits all channels, else float32.
    func features() -> [Dataset.Feature] {
        guard !groups.isEmpty else { return [.init(Tensor(zeros: [0, 1, 1, 1], .uint8))] }
        let parts = groups.map { group in
            isInMemory
                ? SampleRows(preparation.tensor(of: group.images))
                : SampleRows(ImageRows(preparation: preparation, files: group.files, size: group.size), hashes: group.hashes)
        }
        let (scale, offset) = preparation.commonScale ?? (1, 0)
        return [.init(parts: parts, places: groups.count > 1 ? places : nil, scale: scale, offset: offset)]
    }

    /// `BGR, 48×192, mean 0.5`
    var words: String {
        let size = groups.count == 1 ? "\(Shape(groups[0].size))" : "\(groups.count) sizes"
        return "\(preparation.colour.rawValue.uppercased()), \(size)\(preparation.words)" + (isInMemory ? "" : ", read as they are needed") + source
    }
}

/// Pictures of one size that are decoded when they are asked for.
private struct ImageRows: SampleSource {
    let preparation: ImagePreparation
    let files: [String]
    /// Height and width.
    let size: [Int]

    var count: Int { files.count }
    var sampleShape: Shape { preparation.shape(height: size[0], width: size[1]) }
    var elementType: ElementType { preparation.commonScale == nil ? .float32 : .uint8 }

    func sample(at row: Int) throws -> Tensor {
        let image = try preparation.image(files[row])
        guard [image.height, image.width] == size else {
            throw WinnowError(.data, files[row], "has become another picture since it was first read", remedy: "leave the folder as it is meanwhile")
        }
        return preparation.tensor(of: [image])
    }
}
