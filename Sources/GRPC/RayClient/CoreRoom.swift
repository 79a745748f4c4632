//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import CRayGRPC
package import NIOCore
internal import Synchronization

/// Room that the runtime of this process was asked for.
///
/// Unchecked: the functions are constant, and the room is used under a lock.
package final class CoreRoom: ClientRoom, @unchecked Sendable {
    private struct State {
        /// None any more once it is sealed or given back.
        var room: UnsafeMutableRawPointer?
        var bytes: UnsafeMutableRawPointer?
        var standing = RoomStanding.awaited
    }

    /// Who gives the room back need not wait for who waits for it any longer.
    private static let sliceMilliseconds = 20
    private let functions: ray_grpc_runtime
    private let byteCount: Int
    private var state: State
    private let lock = Mutex(())

    /// Room of so many bytes that was asked for by `functions.create`, and is given back in any case.
    package init(_ room: UnsafeMutableRawPointer, byteCount: Int, of functions: ray_grpc_runtime) {
        state = State(room: room)
        self.byteCount = byteCount
        self.functions = functions
    }

    deinit { abort() }

    package var standing: RoomStanding {
        // Somebody waits: then it is not there yet.
        lock.withLockIfAvailable { _ in look(milliseconds: 0) } ?? .awaited
    }

    package func wait(milliseconds: Int) {
        for _ in stride(from: 0, to: milliseconds, by: Self.sliceMilliseconds) {
            guard lock.withLock({ _ in look(milliseconds: Self.sliceMilliseconds) }) == .awaited else { return }
        }
    }

    private func look(milliseconds: Int) -> RoomStanding {
        guard state.standing == .awaited, let room = state.room else { return state.standing }
        switch functions.await_room(room, CInt(milliseconds), &state.bytes) {
        case 0: break
        case 1 where state.bytes != nil: state.standing = .granted
        default: state.standing = .refused
        }
        return state.standing
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        precondition(offset >= 0 && bytes.count <= byteCount - offset)
        lock.withLock { _ in
            guard state.room != nil, let room = state.bytes else { return }
            UnsafeMutableRawBufferPointer(start: room + offset, count: bytes.count).copyMemory(from: bytes)
        }
    }

    package func read(at offset: Int, count: Int) -> ByteBuffer? {
        precondition(offset >= 0 && count >= 0 && count <= byteCount - offset)
        return lock.withLock { _ in
            guard state.room != nil, let room = state.bytes else { return nil }
            return ByteBuffer(bytes: UnsafeRawBufferPointer(start: room + offset, count: count))
        }
    }

    package func seal() -> ObjectKey? {
        withUnsafeTemporaryAllocation(byteCount: ObjectKey.byteCount, alignment: 1) { object in
            guard let room = take(), functions.seal(room, object.baseAddress) >= 0 else { return nil }
            return ObjectKey(bytes: UnsafeRawBufferPointer(object))
        }
    }

    package func abort() {
        if let room = take() { functions.abort(room) }
    }

    private func take() -> UnsafeMutableRawPointer? {
        lock.withLock { _ in
            defer { state = State(standing: .refused) }
            return state.room
        }
    }
}
