/// A scheme under the name that users know it by.
package struct QuantizationPreset: Sendable {
    package let name: String
    package let scheme: QuantizationScheme

    init(_ name: String, _ scheme: QuantizationScheme) { (self.name, self.scheme) = (name, scheme) }

    /// Symmetric integers of few bits in blocks, 8 bits where few lose most.
    static func int(_ bits: Int, _ size: Int) -> QuantizationPreset {
        QuantizationPreset("int\(bits)-g\(size)", QuantizationScheme(bits: bits, .block(ScaleBlock(inputs: size))).with { ($0.clips, $0.isMixed) = (true, true) })
    }

    /// The default at 4 bits: that of `uint4-g16`.
    static let int4 = uint(4, 16, name: "int4")

    /// The same with zero points.
    static func uint(_ bits: Int, _ size: Int, name: String? = nil) -> QuantizationPreset {
        QuantizationPreset(
            name ?? "uint\(bits)-g\(size)",
            QuantizationScheme(affine: bits, .block(ScaleBlock(inputs: size))).with { ($0.scales, $0.clips, $0.isMixed) = (.float16, true, true) })
    }

    static func microscaled(_ name: String, _ format: NumberFormat) -> QuantizationPreset {
        QuantizationPreset(name, QuantizationScheme(format, .block(32), .e8m0(.floor)))
    }
}

/// Every preset, one line each.
public enum QuantizationPresets: MemberCatalogue {
    package static let all: [QuantizationPreset] = [
        QuantizationPreset("int8", QuantizationScheme(bits: 8, .channel)),
        QuantizationPreset("int16", QuantizationScheme(bits: 16, .channel)),
        .int4,
        .int(4, 16), .int(4, 32), .int(4, 64), .int(4, 128),
        .uint(4, 16), .uint(4, 32), .uint(4, 64), .uint(4, 128),
        .int(3, 16), .uint(3, 16), .uint(2, 16),
        QuantizationPreset("uint8", QuantizationScheme(affine: 8, .channel)),
        QuantizationPreset("nf4", QuantizationScheme(.nf4, .block(64))),
        QuantizationPreset("fp4", QuantizationScheme(.e2m1, .block(32))),
        QuantizationPreset("fp8-e4m3", QuantizationScheme(.e4m3, .channel)),
        QuantizationPreset("fp8-e5m2", QuantizationScheme(.e5m2, .channel)),
        QuantizationPreset("fp8-128x128", QuantizationScheme(.e4m3, .block(ScaleBlock(outputs: 128, inputs: 128)))),
        .microscaled("mxfp4", .e2m1),
        .microscaled("mxfp6-e2m3", .e2m3),
        .microscaled("mxfp6-e3m2", .e3m2),
        .microscaled("mxfp8-e4m3", .e4m3),
        .microscaled("mxfp8-e5m2", .e5m2),
        .microscaled("mxfp6", .e2m3),
        .microscaled("mxfp8", .e4m3),
        QuantizationPreset("nvfp4", QuantizationScheme(.e2m1, .block(16), .e4m3)),
    ] + (2...8).map { QuantizationPreset("palette-\($0)", QuantizationScheme(paletteOf: $0)) }
    public static var names: [String] { all.map(\.name) }
}
