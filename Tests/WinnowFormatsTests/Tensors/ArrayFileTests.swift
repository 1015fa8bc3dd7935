import Foundation
import Testing
import WinnowFormats
import WinnowTensor

/// Tensors of every element type and of awkward shapes.
private func samples() -> [String: Tensor] {
    var samples: [String: Tensor] = [
        "scalar": Tensor(scalar: Float(2.5)), "empty": Tensor(zeros: [0, 3], .int64), "long.name/with-slash": Tensor([1] as [Int8]),
    ]
    for type in ElementType.allCases {
        samples["\(type)"] = Tensor([0, 1, 2, 3, 1, 0], shape: [2, 1, 3], as: type)
    }
    return samples
}

private let numpyTypes: Set<ElementType> = [
    .bool, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .float16, .float32, .float64,
]

@Suite struct NumPyFiles {
    @Test func arraysSurviveTheRoundTrip() throws {
        try withTemporaryFolder { folder in
            for (name, tensor) in samples() where numpyTypes.contains(tensor.elementType) {
                try NPY.write(tensor, to: folder + "/a.npy")
                #expect(try NPY.read(folder + "/a.npy") == tensor, "\(name)")
            }
        }
    }

    @Test(arguments: [false, true]) func archivesSurviveTheRoundTripWithTheSameBytes(compressed: Bool) throws {
        let tensors = samples().filter { numpyTypes.contains($0.value.elementType) }
        try withTemporaryFolder { folder in
            try NPZ.write(tensors, to: folder + "/a.npz", compressed: compressed)
            try NPZ.write(tensors, to: folder + "/b.npz", compressed: compressed)
            #expect(try NPZ.read(folder + "/a.npz") == tensors)
            #expect(FileManager.default.contentsEqual(atPath: folder + "/a.npz", andPath: folder + "/b.npz"))
        }
    }

    @Test(arguments: ["float32.npy", "fortran.npy", "bigendian.npy"]) func readsWhatNumPyWrote(name: String) throws {
        #expect(try NPY.read(Fixture.path(name)) == Fixture.weights())
    }

    @Test func readsOtherTypesAndShapes() throws {
        #expect(try NPY.read(Fixture.path("float16.npy")) == Fixture.weights().converted(to: .float16))
        #expect(try NPY.read(Fixture.path("int64.npy")) == Tensor((-3..<3).map { Int64($0) }, shape: [2, 3]))
        #expect(try NPY.read(Fixture.path("bool.npy")) == Tensor([true, false, false, true], shape: [2, 2]))
        #expect(try NPY.read(Fixture.path("scalar.npy")) == Tensor(scalar: 2.5))
        #expect(try NPY.read(Fixture.path("empty.npy")) == Tensor(zeros: [0, 3], .uint8))
    }

    @Test func readsArchivesNumPyWrote() throws {
        #expect(try NPZ.read(Fixture.path("arrays.npz")) == ["w": Fixture.weights(), "b": Tensor([0.5, -0.5, 0.25] as [Float])])
        let compressed = try NPZ.read(Fixture.path("compressed.npz"))
        #expect(try compressed == ["w": Fixture.weights(), "zeros": Tensor(zeros: [50, 20], .int32)])
    }

    @Test func typesThatNumPyLacksAreRefused() throws {
        #expect(
            message { try NPY.write(Tensor(zeros: [1], .bfloat16), to: "/tmp/never.npy") }
                == "/tmp/never.npy: NumPy has no element type bfloat16; write safetensors, or convert it to float32")
    }
}

@Suite struct SafeTensorsFiles {
    @Test func tensorsAndMetadataSurviveTheRoundTripWithTheSameBytes() throws {
        // Safetensors has no integers of less than 8 bits.
        let tensors = samples().filter { ![.int4, .uint4, .int2, .uint2].contains($0.value.elementType) }
        let file = SafeTensors(tensors: tensors, metadata: ["format": "pt", "é\"\n": "\\"])
        try withTemporaryFolder { folder in
            try file.write(to: folder + "/a.safetensors")
            try file.write(to: folder + "/b.safetensors")
            let again = try SafeTensors(contentsOf: folder + "/a.safetensors")
            #expect(again.tensors == tensors)
            #expect(again.metadata == file.metadata)
            #expect(FileManager.default.contentsEqual(atPath: folder + "/a.safetensors", andPath: folder + "/b.safetensors"))
        }
    }

    @Test func anEmptyFileIsOne() throws {
        try withTemporaryFolder { folder in
            try SafeTensors(tensors: [:]).write(to: folder + "/a.safetensors")
            #expect(try SafeTensors(contentsOf: folder + "/a.safetensors").tensors.isEmpty)
        }
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, 3, "has bytes that belong to no tensor"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#, 3, "does not begin where the tensor before it ends"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#, 3,
            "does not begin where the tensor before it ends"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,3]}}"#, 3, "uint8[4] takes 4 bytes, but 3 are given"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 3, "is cut short"),
        (#"{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#, 3, "has the negative extent -4"),
        (#"{"a":{"dtype":"U8","shape":[9223372036854775807,3],"data_offsets":[0,3]}}"#, 3, "no memory holds"),
        (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#, 8, "has type C64, which is not supported"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#, 3, "has damaged offsets"),
        (#"{"a":7}"#, 0, "has a damaged safetensors header"), ("[1]", 0, "is not a safetensors file"),
    ]) func damagedHeadersAreRefused(header: String, byteCount: Int, problem: String) throws {
        try withTemporaryFolder { folder in
            var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
            bytes += Array(header.utf8) + [UInt8](repeating: 0, count: byteCount)
            try AtomicFile.write(bytes, to: folder + "/a.safetensors")
            let text = message { _ = try SafeTensors(contentsOf: folder + "/a.safetensors") }
            #expect(text.contains(problem), "\(text)")
        }
    }
}

@Suite struct IDXFiles {
    @Test func readsPlainAndGzippedImages() throws {
        let images = Tensor((0..<12).map { UInt8($0) }, shape: [3, 2, 2])
        #expect(try IDX.read(Fixture.path("images-idx3-ubyte")) == images)
        #expect(try IDX.read(Fixture.path("images-idx3-ubyte.gz")) == images)
        #expect(try IDX.read(Fixture.path("floats-idx1")) == Tensor([1.5, -2] as [Float]))
    }

    @Test func cutFilesAreRefused() throws {
        try withTemporaryFolder { folder in
            for name in ["images-idx3-ubyte", "images-idx3-ubyte.gz"] {
                try AtomicFile.write(Array(Fixture.bytes(name).dropLast(9)), to: folder + "/a")
                let text = message { _ = try IDX.read(folder + "/a") }
                #expect(text.contains("cut short") || text.contains("takes 12 bytes"), "\(text)")
            }
        }
    }
}
