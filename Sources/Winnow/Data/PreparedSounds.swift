import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowTensor

/// What is done to sounds before a model sees them, as `sounds.yaml` beside them says.
///
/// ```yaml
/// rate: 16000            # samples a second that every file must have; none is resampled
/// length: 16000          # samples that every sound is cut or padded with zeros to
/// channels: 1            # 1: the mean of all channels; more: as they are
/// ```
struct SoundPreparation {
    var rate: Int?
    var length: Int?
    var channels = 1

    static let fileName = "sounds.yaml"

    init(in folder: String) throws {
        guard let path = nearestFile(Self.fileName, from: folder) else { return }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw WinnowError(.data, path, "cannot be read", remedy: "check its permissions")
        }
        do {
            let table = try YAMLTable(String(decoding: bytes, as: UTF8.self), .data)
            try table.allowOnly(["rate", "length", "channels"])
            func number(_ key: String, upTo limit: Double) throws -> Int? {
                guard let value = try table.numbers(key, counts: 1...1)?[0] else { return nil }
                guard value >= 1, value <= limit, value == value.rounded() else { throw WinnowError(.data, key, "\(value) is no whole number of at least 1") }
                return Int(value)
            }
            rate = try number("rate", upTo: 1e7)
            length = try number("length", upTo: 1e9)
            channels = try number("channels", upTo: 64) ?? 1
        } catch let error as WinnowError { throw error.within(path) }
    }
}

/// Sounds as a model takes them: float32 in −1…1, (samples) or (channels, samples), of one length.
struct PreparedSounds: SampleCollector {
    private let preparation: SoundPreparation
    /// The length that the model or `--shape` asks for.
    private let wanted: Int?
    private var rate: Int?
    private var first = ""
    private var sounds: [[Float]] = []
    private var count = 0

    init(in folder: String, _ reading: SampleReading) throws {
        preparation = try SoundPreparation(in: folder)
        let shape = reading.shapes.first { [2, 3].contains($0.shape.rank) }?.shape.extents.last
        let extents = reading.extents(ofRank: 2) ?? reading.extents(ofRank: 3)
        wanted = preparation.length ?? shape ?? extents?.last.flatMap { $0 }
        rate = preparation.rate
    }

    mutating func add(_ file: String) throws {
        let sound = try WAV(contentsOf: file)
        if let rate, sound.rate != rate {
            let other = preparation.rate == nil ? "but \(first) \(rate)" : "but \(SoundPreparation.fileName) says \(rate)"
            throw WinnowError(.data, file, "has \(sound.rate) samples a second, \(other)", remedy: "resample it, for example with sox -r \(rate)")
        }
        let channels = preparation.channels
        guard channels == 1 || sound.channels.count == channels else {
            throw WinnowError(.data, file, "has \(sound.channels.count) channels, but \(SoundPreparation.fileName) says \(channels)", remedy: "mix it")
        }
        if rate == nil { rate = sound.rate }
        if first.isEmpty { first = file }
        let mixed = channels == 1 ? [sound.mono] : sound.channels
        count += mixed.reduce(0) { $0 + $1.count }
        sounds += mixed
    }

    /// What all are cut or padded to: what was asked for, else the longest.
    private var length: Int { wanted ?? sounds.map(\.count).max() ?? 0 }

    func features() throws -> [Dataset.Feature] {
        let (length, channels) = (length, preparation.channels)
        try MemoryBudget.check(4 * (count + sounds.count * length), for: first, remedy: "give fewer sounds, or arrays, which are read while they are needed")
        var tensor = Tensor(zeros: channels == 1 ? [sounds.count, length] : [sounds.count / channels, channels, length], .float32)
        tensor.withMutableElements(Float.self) { target in
            for (row, sound) in sounds.enumerated() {
                for (place, value) in sound.prefix(length).enumerated() { target[row * length + place] = value }
            }
        }
        return [.init(tensor)]
    }

    var words: String { "\(rate ?? 0) a second, \(length) samples each" + (sounds.contains { $0.count != length } ? ", cut or padded with zeros" : "") }
}
