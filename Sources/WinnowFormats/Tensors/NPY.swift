package import WinnowTensor

/// NumPy's file of one array.
package enum NPY {
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    package static func read(_ path: String) throws -> Tensor {
        try MappedFile(path).withUnsafeBytes { try tensor($0, subject: path) }
    }

    package static func write(_ tensor: Tensor, to path: String) throws {
        let header = try header(tensor, subject: path)
        try AtomicFile.write(to: path) { sink in
            try sink.write(header)
            try tensor.withUnsafeBytes { try sink.write($0) }
        }
    }

    /// The array in the bytes of a file.
    static func tensor(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> Tensor {
        var reader = ByteReader(bytes, subject: subject)
        let (header, shape) = try layout(&reader, subject: subject)
        try header.check(shape, byteCount: reader.remaining, subject: subject)
        let count = header.elementType.byteCount(of: shape.elementCount)
        let stored = header.isColumnMajor ? Shape(shape.reversed()) : shape
        var tensor = Tensor(copying: try reader.slice(count), shape: stored, header.elementType)
        if header.isBigEndian { tensor.swapBytes() }
        guard header.isColumnMajor, shape.elementCount > 0 else { return tensor.reshaped(shape) }
        return tensor.transposed(Array((0..<shape.rank).reversed()))
    }

    /// What the head of a file of numbers says; the elements follow.
    static func layout(_ reader: inout ByteReader, subject: String) throws -> (header: NPYHeader, shape: Shape) {
        let layout = try anyLayout(&reader, subject: subject)
        guard layout.header.text == nil else { throw WinnowError(.unsupported, subject, "holds texts, not numbers") }
        return layout
    }

    /// The same of a file that may hold texts.
    static func anyLayout(_ reader: inout ByteReader, subject: String) throws -> (header: NPYHeader, shape: Shape) {
        guard reader.remaining >= magic.count, try reader.slice(magic.count).elementsEqual(magic) else {
            throw WinnowError(.file, subject, "is not a NumPy array file")
        }
        let version = try reader.little(UInt8.self)
        _ = try reader.slice(1)
        let length = version == 1 ? Int(try reader.little(UInt16.self)) : Int(try reader.little(UInt32.self))
        let header = try NPYHeader(try reader.text(length), subject: subject)
        return (header, try Shape(checking: header.extents, of: subject))
    }

    /// The bytes before the elements, padded so that they begin on a 64-byte boundary.
    static func header(_ tensor: Tensor, subject: String) throws -> [UInt8] {
        guard let code = NPYHeader.codes.first(where: { $0.value == tensor.elementType })?.key else {
            throw WinnowError(
                .unsupported, subject, "NumPy has no element type \(tensor.elementType)", remedy: "write safetensors, or convert it to float32")
        }
        let extents = tensor.shape.map(String.init).joined(separator: ", ") + (tensor.rank == 1 ? "," : "")
        let order = tensor.elementType.bitWidth == 8 ? "|" : "<"
        var text = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': (\(extents)), }"
        // Version 1 counts the header in 16 bits; 64 axes of 19 digits stay far below.
        let unpadded = magic.count + 4 + text.utf8.count + 1
        text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        guard text.utf8.count <= 0xFFFF else { throw WinnowError(.unsupported, subject, "has too many axes for NumPy") }
        var bytes = magic + [1, 0]
        bytes.append(little: UInt16(text.utf8.count))
        return bytes + Array(text.utf8)
    }
}

/// The dictionary at the head of a NumPy file.
struct NPYHeader {
    var elementType: ElementType = .float32
    /// How elements are texts; nil: they are numbers.
    var text: NPYText?
    var isBigEndian = false
    var isColumnMajor = false
    var extents: [Int] = []

    static let codes: [String: ElementType] = [
        "b1": .bool, "i1": .int8, "u1": .uint8, "i2": .int16, "u2": .uint16, "i4": .int32, "u4": .uint32, "i8": .int64,
        "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64,
    ]

    /// Throws where so many bytes do not hold an array of this shape.
    func check(_ shape: Shape, byteCount: Int, subject: String) throws {
        let count = elementType.byteCount(of: shape.elementCount)
        guard byteCount < count else { return }
        throw WinnowError(
            .file, subject, "\(elementType)[\(shape)] takes \(count) bytes, but the file has \(byteCount)", remedy: "copy it again")
    }

    init(_ text: String, subject: String) throws {
        func damaged() -> WinnowError { WinnowError(.file, subject, "has a damaged NumPy header", remedy: "copy it again") }
        func value(of key: String) throws -> Substring {
            guard let range = text.firstRange(of: "'\(key)':") else { throw damaged() }
            return text[range.upperBound...].drop { $0 == " " }
        }
        let type = try value(of: "descr")
        guard type.first == "'" else {
            throw WinnowError(.unsupported, subject, "holds records, not numbers")
        }
        let code = type.dropFirst().prefix { $0 != "'" }
        let form = NPYText(code: code.dropFirst())
        self.text = form
        guard let order = code.first, let known = form == nil ? Self.codes[String(code.dropFirst())] : .uint8, "<>|=".contains(order) else {
            throw WinnowError(.unsupported, subject, "has NumPy type \(code.prefix(20)), which is not supported")
        }
        elementType = known
        isBigEndian = order == ">"
        isColumnMajor = try value(of: "fortran_order").hasPrefix("True")
        let list = try value(of: "shape")
        guard list.first == "(", let end = list.firstIndex(of: ")") else { throw damaged() }
        for part in list[..<end].dropFirst().split(separator: ",") {
            let digits = part.filter { $0 != " " && $0 != "L" }
            if digits.isEmpty { continue }
            guard let extent = Int(digits) else { throw damaged() }
            extents.append(extent)
        }
        guard extents.count <= 64 else { throw damaged() }
    }
}

extension Tensor {
    /// Reverses the bytes of every element.
    mutating func swapBytes() {
        let width = elementType.bitWidth / 8
        guard width > 1 else { return }
        withUnsafeMutableBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: width) {
                bytes[start..<(start + width)].reverse()
            }
        }
    }
}
