//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import CRayGRPC
internal import NIOCore

// The C interface of what is answered for clients of Ray: see `ray_grpc.h`.

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_set_runtime(_ runtime: UnsafePointer<ray_grpc_runtime>) {
    ClientSessions.use(CoreRuntime(runtime.pointee))
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_pause_sessions(_ arePaused: CInt) { ClientSessions.pause(arePaused != 0) }

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_session(_ client: ray_grpc_bytes, _ arrays: ray_grpc_bytes) -> UnsafeMutableRawPointer {
    let module = arrays.count == 0 ? nil : String(decoding: arrays.buffer, as: UTF8.self)
    let session = ClientSessions.session(of: String(decoding: client.buffer, as: UTF8.self), arrays: module)
    return Unmanaged.passRetained(session).toOpaque()
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_release_session(_ session: UnsafeMutableRawPointer) {
    Unmanaged<ClientSession>.fromOpaque(session).release()
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_end_session(_ session: UnsafeMutableRawPointer) {
    ClientSessions.end(borrowed(session, ClientSession.self))
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_session_insert(_ session: UnsafeMutableRawPointer, _ object: UnsafeRawPointer) -> CInt {
    borrowed(session, ClientSession.self).insert(ObjectKey(object)) ? 1 : 0
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_session_contains(_ session: UnsafeMutableRawPointer, _ object: UnsafeRawPointer) -> CInt {
    borrowed(session, ClientSession.self).contains(ObjectKey(object)) ? 1 : 0
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_session_remove(_ session: UnsafeMutableRawPointer, _ object: UnsafeRawPointer) -> CInt {
    borrowed(session, ClientSession.self).remove(ObjectKey(object)) ? 1 : 0
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_session_count(_ session: UnsafeMutableRawPointer) -> Int {
    borrowed(session, ClientSession.self).count
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_serve(_ call: UnsafeMutableRawPointer, _ session: UnsafeMutableRawPointer, _ caches: CInt) {
    borrowed(call, HeldCall.self).call.serve(borrowed(session, ClientSession.self), caches: caches != 0)
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_is_unlearned(_ call: UnsafeMutableRawPointer) -> CInt {
    borrowed(call, HeldCall.self).call.isUnlearned ? 1 : 0
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_learn(
    _ call: UnsafeMutableRawPointer, _ template: UnsafeMutableRawPointer, _ actor: UnsafeRawPointer?,
    _ resultsMax: Int, _ marker: ray_grpc_bytes
) {
    guard let runtime = ClientSessions.core else { return }
    let learned = LearnedCall(
        template: CoreRuntime.Template(template, of: runtime),
        actor: actor.map { ByteBuffer(bytes: UnsafeRawBufferPointer(start: $0, count: 16)) }, resultsMax: resultsMax,
        marker: .raw(ByteBuffer(bytes: marker.buffer)))
    borrowed(call, HeldCall.self).call.learn(learned)
}

extension ObjectKey {
    fileprivate init(_ pointer: UnsafeRawPointer) {
        self.init(bytes: UnsafeRawBufferPointer(start: pointer, count: Self.byteCount))
    }
}
