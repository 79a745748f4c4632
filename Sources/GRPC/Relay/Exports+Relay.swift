//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import CRayGRPC
internal import NIOCore

// The C interface of calls that are passed on: see `ray_grpc.h`.

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_begin(
    _ call: UnsafeMutableRawPointer, _ host: UnsafePointer<CChar>, _ port: CInt, _ service: UnsafePointer<CChar>,
    _ key: UnsafePointer<CChar>
) -> UnsafeMutableRawPointer {
    let held = borrowed(call, HeldCall.self)
    let outgoing = held.server.begin(
        held.call, atHost: String(cString: host), port: Int(port), service: String(cString: service),
        key: String(cString: key))
    return Unmanaged.passRetained(outgoing).toOpaque()
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_send_on(_ outgoing: UnsafeMutableRawPointer, _ message: ray_grpc_bytes) {
    borrowed(outgoing, OutgoingCall.self).send(message.buffer)
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_pass_on(
    _ call: UnsafeMutableRawPointer, _ outgoing: UnsafeMutableRawPointer, _ kept: UnsafePointer<CInt>, _ keptCount: Int
) {
    let fields = UnsafeBufferPointer(start: kept, count: keptCount).map(Int.init)
    borrowed(call, HeldCall.self).call.passOn(to: borrowed(outgoing, OutgoingCall.self), keeping: Set(fields))
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_receive_kept(
    _ outgoing: UnsafeMutableRawPointer, _ milliseconds: CInt, _ message: UnsafeMutablePointer<ray_grpc_message>,
    _ code: UnsafeMutablePointer<CInt>
) -> CInt {
    switch borrowed(outgoing, OutgoingCall.self).receive(milliseconds: Int(milliseconds)) {
    case .message(let buffer):
        message.pointee = ray_grpc_message(holding: buffer)
        return 1
    case .nothing: return 0
    case .end(let status, let details):
        message.pointee = ray_grpc_message(holding: ByteBuffer(string: details))
        code.pointee = CInt(clamping: status)
        return -1
    }
}

/// See `ray_grpc.h`.
@c @implementation
public func ray_grpc_release_outgoing(_ outgoing: UnsafeMutableRawPointer) {
    let held = Unmanaged<OutgoingCall>.fromOpaque(outgoing)
    held.takeUnretainedValue().cancel()
    held.release()
}
