import Foundation
import WinnowEngine
import WinnowFormats
import WinnowPasses
import WinnowTensor

/// What is done to pictures before a model sees them, as `images.yaml` beside them says.
///
/// ```yaml
/// resize: 256            # the shorter side; or [height, width]
/// crop: 224              # around the middle; or [height, width]
/// colour: rgb            # rgb, bgr or grey
/// layout: nchw           # nchw or nhwc
/// white: 1               # the number that stands for white: 1 or 255
/// mean: [0.485, 0.456, 0.406]
/// std: [0.229, 0.224, 0.225]
/// ```
struct ImagePreparation {
    enum Colour: String, CaseIterable { case rgb, bgr, grey }
    enum Layout: String, CaseIterable { case nchw, nhwc }

    var resize: [Int]?
    var crop: [Int]?
    var colour = Colour.rgb
    var layout = Layout.nchw
    var white = 1.0
    var mean = [0.0]
    var std = [1.0]

    static let fileName = "images.yaml"
}

extension ImagePreparation {
    /// Where a model's file remembers how its pictures are prepared.
    static let property = "winnow.images"

    /// What is to be done to the pictures of a folder, and where that is said: by name or file, by the nearest `images.yaml`, by the model; else they
    /// are in 0…1 at the size they have, with the channels of the model.
    static func said(of folder: String, _ reading: SampleReading) throws -> (ImagePreparation, source: String) {
        let (stated, source) = try stated(for: folder, reading)
        let sized = try stated.sized(for: reading.pictureShape)
        return (sized, (sized.resize == stated.resize ? "" : ", as --shape says") + source)
    }

    private static func stated(for folder: String, _ reading: SampleReading) throws -> (ImagePreparation, source: String) {
        if let name = reading.preparation {
            if let named = try Self.named(name, reading) { return (named, " (\(name))") }
            return (try ImagePreparation(reading: name), " (\(name))")
        }
        if let path = nearestFile(fileName, from: folder) { return (try ImagePreparation(reading: path), " (\(path))") }
        guard let text = reading.graph?.metadata.properties[property] else { return (ImagePreparation(channelsOf: reading), "") }
        do { return (try ImagePreparation(yaml: text), ", as the model says") } catch let error as WinnowError {
            throw error.within("the model's \(property)")
        }
    }

