public import CWinnow
import Foundation
import Synchronization
import Winnow
import WinnowTensor

// The functions of winnow.h. Handles are retained objects.

/// A model that is read, and its names as C has them.
private final class CModel: Sendable {
    let model: Model
    let inputs: [CText]
    let outputs: [CText]

    init(_ model: Model) {
        self.model = model
        inputs = model.graph.requiredInputs.map { CText($0.name) }
        outputs = model.graph.outputNames.map { CText($0) }
    }
}

/// A text that ends with 0.
private final class CText: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<CChar>

    init(_ text: String) {
        let bytes = Array(text.utf8CString)
        pointer = .allocate(capacity: bytes.count)
        pointer.initialize(from: bytes, count: bytes.count)
    }

    deinit { pointer.deallocate() }
}

/// A session with the arrays it was given and gives.
private final class CSession: Sendable {
    private struct State {
        let session: Session
        var inputs: [String: Tensor] = [:]
        var outputs: [String: CArray] = [:]
    }

    private let state: Mutex<State>

    init(_ model: CModel) throws {
        let session = try Session(model.model.graph)
        state = Mutex(State(session: session))
    }

    func set(_ name: String, _ tensor: Tensor) throws {
        try state.withLock { state in
            let names = state.session.graph.inputNames
            guard names.contains(name) else {
                throw WinnowError(.data, "input \(name)", "the model has no such input", remedy: "its inputs are \(names.joined(separator: ", "))")
            }
            state.inputs[name] = tensor
        }
    }

    func run() throws {
        try state.withLock { state in
            state.outputs = [:]
            state.outputs = try state.session.run(state.inputs).mapValues { try CArray($0) }
        }
    }

    func output(_ name: String) throws -> winnow_array {
        try state.withLock { state in
            guard let array = state.outputs[name] else {
                let names = state.session.graph.outputNames
                throw WinnowError(
                    .data, "output \(name)", names.contains(name) ? "is not there before the first run" : "the model has no such output",
                    remedy: names.contains(name) ? "call winnow_run" : "its outputs are \(names.joined(separator: ", "))")
            }
            return array.value
        }
    }
}

/// An array whose bytes stay where they are.
private final class CArray: @unchecked Sendable {
    let value: winnow_array
    private let bytes: UnsafeMutableRawPointer

    init(_ tensor: Tensor) throws {
        let count = tensor.byteCount
        var value = try winnow_array(tensor.elementType, Array(tensor.shape))
        let copy = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 64)
        tensor.withUnsafeBytes { source in
            if let base = source.baseAddress { copy.copyMemory(from: base, byteCount: count) }
        }
        (value.data, value.byte_count) = (UnsafeRawPointer(copy), count)
        (self.value, bytes) = (value, copy)
    }

    deinit { bytes.deallocate() }
}

extension winnow_array {
    /// Type and extents, without data.
    fileprivate init(_ type: ElementType, _ extents: [Int]) throws {
        self.init()
        guard extents.count <= Int(WINNOW_MAX_RANK) else {
            throw WinnowError(.unsupported, "array", "has \(extents.count) axes, more than the \(WINNOW_MAX_RANK) of the C interface")
        }
        (self.type, rank) = (Int32(type.rawValue), Int32(extents.count))
        withUnsafeMutableBytes(of: &self.extents) { target in
            let numbers = target.bindMemory(to: Int64.self)
            for (axis, extent) in extents.enumerated() { numbers[axis] = Int64(extent) }
        }
    }

    /// A copy. Throws `.data` for what is no array.
    fileprivate func tensor(for name: String) throws -> Tensor {
        func wrong(_ problem: String, _ remedy: String) -> WinnowError { WinnowError(.data, "input \(name)", problem, remedy: remedy) }
        guard let type = ElementType(rawValue: Int(type)), type.bitWidth >= 8 else { throw wrong("has the type \(self.type)", "take one of enum winnow_type") }
        guard (0...Int(WINNOW_MAX_RANK)).contains(Int(rank)) else { throw wrong("has the rank \(rank)", "give 0 to \(WINNOW_MAX_RANK)") }
        let own = withUnsafeBytes(of: extents) { Array($0.bindMemory(to: Int64.self).prefix(Int(rank))) }
        var count = 1
        for extent in own {
            let (product, overflows) = count.multipliedReportingOverflow(by: Int(clamping: extent))
            guard extent >= 0, !overflows, product < 1 << 48 else { throw wrong("has the extents \(own)", "give extents that memory holds") }
            count = product
        }
        let bytes = type.byteCount(of: count)
        guard byte_count == 0 || byte_count == bytes else { throw wrong("has \(byte_count) bytes, but \(type) \(own) takes \(bytes)", "give byte_count 0, or that") }
        guard data != nil || bytes == 0 else { throw wrong("has no data", "set data") }
        var tensor = Tensor(zeros: Shape(own.map { Int($0) }), type)
        tensor.withUnsafeMutableBytes { target in
            if let data, let base = target.baseAddress { base.copyMemory(from: data, byteCount: bytes) }
        }
        return tensor
    }
}

