internal import COneDNN
internal import CWinnowKernels
internal import WinnowTensor

/// The CPU engine all primitives share, and what oneDNN says of the machine.
enum OneDNN {
    /// The engine, or nil if oneDNN could not make one.
    nonisolated(unsafe) private static let sharedEngine: OpaquePointer? = {
        var engine: OpaquePointer?
        guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success else { return nil }
        return engine
    }()

    static func engine() throws -> OpaquePointer {
        guard let engine = sharedEngine else {
            throw WinnowError(.unsupported, "oneDNN", "offers no CPU engine on this machine")
        }
        return engine
    }

    /// Whether 8-bit products add up in 32 bits in one step; without it pairs of u8·s8 products saturate at 16 bits.
    static let hasExactIntegerDotProduct: Bool = {
        let isa = dnnl_get_effective_cpu_isa().rawValue
        let avx512VNNI = dnnl_cpu_isa_avx512_core_vnni.rawValue
        let avx2VNNI = dnnl_cpu_isa_avx2_vnni.rawValue
        return isa & avx512VNNI == avx512VNNI || isa & avx2VNNI == avx2VNNI
    }()

    /// Whether products of bfloat16 are faster than those of float32.
    static let multipliesBFloat16: Bool = {
        let wanted = dnnl_cpu_isa_avx512_core_bf16.rawValue
        return dnnl_get_effective_cpu_isa().rawValue & wanted == wanted
    }()

    /// How many float32 an instruction takes, and the blocks that layouts of channels are made of.
    static let floatsAtOnce: Int = {
        let isa = dnnl_get_effective_cpu_isa().rawValue
        func has(_ wanted: dnnl_cpu_isa_t) -> Bool { isa & wanted.rawValue == wanted.rawValue }
        return has(dnnl_cpu_isa_avx512_core) ? 16 : has(dnnl_cpu_isa_avx2) ? 8 : 4
    }()

    static func check(_ status: dnnl_status_t, _ subject: @autoclosure () -> String) throws {
        guard status != dnnl_success else { return }
        throw error(status, subject())
    }

    private static func error(_ status: dnnl_status_t, _ subject: String) -> WinnowError {
        switch status {
        case dnnl_out_of_memory: WinnowError(.numeric, subject, "not enough memory")
        case dnnl_invalid_arguments: WinnowError(.shape, subject, "oneDNN refuses these shapes or parameters")
        case dnnl_unimplemented: WinnowError(.unsupported, subject, "oneDNN has no implementation for these parameters")
        default: WinnowError(.unsupported, subject, "oneDNN failed with status \(status.rawValue)")
        }
    }
}

extension ElementType {
    /// The oneDNN data type, or nil where oneDNN has none.
    var dnnlType: dnnl_data_type_t? {
        switch self {
        case .float32: dnnl_f32
        case .float16: dnnl_f16
        case .bfloat16: dnnl_bf16
        case .int32: dnnl_s32
        case .int8: dnnl_s8
        case .uint8, .bool: dnnl_u8
        default: nil
        }
    }
}
