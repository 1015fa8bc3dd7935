import Foundation
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

@testable import Winnow

@Suite struct DataSourceTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "winnow-data-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func write(_ bytes: [UInt8], to name: String) throws {
        let file = URL(fileURLWithPath: "\(folder)/\(name)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    private func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    private func failure(_ name: String = "", _ graph: Graph? = nil) -> String {
        let error = #expect(throws: WinnowError.self) {
            let data = try DataSplits(reading: name.isEmpty ? folder : "\(folder)/\(name)")
            if let graph { _ = try data.test?.adapted(to: graph) }
        }
        return error.map { "\($0)" } ?? ""
    }

    private let samples = Tensor((0..<12).map { Float($0) }, shape: [3, 4])
    private let labels = Tensor([2, 0, 1] as [Int64])

    @Test func everyKindGivesTheSameSamples() throws {
        try NPZ.write(["input": samples, "labels": labels], to: folder + "/a.npz")
        try SafeTensors(tensors: ["input": samples, "labels": labels]).write(to: folder + "/a.safetensors")
        try FileManager.default.createDirectory(atPath: folder + "/arrays", withIntermediateDirectories: true)
        try NPY.write(samples, to: folder + "/arrays/input.npy")
        try NPY.write(labels, to: folder + "/arrays/labels.npy")
        try write("a,b,c,d,label\n0,1,2,3,2\n4,5,6,7,0\n8,9,10,11,1\n", to: "a.csv")
        let graph = try Architecture.named("mlp").makeGraph(widths: [4, 3])
        for name in ["a.npz", "a.safetensors", "arrays", "a.csv"] {
            let data = try #require(try DataSplits(reading: "\(folder)/\(name)").test?.adapted(to: graph))
            #expect(try data.features.first?.tensor == samples, "\(name)")
            #expect(data.labels == [2, 0, 1], "\(name)")
        }
    }

    @Test func arraysMayBeOfWiderTypes() throws {
        try NPZ.write(["input": samples.converted(to: .float64)], to: folder + "/a.npz")
        let graph = try Architecture.named("mlp").makeGraph(widths: [4, 3])
        let data = try #require(try DataSplits(reading: folder + "/a.npz").test?.adapted(to: graph))
        #expect(try data.features[0].tensor == samples)
    }

    @Test func wrongNamesAndShapesAreNamed() throws {
        let graph = try Architecture.named("mlp").makeGraph(widths: [5, 3])
        try NPZ.write(["picture": samples], to: folder + "/name.npz")
        #expect(failure("name.npz", graph).contains("feature picture: the model has no such input; its inputs are input"))
        try NPZ.write(["input": samples], to: folder + "/shape.npz")
        #expect(failure("shape.npz", graph).contains("has samples of 4, but input input takes float32[N, 5]"))
        try NPZ.write(["input": samples, "labels": Tensor([0.5, 1, 2] as [Float])], to: folder + "/labels.npz")
        #expect(failure("labels.npz").contains("labels: are no classes: one of them is 0.5"))
        try NPZ.write(["input": samples, "labels": Tensor([1] as [Int64])], to: folder + "/count.npz")
        #expect(failure("count.npz").contains("there are 1 for 3 samples"))
        try write("x", to: "a.bin")
        #expect(failure("a.bin").contains("kind that is not known"))
        #expect(failure("nothing").contains("no such file"))
    }

    @Test func missingInputsAreNamed() throws {
        let builder = GraphBuilder("two")
        let x = try builder.input("x", .float32, ["N", 4])
        let y = try builder.input("y", .float32, ["N", 4])
        let graph = try builder.graph(outputs: [x, y])
        try NPZ.write(["x": samples], to: folder + "/a.npz")
        #expect(failure("a.npz", graph).contains("input y: the data has no values for it; it has x"))
        try NPY.write(samples, to: folder + "/a.npy")
        #expect(failure("a.npy", graph).contains("x, y"))
    }

    private func picture(_ brightness: UInt8, width: Int = 6, height: Int = 4) -> [UInt8] {
        SamplePictures.png(width: width, height: height) { _, _, _ in brightness }
    }

    @Test func imagesByClass() throws {
        try write(picture(10), to: "10/a.png")
        try write(picture(20), to: "9/b.png")
        try write(picture(30), to: "9/a.png")
        try write("not a picture", to: "9/notes.txt")
        let data = try #require(try DataSplits(reading: folder).training)
        #expect(try data.features[0].tensor.shape == [3, 3, 4, 6])
        #expect(data.labels == [0, 0, 1])
        let batch = try #require(data.batch(at: [0, 1, 2]).values.first)
        #expect(batch.rows(0..<1).floats().allSatisfy { $0 == 30 * Float(1.0 / 255) })
        #expect(batch.rows(2..<3).floats().allSatisfy { $0 == 10 * Float(1.0 / 255) })
    }

    @Test func preparationIsStatedOnce() throws {
        try write(picture(51), to: "a/x.png")
        try write(picture(102, width: 12, height: 8), to: "b/y.png")
        try write("{ resize: 2, crop: [2, 1], layout: nhwc, mean: [0.2, 0, 0.4], std: [1, 0.5, 2] }", to: "images.yaml")
        let data = try #require(try DataSplits(reading: folder).test)
        #expect(try data.features[0].tensor.shape == [2, 2, 1, 3])
        let values = try data.features[0].tensor.floats()
        for (value, expected) in zip(values, [0, 0.4, -0.1, 0, 0.4, -0.1, 0.2, 0.8, 0] as [Float]) {
            #expect(abs(value - expected) < 1e-6)
        }
        try write("{ resize: 2, crop: 2, colour: grey, white: 255 }", to: "images.yaml")
        let grey = try #require(try DataSplits(reading: folder).test)
        #expect(try grey.features[0].tensor.shape == [2, 1, 2, 2])
        #expect(try grey.batch(at: [1]).values.first?.floats() == [102, 102, 102, 102])
    }

    @Test(arguments: [
        ("{ resise: 3 }", "did you mean resize?"), ("{ resize: 0 }", "resize"), ("{ colour: blue }", "rgb, bgr, grey"),
        ("{ std: 0 }", "above 0"), ("{ mean: [1, 2] }", "each channel"), ("[1]", "no table"), ("{ crop: 40 }", "smaller than the crop"),
    ]) func wrongPreparationIsExplained(yaml: String, words: String) throws {
        try write(picture(1), to: "a/x.png")
        try write(yaml, to: "images.yaml")
        #expect(failure().contains(words), "\(failure())")
    }

    /// `--shape` says the size of pictures where nothing else does.
    @Test func picturesGetTheSizeThatIsAskedFor() throws {
        try write(picture(1), to: "x.png")
        try write(picture(2, width: 7), to: "y.png")
        let data = try DataSplits(reading: folder, shapes: ["x=1x3x2x5"])
        #expect(try data.whole?.features[0].tensor.shape == [2, 3, 2, 5] && data.notes[0].contains("2×5, as --shape says"))
        try write("{ resize: [2, 4] }", to: "images.yaml")
        #expect(try DataSplits(reading: folder, shapes: ["x=1x3x2x4"]).notes[0].contains("as --shape says") == false)
        let error = #expect(throws: WinnowError.self) { try DataSplits(reading: folder, shapes: ["x=1x3x2x5"]) }
        #expect(error?.kind == .usage)
    }

    /// Files of a folder are parts of one data set, in the order of their names.
    @Test func shardsAreOneDataSet() throws {
        try FileManager.default.createDirectory(atPath: folder + "/shards", withIntermediateDirectories: true)
        try NPZ.write(["input": samples.rows(0..<2), "labels": labels.rows(0..<2)], to: folder + "/shards/a.npz", compressed: true)
        try SafeTensors(tensors: ["input": samples.rows(2..<3), "labels": labels.rows(2..<3)]).write(to: folder + "/shards/b.safetensors")
        let data = try #require(try DataSplits(reading: folder + "/shards").whole)
        #expect(try data.features.map(\.name) == ["input"] && data.features[0].tensor == samples && data.labels == [2, 0, 1])
        try NPZ.write(["input": samples], to: folder + "/shards/c.npz")
        #expect(failure("shards").contains("c.npz: has the arrays input, but"))
        try NPZ.write(["input": samples.reshaped([3, 2, 2]), "labels": labels], to: folder + "/shards/c.npz")
        #expect(failure("shards").contains("c.npz: input: is float32 of samples 2×2"))
    }

    /// Data that no input takes is named before anything is measured or trained.
    @Test func whatDoesNotFitIsNamedAtOnce() throws {
        try write(picture(1), to: "x.png")
        let b = GraphBuilder("grey")
        let x = try b.input("x", .float32, ["N", 1, 32, 24])
        let graph = try b.graph(outputs: [b.add(Relu(), x)])
        let error = #expect(throws: WinnowError.self) { try DataSplits(reading: folder).fitting(graph) }
        #expect(error?.remedy.contains("colour: grey and resize: [32, 24]") == true)
    }

    /// Where nothing says otherwise pictures have the channels of the model, and lie as it takes them.
    @Test(arguments: [(["N", 1, "H", "W"] as [Extent], 1, false), (["N", 3, "H", "W"], 3, false), (["N", "H", "W", 3], 3, true), (["N", "H", "W", 1], 1, true)])
    func picturesHaveTheChannelsOfTheModel(extents: [Extent], channels: Int, areLast: Bool) throws {
        try write(picture(1), to: "x.png")
        let b = GraphBuilder("channels")
        let x = try b.input("x", .float32, extents)
        let graph = try b.graph(outputs: [b.add(Relu(), x)])
        let size = try #require(try DataSplits(reading: folder).whole).features[0].tensor.shape
        let wanted = areLast ? [1, size[2], size[3], channels] : [1, channels, size[2], size[3]]
        #expect(try #require(try DataSplits(reading: folder, for: graph).whole).features[0].tensor.shape == Shape(wanted))
    }

    @Test func picturesOfDifferentSizesStayApart() throws {
        try write(picture(1), to: "a/x.png")
        try write(picture(2, width: 7), to: "a/y.png")
        try write(picture(3), to: "a/z.png")
        let data = try #require(try DataSplits(reading: folder).whole)
        #expect((0..<3).map { data.features[0].sampleShape(at: $0) } == [[3, 4, 6], [3, 4, 7], [3, 4, 6]])
        for index in 0..<3 {
            let value = try #require(data.batch(at: [index]).values.first?.floats().first)
            #expect(value == Float(index + 1) * Float(1.0 / 255))
        }
        try write("broken", to: "a/x.png")
        #expect(failure().contains("a/x.png: is none of PNG"))
        try write("GIF89a", to: "a/z.gif")
        try write(picture(1), to: "a/x.png")
        #expect(failure().contains("a/z.gif: is a picture of a kind that is not read"))
    }

    @Test func picturesInOneFolderHaveNoClasses() throws {
        for name in ["b.jpe", "a.png", "c.jfif"] { try write(picture(name == "a.png" ? 9 : 1), to: name) }
        let data = try DataSplits(reading: folder)
        #expect(data.whole?.count == 3 && data.whole?.labels == nil)
        #expect(try data.whole?.batch(at: [0]).values.first?.floats().first == Float(9) * Float(1.0 / 255))
        #expect(data.notes.first?.contains("3 images, no labels, RGB, 4×6") == true)
        try write(picture(5), to: "class/d.png")
        let classes = try DataSplits(reading: folder)
        #expect(classes.whole?.count == 1 && classes.notes[0].contains("3 beside the classes' folders are left out"))
    }

    /// What is said around a folder holds inside it; the nearest wins.
    @Test func preparationOfAParentHolds() throws {
        try write(picture(51), to: "all/val/a/x.png")
        try write("{ resize: [2, 3], colour: grey }", to: "images.yaml")
        let data = try DataSplits(reading: folder + "/all/val")
        #expect(data.whole?.features[0].sampleShape(at: 0) == [1, 2, 3])
        #expect(data.notes[0].contains("GREY, 2×3") && data.notes[0].contains("images.yaml"))
        try write("{ resize: [5, 5] }", to: "all/images.yaml")
        #expect(try DataSplits(reading: folder + "/all/val").whole?.features[0].sampleShape(at: 0) == [3, 5, 5])
    }

    @Test func sizesBeyondMemoryAreRefused() throws {
        try write(picture(51), to: "x.png")
        try write("{ resize: 65536 }", to: "images.yaml")
        #expect(failure().contains("give a smaller resize"))
    }

    /// The parts are disjoint, the same for the same contents, and said in words.
    @Test func sourcesWithoutSplitsAreSplitByContents() throws {
        var random = RandomGenerator(seed: 1)
        let values = Tensor((0..<400).map { _ in random.normal() }, shape: [200, 2])
        try NPZ.write(["input": values, "labels": Tensor((0..<200).map { Int64($0 % 2) })], to: folder + "/a.npz")
        let data = try DataSplits(reading: folder + "/a.npz")
        let parts = [data.training, data.validation, data.test].compactMap { $0 }
        #expect(parts.map(\.count).reduce(0, +) == 200 && parts.allSatisfy { $0.count > 0 && $0.count < 200 })
        let rows: [Set<[Float]>] = try parts.map { part in Set(try (0..<part.count).map { try part.batch(at: [$0]).values.first?.floats() ?? [] }) }
        #expect(rows[0].isDisjoint(with: rows[1]) && rows[0].isDisjoint(with: rows[2]) && rows[1].isDisjoint(with: rows[2]))
        #expect(data.notes.count == 2 && data.notes[1].contains("trains (\(parts[0].count))"))
        #expect(data.whole?.count == 200 && data.calibration?.count == parts[0].count)
        try NPZ.write(["input": values], to: folder + "/b.npz")
        #expect(try DataSplits(reading: folder + "/b.npz").calibration?.count == 200)
        try NPZ.write(["input": values.rows(0..<9)], to: folder + "/c.npz")
        let few = try DataSplits(reading: folder + "/c.npz")
        #expect(few.training?.count == 9 && few.test?.count == 9 && few.notes.last?.contains("may have seen") == true)
    }

    /// A model that takes as many rows as there are takes them all at once.
    @Test func whatAModelTakesAtOnceStaysTogether() throws {
        try NPZ.write(["x": Tensor(zeros: [40, 3])], to: folder + "/a.npz")
        func graph(_ rows: Extent) throws -> Graph {
            let b = GraphBuilder("g")
            return try b.graph(outputs: [b.input("x", .float32, [rows, 3])])
        }
        let data = try DataSplits(reading: folder + "/a.npz")
        #expect(try data.kept(for: graph(40)).test?.count == 40)
        for rows in ["N", 20] as [Extent] { #expect(try data.kept(for: graph(rows)).test?.count == data.test?.count) }
    }

    @Test func arraysAreTurnedOnRequest() throws {
        try NPZ.write(["x": Tensor((0..<120).map(Float.init), shape: [2, 4, 5, 3])], to: folder + "/a.npz")
        let data = try DataSplits(reading: folder + "/a.npz", layout: .nhwc)
        #expect(data.whole?.features[0].sampleShape(at: 0) == [3, 4, 5] && data.notes[0].contains("channels first"))
        try write(picture(1), to: "pictures/x.png")
        #expect(throws: WinnowError.self) { try DataSplits(reading: folder + "/pictures", layout: .nhwc) }
    }

    /// Classes are numbered over all parts, and every twelfth training sample validates.
    @Test func splitsAreFoldersOrFiles() throws {
        for index in 0..<24 { try write(picture(UInt8(index)), to: "train/\(index < 12 ? "cat" : "emu")/\(100 + index).png") }
        try write(picture(99), to: "test/dog/x.png")
        let data = try DataSplits(reading: folder)
        #expect(data.training?.count == 22 && data.validation?.count == 2 && data.test?.labels == [1])
        #expect(data.validation?.labels == [0, 2])
    }

    @Test(arguments: [
        ("{ mean: [1, 10], std: [2, 5] }", [0, 2, 1, -1] as [Float]), ("{ min: 1, max: [3, 21] }", [0, 0.95, 1, 0.2]),
        ("{ std: 2 }", [0.5, 10, 1.5, 2.5]),
    ]) func tablesAreScaled(yaml: String, expected: [Float]) throws {
        try write("x,y,label\n1,20,0\n3,5,1\n", to: "a.csv")
        try write(yaml, to: "tables.yaml")
        let data = try #require(try DataSplits(reading: folder + "/a.csv").test)
        #expect(try data.features[0].tensor.floats() == expected && data.labels == [0, 1])
    }

    @Test(arguments: [
        ("{ mean: [1, 2, 3] }", "2 columns, but tables.yaml numbers for 3"), ("{ std: 0 }", "std: is not above 0"),
        ("{ min: 2, max: [3, 2] }", "max: is not above min"), ("{ mean: 1, max: 2 }", "both"), ("{ men: 1 }", "did you mean"),
    ]) func wrongTablePreparationIsExplained(yaml: String, words: String) throws {
        try write("x,y,label\n1,20,0\n3,5,1\n", to: "a.csv")
        try write(yaml, to: "tables.yaml")
        #expect(failure("a.csv").contains(words), "\(failure("a.csv"))")
    }

    /// Numbers of classes are numbers also as tables with gaps write them; a gap is told of.
    @Test func tablesWithNumberedClasses() throws {
        try write("x,class\n1,10.0\n2, 2\n3,0.0\n", to: "a.csv")
        #expect(try DataSplits(reading: folder + "/a.csv").test?.labels?.sorted() == [0, 2, 10])
        try write("x,class\n1,2\n2,\n", to: "b.csv")
        #expect(failure("b.csv").contains("line 3, column class: has no label"), "\(failure("b.csv"))")
        try write("x,class\n1,2\n2,0.5\n", to: "c.csv")
        #expect(failure("c.csv").contains("one of them is 0.5"), "\(failure("c.csv"))")
    }

    @Test func emptyArraysAreNoData() throws {
        try NPZ.write(["x": Tensor([Float](), shape: [0, 3])], to: folder + "/a.npz")
        #expect(failure("a.npz").contains("has no samples"), "\(failure("a.npz"))")
    }

    @Test func tablesWithNamedClasses() throws {
        try write("x,class\n1,b\n2,c\n", to: "train.csv")
        try write("x,class\n3,a\n", to: "test.csv")
        let data = try DataSplits(reading: folder)
        #expect(data.training?.labels == [1, 2] && data.test?.labels == [0])
    }
}
