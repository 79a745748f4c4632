//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayTransport

/// Hands the store's memory to processes of the node, and tells when they are gone.
///
/// Everything happens on the `DescriptorWatch`'s thread; slots are given and taken by the callbacks.
///
/// Unchecked: `pending` is touched by that thread only; the rest is constant.
package final class StoreAttachmentServer: @unchecked Sendable {
    /// Connections that have not said their token.
    private static let pendingMax = 256

    private let watch: DescriptorWatch
    private let token: [UInt8]
    /// The arena, and the fallback file if there is one.
    private let storeDescriptors: [Int32]
    /// Asks for a slot for a process; the answer is a slot or a sentence, given on the watch's thread.
    private let attach: (Int32, @escaping @Sendable (UInt32?, String) -> Void) -> Void
    private let detach: (UInt32) -> Void
    /// Takes a connection from a listener: its descriptor, or -errno.
    private let take: (Int32) -> Int32
    /// What was said on connections that have no slot yet, and since when they are there.
    private var pending: [Int32: (said: [UInt8], since: UInt64)] = [:]

    /// A server that does not listen yet; an empty token lets everyone of the same user in.
    package init(
        watch: DescriptorWatch, token: [UInt8], storeDescriptors: [Int32],
        attach: @escaping (Int32, @escaping @Sendable (UInt32?, String) -> Void) -> Void,
        detach: @escaping (UInt32) -> Void, accept: @escaping (Int32) -> Int32 = { ray_accept($0) }
    ) {
        self.watch = watch
        self.token = token
        self.storeDescriptors = storeDescriptors
        self.attach = attach
        self.detach = detach
        take = accept
    }

    /// Begins to serve the socket; any thread.
    ///
    /// - Throws: `socketInUse` or `system`.
    package func listen(path: String) throws(TransportError) {
        let listener = ray_unix_listen(path, 128)
        if listener == -EADDRINUSE { throw .socketInUse(path: path) }
        guard listener >= 0 else { throw .system(operation: "listening on \(path)", code: -listener) }
        watch.perform { self.watch.add(listener) { self.accept(listener) } }
    }

    private func accept(_ listener: Int32) -> Bool {
        for _ in 0..<64 {
            let connection = take(listener)
            if Scarcity.isMeant(by: -connection) {
                watch.pause(listener)
                watch.after(milliseconds: Scarcity.restMilliseconds) {
                    self.watch.resume(listener) { self.accept(listener) }
                }
            }
            guard connection >= 0 else { break }
            endOverdue()
            guard pending.count < Self.pendingMax, ray_peer_user(connection) == Int64(getuid()) else {
                refuse(connection, "only processes of the raylet's own user get the store")
                ray_close(connection)
                continue
            }
            pending[connection] = ([], ray_monotonic_nanoseconds())
            watch.add(connection) { self.readToken(connection) }
        }
        return true
    }

    private func readToken(_ connection: Int32) -> Bool {
        var said = pending[connection]?.said ?? []
        var buffer = [UInt8](repeating: 0, count: StoreAttachmentProtocol.tokenBytesMax + 4)
        let count = ray_socket_receive(connection, &buffer, buffer.count)
        guard count != -Int(EAGAIN) else { return true }
        guard count > 0 else {
            pending[connection] = nil
            return false
        }
        said += buffer[..<count]
        pending[connection]?.said = said
        guard said.count >= 4 else { return true }
        let length = said.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) }
        guard length <= StoreAttachmentProtocol.tokenBytesMax, said.count <= length + 4 else {
            return end(connection, "the token is too long")
        }
        guard said.count == length + 4 else { return true }
        guard isEqual(Array(said[4...]), token) || token.isEmpty else {
            return end(connection, "the token is not this cluster's; set RAY_AUTH_TOKEN to it")
        }
        pending[connection] = nil
        attach(Int32(truncatingIfNeeded: ray_peer_process(connection))) { slot, reason in
            self.watch.perform { self.give(slot, reason, to: connection) }
        }
        // Nothing more is said on this connection; until the slot is given its end is not looked for.
        watch.pause(connection)
        return true
    }

    private func give(_ slot: UInt32?, _ reason: String, to connection: Int32) {
        guard let slot else {
            refuse(connection, reason)
            return watch.remove(connection)
        }
        let bytes = withUnsafeBytes(of: slot.littleEndian) { Array($0) }
        guard ray_send_fds(connection, storeDescriptors, Int32(storeDescriptors.count), bytes, bytes.count) == 0 else {
            detach(slot)
            return watch.remove(connection)
        }
        watch.resume(connection) { self.readEnd(connection, slot) }
    }

    /// The client says nothing more: the first thing to be read is its end.
    private func readEnd(_ connection: Int32, _ slot: UInt32) -> Bool {
        var byte: UInt8 = 0
        let count = ray_socket_receive(connection, &byte, 1)
        guard count <= 0, count != -Int(EAGAIN) else { return true }
        detach(slot)
        return false
    }

    /// Closes connections that have not said their token in time.
    private func endOverdue() {
        let limit = UInt64(StoreAttachmentProtocol.secondsMax) * 1_000_000_000
        let now = ray_monotonic_nanoseconds()
        for connection in pending.filter({ now - $0.value.since > limit }).keys.sorted() {
            pending[connection] = nil
            watch.remove(connection)
        }
    }

    private func end(_ connection: Int32, _ reason: String) -> Bool {
        refuse(connection, reason)
        pending[connection] = nil
        return false
    }

    private func refuse(_ connection: Int32, _ reason: String) {
        let bytes = Array(reason.utf8.prefix(StoreAttachmentProtocol.refusalBytesMax))
        _ = ray_socket_send(connection, bytes, bytes.count)
    }

    /// Compares without telling by its time where the difference is.
    private func isEqual(_ lhs: [UInt8], _ rhs: [UInt8]) -> Bool {
        guard lhs.count == rhs.count else { return false }
        return zip(lhs, rhs).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
