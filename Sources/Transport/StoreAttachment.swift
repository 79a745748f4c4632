//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc

/// What a process needs to use its node's object store.
package struct StoreAttachment: Sendable {
    /// Shared memory of the store; belongs to the receiver.
    package var descriptor: Int32
    /// The file in which objects lie that the shared memory has no room for; nothing if the node has none.
    package var fallbackDescriptor: Int32?
    /// Index of the process's slot in the store.
    package var slot: UInt32
    /// Must stay open as long as the store is used: its end gives the slot and all pins back.
    package var connection: Int32
}

/// The conversation by which a process gets its node's store, over a Unix socket of the raylet.
///
///     client ──▶ raylet   length of the token (4 bytes, little-endian), token
///     client ◀── raylet   slot (4 bytes, little-endian) with the descriptor of the memory, and that of the
///                       fallback file if there is one
///                or       a sentence without a descriptor, and the end
package enum StoreAttachmentProtocol {
    /// Longest token, in bytes.
    package static let tokenBytesMax = 4_096
    /// Longest sentence of a refusal, in bytes.
    package static let refusalBytesMax = 1_024
    /// How long either side waits for the other.
    package static let secondsMax = 10
}

/// Asks the raylet at `socketPath` for the store. Blocks up to 10 s.
///
/// - Throws: `system` if there is no raylet or it refuses; its operation says why.
package func attachStore(socketPath: String, token: [UInt8]) throws(TransportError) -> StoreAttachment {
    let connection = ray_unix_connect(socketPath)
    guard connection >= 0 else {
        throw .system(operation: "connecting to the object store at \(socketPath)", code: -connection)
    }
    guard UnixPeer.mayServe(ray_peer_user(connection)) else {
        ray_close(connection)
        let operation = "connecting to the object store at \(socketPath), which another user serves"
        throw .system(operation: operation, code: EPERM)
    }
    do throws(TransportError) {
        return try attachStore(connection, token: token)
    } catch {
        ray_close(connection)
        throw error
    }
}

private func attachStore(_ connection: Int32, token: [UInt8]) throws(TransportError) -> StoreAttachment {
    let flags = fcntl(connection, F_GETFL)
    guard flags >= 0, fcntl(connection, F_SETFL, flags & ~O_NONBLOCK) == 0 else {
        throw .system(operation: "preparing the connection to the object store", code: errno)
    }
    var limit = timeval(tv_sec: StoreAttachmentProtocol.secondsMax, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var request = withUnsafeBytes(of: UInt32(token.count).littleEndian) { Array($0) } + token
    guard ray_socket_send(connection, &request, request.count) == request.count else {
        throw .system(operation: "asking for the object store", code: EPIPE)
    }
    var answer = [UInt8](repeating: 0, count: StoreAttachmentProtocol.refusalBytesMax)
    var count = 0
    var descriptors = [Int32](repeating: -1, count: Int(RAY_DESCRIPTORS_MAX))
    let received = ray_recv_fds(connection, &descriptors, RAY_DESCRIPTORS_MAX, &answer, answer.count, &count)
    guard received > 0 else {
        let reason = String(decoding: answer.prefix { $0 != 0 }, as: UTF8.self)
        throw .system(
            operation: "attaching to the object store" + (reason.isEmpty ? "" : " (\(reason))"), code: -received)
    }
    guard count == 4 else {
        for descriptor in descriptors[..<Int(received)] { ray_close(descriptor) }
        throw .system(operation: "attaching to the object store", code: EBADMSG)
    }
    let slot = answer.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
    return StoreAttachment(
        descriptor: descriptors[0], fallbackDescriptor: received > 1 ? descriptors[1] : nil, slot: slot,
        connection: connection)
}