    /// What a file says.
    private init(reading path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            let isThere = FileManager.default.fileExists(atPath: path)
            throw WinnowError(
                .data, path, isThere ? "cannot be read" : "is neither a file nor one of \(Self.names.joined(separator: ", "))",
                remedy: isThere ? "check its permissions" : "give one of them, or a file like \(Self.fileName)")
        }
        do { try self.init(yaml: String(decoding: bytes, as: UTF8.self)) } catch let error as WinnowError { throw error.within(path) }
    }

    /// The usual ways to prepare pictures.
    static let names = ["zero-to-one", "minus-one-to-one", "imagenet"]

    /// In 0…1 as the model takes them, grey where it has one channel; RGB, channels first, where that is not known.
    private init(channelsOf reading: SampleReading) {
        self.init()
        guard let extents = reading.extents(ofRank: 4) else { return }
        let isLast = ![1, 3].contains(extents[1]) && [1, 3].contains(extents[3])
        layout = isLast ? .nhwc : .nchw
        if extents[isLast ? 3 : 1] == 1 { colour = .grey }
    }

    /// One of the usual ways, at the size and in the layout that the model takes; nil for another name.
    private static func named(_ name: String, _ reading: SampleReading) throws -> ImagePreparation? {
        guard names.contains(name) else { return nil }
        var result = ImagePreparation(channelsOf: reading)
        let (extents, isLast) = (reading.extents(ofRank: 4), result.layout == .nhwc)
        let size = extents.flatMap { extents in extents[isLast ? 1 : 2].flatMap { height in extents[isLast ? 2 : 3].map { [height, $0] } } }
        let hasShape = reading.pictureShape != nil
        switch name {
        case "imagenet":
            (result.mean, result.std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
            guard result.colour == .rgb else {
                throw WinnowError(.usage, "--preparation", "imagenet is for three channels, and the model takes one", remedy: "give zero-to-one")
            }
            // The middle of a picture whose shorter side is an eighth longer than what the model takes, as that data set is evaluated.
            let crop = size ?? [224, 224]
            if !hasShape { (result.resize, result.crop) = ([crop.max().map { ($0 * 256 + 112) / 224 } ?? 256], crop) }
        case "minus-one-to-one": (result.mean, result.std, result.resize) = ([0.5], [0.5], hasShape ? nil : size)
        default: result.resize = hasShape ? nil : size
        }
        return result
    }

    /// As `images.yaml` says it.
    var yaml: String {
        func list(_ numbers: [some CustomStringConvertible]) -> String { "[\(numbers.map { "\($0)" }.joined(separator: ", "))]" }
        var lines = resize.map { ["resize: \(list($0))"] } ?? []
        if let crop { lines.append("crop: \(list(crop))") }
        lines += ["colour: \(colour)", "layout: \(layout)", "white: \(white)", "mean: \(list(mean))", "std: \(list(std))"]
        return lines.joined(separator: "\n")
    }

    init(yaml text: String) throws {
        self.init()
        let table = try YAMLTable(text, .data)
        try table.allowOnly(["resize", "crop", "colour", "layout", "white", "mean", "std"])
        resize = try table.integers("resize", counts: 1...2)
        crop = try table.integers("crop", counts: 1...2).map { $0.count == 1 ? [$0[0], $0[0]] : $0 }
        colour = try table.choice("colour") ?? .rgb
        layout = try table.choice("layout") ?? .nchw
        let channels = colour == .grey ? 1...1 : 1...3
        white = try table.numbers("white", counts: 1...1)?[0] ?? 1
        guard white == 1 || white == 255 else { throw WinnowError(.data, "white", "is \(white)", remedy: "give 1 or 255") }
        mean = try table.numbers("mean", counts: channels) ?? [0]
        std = try table.numbers("std", counts: channels) ?? [1]
        for (key, count) in [("mean", mean.count), ("std", std.count)] where count == 2 {
            throw WinnowError(.data, key, "has 2 numbers", remedy: "give one, or one for each channel")
        }
        guard std.allSatisfy({ $0 > 0 }) else { throw WinnowError(.data, "std", "is not above 0") }
    }

    /// With pictures brought to the height and width of an input's shape. Throws `.usage` if they have another size already.
    func sized(for shape: Shape?) throws -> ImagePreparation {
        guard let shape else { return self }
        let size = layout == .nchw ? [shape[2], shape[3]] : [shape[1], shape[2]]
        if let own = crop ?? resize {
            guard own == size else {
                throw WinnowError(
                    .usage, "--shape", "\(shape) is not the size that \(Self.fileName) gives pictures", remedy: "leave one of both out")
            }
            return self
        }
        var result = self
        result.resize = size
        return result
    }

    /// The picture of a file at its size and with its channels in order.
    func image(_ file: String) throws -> PixelImage { try prepared(PixelImage(contentsOf: file), subject: file) }

    /// The picture at its size and with its channels in order.
    private func prepared(_ image: PixelImage, subject: String) throws -> PixelImage {
        var result = colour == .grey ? image.grey : image
        if let target = size(of: result) {
            do { try PixelImage.check(width: target.width, height: target.height, subject: subject) } catch {
                throw WinnowError(
                    .data, subject, "would become \(target.height)×\(target.width)", remedy: "give a smaller resize in \(Self.fileName)")
            }
            result = result.resized(width: target.width, height: target.height)
        }
        if let crop {
            guard crop[0] <= result.height, crop[1] <= result.width else {
                throw WinnowError(
                    .data, subject, "is \(result.height)×\(result.width), smaller than the crop of \(crop[0])×\(crop[1])",
                    remedy: "give a larger resize in \(Self.fileName)")
            }
            result = result.cropped(width: crop[1], height: crop[0])
        }
        return result
    }

    private func size(of image: PixelImage) -> (width: Int, height: Int)? {
        guard let resize else { return nil }
        guard resize.count == 1 else { return (resize[1], resize[0]) }
        let (side, shorter) = (resize[0], min(image.width, image.height))
        return (image.width * side / shorter, image.height * side / shorter)
    }

    /// The bytes that one number of a prepared picture takes.
    var bytesPerElement: Int { commonScale == nil ? 4 : 1 }

    private var channelCount: Int { colour == .grey ? 1 : 3 }
    private var scales: [Float] { (0..<channelCount).map { Float(white / 255 / std[$0 % std.count]) } }
    private var offsets: [Float] { (0..<channelCount).map { Float(-mean[$0 % mean.count] / std[$0 % std.count]) } }

    /// What bytes of all channels become, byte · scale + offset; nil where channels differ.
    var commonScale: (scale: Float, offset: Float)? {
        Set(scales).count > 1 || Set(offsets).count > 1 ? nil : (scales[0], offsets[0])
    }

    /// The shape of one picture.
    func shape(height: Int, width: Int) -> Shape {
        layout == .nchw ? [channelCount, height, width] : [height, width, channelCount]
    }

    /// What is done to the numbers, in words to follow others.
    var words: String {
        func list(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: " ") }
        return (white == 1 ? "" : ", white \(white)") + (mean == [0] ? "" : ", mean \(list(mean))")
            + (std == [1] ? "" : ", std \(list(std))") + (layout == .nchw ? "" : ", channels last")
    }

    /// Pictures of one size, at least one, samples first: uint8 where one scale fits all channels, else float32.
    func tensor(of images: [PixelImage]) -> Tensor {
        let (height, width, channels) = (images[0].height, images[0].width, channelCount)
        let isPlanar = layout == .nchw
        let shape = Shape([images.count]) + self.shape(height: height, width: width)
        let order = colour == .bgr ? [2, 1, 0] : Array(0..<channels)
        var tensor = Tensor(uninitialized: shape, .uint8)
        tensor.withMutableElements(UInt8.self) { target in
            for (index, image) in images.enumerated() {
                let start = index * height * width * channels
                image.pixels.withUnsafeBufferPointer { source in
                    for place in 0..<(height * width) {
                        for channel in 0..<channels {
                            target[start + (isPlanar ? channel * height * width + place : place * channels + channel)] =
                                source[place * channels + order[channel]]
                        }
                    }
                }
            }
        }
        guard commonScale == nil else { return tensor }
        let (scales, offsets) = (scales, offsets)
        let inner = isPlanar ? height * width : 1
        var floats = Tensor(uninitialized: shape, .float32)
        floats.withMutableElements(Float.self) { target in
            tensor.withElements(UInt8.self) { source in
                for index in target.indices {
                    let channel = index / inner % channels
                    target[index] = Float(source[index]) * scales[channel] + offsets[channel]
                }
            }
        }
        return floats
    }
}