/// What failed last in each thread.
private enum LastError {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { text in free(text) }
        return key
    }()

    static func set(_ error: any Error) {
        free(pthread_getspecific(key))
        pthread_setspecific(key, strdup("\(error)"))
    }

    static var text: UnsafePointer<CChar>? { pthread_getspecific(key).map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) } }
    static let none = CText("")
}

/// Does `work`; -1 and the thread's error where it fails.
private func status(_ work: () throws -> Void) -> CInt {
    do { try work() } catch {
        LastError.set(error)
        return -1
    }
    return 0
}

/// The object behind a handle. Throws `.usage` for NULL.
private func object<Object: AnyObject>(_ handle: OpaquePointer?, _ type: Object.Type) throws -> Object {
    guard let handle else { throw WinnowError(.usage, "handle", "is NULL", remedy: "check what made it") }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

private func retained(_ make: () throws -> some AnyObject) -> OpaquePointer? {
    do { return OpaquePointer(Unmanaged.passRetained(try make()).toOpaque()) } catch {
        LastError.set(error)
        return nil
    }
}

private func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws -> String {
    guard let pointer else { throw WinnowError(.usage, what, "is NULL", remedy: "give a text") }
    return String(cString: pointer)
}

private let version = CText(Platform.programVersion)

@_cdecl("winnow_version")
public func winnowVersion() -> UnsafePointer<CChar> { UnsafePointer(version.pointer) }

@_cdecl("winnow_error")
public func winnowError() -> UnsafePointer<CChar> { LastError.text ?? UnsafePointer(LastError.none.pointer) }

@_cdecl("winnow_set_threads")
public func winnowSetThreads(_ count: CInt) -> CInt {
    status {
        guard (0...Platform.threadLimit).contains(Int(count)) else {
            throw WinnowError(.usage, "threads", "are \(count)", remedy: "give 1 to \(Platform.threadLimit), or 0 for one per core")
        }
        Platform.setThreadCount(Int(count))
    }
}

@_cdecl("winnow_model_load")
public func winnowModelLoad(_ path: UnsafePointer<CChar>?) -> OpaquePointer? {
    retained { try CModel(Model(reading: text(path, "path"))) }
}

@_cdecl("winnow_model_free")
public func winnowModelFree(_ model: OpaquePointer?) {
    if let model { Unmanaged<CModel>.fromOpaque(UnsafeRawPointer(model)).release() }
}

@_cdecl("winnow_input_count")
public func winnowInputCount(_ model: OpaquePointer?) -> Int { (try? object(model, CModel.self).inputs.count) ?? 0 }

@_cdecl("winnow_output_count")
public func winnowOutputCount(_ model: OpaquePointer?) -> Int { (try? object(model, CModel.self).outputs.count) ?? 0 }

@_cdecl("winnow_input_name")
public func winnowInputName(_ model: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>? { name(model, index, \.inputs) }

@_cdecl("winnow_output_name")
public func winnowOutputName(_ model: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>? { name(model, index, \.outputs) }

private func name(_ model: OpaquePointer?, _ index: Int, _ names: (CModel) -> [CText]) -> UnsafePointer<CChar>? {
    guard let names = (try? object(model, CModel.self)).map(names), names.indices.contains(index) else { return nil }
    return UnsafePointer(names[index].pointer)
}

@_cdecl("winnow_input_info")
public func winnowInputInfo(_ model: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<winnow_array>?) -> CInt {
    status {
        let inputs = try object(model, CModel.self).model.graph.requiredInputs
        guard inputs.indices.contains(index), let info else { throw WinnowError(.usage, "input \(index)", "is not there", remedy: "the model has \(inputs.count)") }
        let type = inputs[index].type
        guard let extents = type.extents else { throw WinnowError(.unsupported, "input \(inputs[index].name)", "has no shape in the file") }
        info.pointee = try winnow_array(type.elementType, extents.map { $0.value ?? -1 })
    }
}

@_cdecl("winnow_session_new")
public func winnowSessionNew(_ model: OpaquePointer?) -> OpaquePointer? { retained { try CSession(object(model, CModel.self)) } }

@_cdecl("winnow_session_free")
public func winnowSessionFree(_ session: OpaquePointer?) {
    if let session { Unmanaged<CSession>.fromOpaque(UnsafeRawPointer(session)).release() }
}

@_cdecl("winnow_set_input")
public func winnowSetInput(_ session: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ array: UnsafePointer<winnow_array>?) -> CInt {
    status {
        let name = try text(name, "name")
        guard let array else { throw WinnowError(.usage, "input \(name)", "has no array", remedy: "give one") }
        try object(session, CSession.self).set(name, array.pointee.tensor(for: name))
    }
}

@_cdecl("winnow_run")
public func winnowRun(_ session: OpaquePointer?) -> CInt { status { try object(session, CSession.self).run() } }

@_cdecl("winnow_get_output")
public func winnowGetOutput(_ session: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ array: UnsafeMutablePointer<winnow_array>?) -> CInt {
    status {
        let name = try text(name, "name")
        guard let array else { throw WinnowError(.usage, "output \(name)", "has nowhere to go", remedy: "give an array") }
        array.pointee = try object(session, CSession.self).output(name)
    }
}
