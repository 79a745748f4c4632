//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import CRayGRPC
internal import NIOCore

// The C interface of servers: see `ray_grpc.h`.

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_server(_ messageMax: Int) -> UnsafeMutableRawPointer {
    Unmanaged.passRetained(GRPCServer(messageMax: messageMax)).toOpaque()
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_bind(
    _ server: UnsafeMutableRawPointer, _ host: UnsafePointer<CChar>, _ port: CInt,
    _ reason: UnsafeMutablePointer<CChar>, _ reasonMax: Int
) -> CInt {
    do {
        return CInt(try borrowed(server, GRPCServer.self).bind(host: String(cString: host), port: Int(port)))
    } catch {
        let text = Array("\(error)".utf8.prefix(max(0, reasonMax - 1)))
        for (index, byte) in text.enumerated() { reason[index] = CChar(bitPattern: byte) }
        if reasonMax > 0 { reason[text.count] = 0 }
        return -1
    }
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_next_call(
    _ server: UnsafeMutableRawPointer, _ milliseconds: CInt, _ call: UnsafeMutablePointer<ray_grpc_call>
) -> CInt {
    let server = borrowed(server, GRPCServer.self)
    guard let next = server.nextCall(milliseconds: Int(milliseconds)) else { return server.isStopped ? -1 : 0 }
    call.pointee.call = Unmanaged.passRetained(HeldCall(next, of: server)).toOpaque()
    return 1
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_stop(_ server: UnsafeMutableRawPointer, _ milliseconds: CInt) {
    borrowed(server, GRPCServer.self).stop(milliseconds: Int(milliseconds))
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_release_server(_ server: UnsafeMutableRawPointer) {
    Unmanaged<GRPCServer>.fromOpaque(server).release()
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_method(_ call: UnsafeMutableRawPointer) -> ray_grpc_bytes {
    borrowed(call, HeldCall.self).method
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_metadata(
    _ call: UnsafeMutableRawPointer, _ index: Int, _ name: UnsafeMutablePointer<ray_grpc_bytes>,
    _ value: UnsafeMutablePointer<ray_grpc_bytes>
) -> CInt {
    let pairs = borrowed(call, HeldCall.self).metadata
    guard index < pairs.count else { return 0 }
    name.pointee = pairs[index].name
    value.pointee = pairs[index].value
    return 1
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_receive(
    _ call: UnsafeMutableRawPointer, _ milliseconds: CInt, _ message: UnsafeMutablePointer<ray_grpc_message>
) -> CInt {
    switch borrowed(call, HeldCall.self).call.receive(milliseconds: Int(milliseconds)) {
    case .message(let buffer):
        message.pointee = ray_grpc_message(holding: buffer)
        return 1
    case .nothing: return 0
    case .end: return -1
    case .over: return -2
    }
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_release_message(_ owner: UnsafeMutableRawPointer) {
    Unmanaged<AnyObject>.fromOpaque(owner).release()
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_wake(_ call: UnsafeMutableRawPointer) { borrowed(call, HeldCall.self).call.wake() }

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_send(
    _ call: UnsafeMutableRawPointer, _ message: ray_grpc_bytes, _ milliseconds: CInt
) -> CInt {
    switch borrowed(call, HeldCall.self).call.send(message.buffer, milliseconds: Int(milliseconds)) {
    case .sent: 1
    case .noRoom: 0
    case .over: -2
    }
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_finish(
    _ call: UnsafeMutableRawPointer, _ code: CInt, _ details: ray_grpc_bytes, _ last: ray_grpc_bytes
) {
    borrowed(call, HeldCall.self).call.finish(
        code: Int(code), details: String(decoding: details.buffer, as: UTF8.self),
        after: last.data == nil ? nil : last.buffer)
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_cancel(_ call: UnsafeMutableRawPointer) { borrowed(call, HeldCall.self).call.cancel() }

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_is_active(_ call: UnsafeMutableRawPointer) -> CInt {
    borrowed(call, HeldCall.self).call.isActive ? 1 : 0
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_release_call(_ call: UnsafeMutableRawPointer) {
    let held = Unmanaged<HeldCall>.fromOpaque(call)
    held.takeUnretainedValue().forget()
    held.release()
}

func borrowed<Object: AnyObject>(_ pointer: UnsafeMutableRawPointer, _ type: Object.Type) -> Object {
    Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
}

/// A call, with its texts where they do not move.
final class HeldCall {
    let call: ServerCall
    let server: GRPCServer
    let method: ray_grpc_bytes
    let metadata: [(name: ray_grpc_bytes, value: ray_grpc_bytes)]

    init(_ call: ServerCall, of server: GRPCServer) {
        self.call = call
        self.server = server
        method = ray_grpc_bytes(copying: call.method)
        metadata = call.metadata.map { (ray_grpc_bytes(copying: $0.name), ray_grpc_bytes(copying: $0.value)) }
    }

    func forget() { server.forget(call) }

    deinit {
        for bytes in [method] + metadata.flatMap({ [$0.name, $0.value] }) { bytes.buffer.deallocate() }
    }
}

extension ray_grpc_bytes {
    fileprivate init(copying text: String) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, text.utf8.count), alignment: 1)
        copy.copyBytes(from: text.utf8)
        self.init(data: UnsafeRawPointer(copy.baseAddress), count: text.utf8.count)
    }

    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: count) }
}

extension ray_grpc_message {
    /// A buffer's bytes where they are.
    init(holding buffer: ByteBuffer) {
        self = buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
            ray_grpc_message(
                bytes: ray_grpc_bytes(data: bytes.baseAddress, count: bytes.count), owner: storage.retain().toOpaque())
        }
    }
}
