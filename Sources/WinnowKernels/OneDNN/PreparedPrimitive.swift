internal import COneDNN
internal import WinnowTensor

/// A primitive with its argument list, made once; each run only sets pointers. Not for two threads at a time.
final class PreparedPrimitive: @unchecked Sendable {
    /// One execution argument: oneDNN's index, its memory and where the pointer comes from.
    struct Argument {
        enum Binding {
            /// Set before each run with `bind`.
            case slot(Int)
            /// The same for all runs, kept alive with the primitive.
            case constant(TensorStorage)
        }
        var index: Int32
        var descriptor: MemoryDescriptor
        var binding: Binding

        init(_ index: Int32, _ descriptor: MemoryDescriptor, _ binding: Binding) {
            self.index = index
            self.descriptor = descriptor
            self.binding = binding
        }
    }

    let implementation: String
    /// Bytes of scratch memory a run needs.
    let scratchByteCount: Int
    private let subject: String
    private let threadCount: Int
    private let primitive: OpaquePointer
    private let stream: OpaquePointer
    private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>
    /// For each argument the slot it takes its pointer from, or −1.
    private let slots: UnsafeMutableBufferPointer<Int>
    private let constants: [TensorStorage]

    init(_ descriptor: PrimitiveDescriptor, _ list: [Argument]) throws {
        subject = descriptor.subject
        implementation = descriptor.implementation
        threadCount = descriptor.threadCount
        scratchByteCount = descriptor.byteCount(dnnl_query_scratchpad_md)
        func isEmpty(_ index: Int32) -> Bool { list.contains { $0.index == index && $0.descriptor.byteCount == 0 } }
        // oneDNN does nothing then, and the target stays as it was.
        guard !isEmpty(DNNL_ARG_SRC) || isEmpty(DNNL_ARG_DST) else {
            throw WinnowError(.unsupported, subject, "has a result of nothing: its input has no elements")
        }
        var primitive: OpaquePointer?
        var stream: OpaquePointer?
        // With another count oneDNN's cache misses, and a descriptor that came from the cache refers to attributes that are gone.
        ThreadCount.applyToCurrentThread(threadCount)
        try OneDNN.check(dnnl_primitive_create(&primitive, descriptor.handle), subject)
        try OneDNN.check(dnnl_stream_create(&stream, OneDNN.engine(), UInt32(dnnl_stream_default_flags.rawValue)), subject)
        guard let primitive, let stream else { throw WinnowError(.unsupported, subject, "oneDNN made no primitive") }
        self.primitive = primitive
        self.stream = stream
        constants = list.compactMap { if case .constant(let storage) = $0.binding { storage } else { nil } }
        arguments = .allocate(capacity: list.count + 1)
        arguments.initialize(repeating: dnnl_exec_arg_t())
        slots = .allocate(capacity: list.count)
        slots.initialize(repeating: -1)
        for (position, argument) in list.enumerated() {
            switch argument.binding {
            case .slot(let slot):
                slots[position] = slot
                arguments[position] = try Self.execution(argument.index, argument.descriptor, nil)
            case .constant(let storage):
                arguments[position] = try Self.execution(argument.index, argument.descriptor, storage.base)
            }
        }
        arguments[list.count] = try Self.execution(
            DNNL_ARG_SCRATCHPAD, descriptor.memory(dnnl_query_scratchpad_md), nil)
    }

    private static func execution(
        _ index: Int32, _ descriptor: MemoryDescriptor, _ pointer: UnsafeMutableRawPointer?
    ) throws -> dnnl_exec_arg_t {
        var memory: OpaquePointer?
        try OneDNN.check(dnnl_memory_create(&memory, descriptor.handle, OneDNN.engine(), pointer), "memory object")
        return dnnl_exec_arg_t(arg: index, memory: memory)
    }

    deinit {
        for argument in arguments { dnnl_memory_destroy(argument.memory) }
        arguments.deallocate()
        slots.deallocate()
        dnnl_stream_destroy(stream)
        dnnl_primitive_destroy(primitive)
    }

    /// Points every argument of `slot` at `pointer`; oneDNN writes only to the targets.
    @inline(__always)
    func bind(_ slot: Int, _ pointer: UnsafeRawPointer?) {
        for position in 0..<slots.count where slots[position] == slot {
            dnnl_memory_set_data_handle(arguments[position].memory, UnsafeMutableRawPointer(mutating: pointer))
        }
    }

    /// Executes with the bound pointers and returns when the result is written.
    func execute(scratch: UnsafeMutableRawPointer?) throws {
        ThreadCount.applyToCurrentThread(threadCount)
        dnnl_memory_set_data_handle(arguments[arguments.count - 1].memory, scratch)
        let status = dnnl_primitive_execute(primitive, stream, Int32(arguments.count), arguments.baseAddress)
        if status != dnnl_success { try OneDNN.check(status, subject) }
    }
}

/// The arguments' places in the pointer list of a run, shared by the kernels.
enum Slot {
    static let source = 0
    static let filter = 1
    static let bias = 2
    static let target = 3
    static let residual = 4
    static let mean = 5
    static let variance = 6
    static let scale = 7
    static let shift = 8
    static let scaleGradient = 9
    static let shiftGradient = 10
    static let sourceGradient = 11
}
