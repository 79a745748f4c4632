//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Synchronization

/// TLS on one connection, from and to memory. All threads may write; the reactor's leader reads.
final class TLSSession: Sendable {
    enum Progress {
        /// So many bytes were decrypted; 0 for a handshake that is done.
        case done(Int)
        /// More must come from the socket.
        case waiting
        /// The other side has said that nothing more comes.
        case ended
        case failed(String)
    }

    /// What is encrypted at once, and so the most that waits for the socket.
    private static let recordBytesMax = 64 << 10

    /// Unchecked: used under the mutex only.
    private struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let handle: Mutex<Handle>

    init(_ pointer: OpaquePointer) { handle = Mutex(Handle(pointer: pointer)) }

    deinit { handle.withLock { ray_tls_session_destroy($0.pointer) } }

    /// Takes bytes that came from the socket; false if there is no memory.
    func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        handle.withLock { ray_tls_feed($0.pointer, bytes.baseAddress, bytes.count) == 1 }
    }

    /// Goes on with the handshake.
    func handshake() -> Progress {
        handle.withLock { handle in
            switch ray_tls_handshake(handle.pointer) {
            case 1: .done(0)
            case 0: .waiting
            default: .failed(Self.reason(handle))
            }
        }
    }

    /// Decrypts into `room`.
    func read(into room: UnsafeMutableRawBufferPointer) -> Progress {
        handle.withLock { handle in
            let count = ray_tls_read(handle.pointer, room.baseAddress, room.count)
            switch count {
            case 1...: return .done(count)
            case 0: return .waiting
            case -2: return .ended
            default: return .failed(Self.reason(handle))
            }
        }
    }

    /// Encrypts and sends; how many bytes were taken: 0 while the socket takes none.
    func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
        handle.withLock { handle in
            guard ray_tls_flush(handle.pointer, descriptor) == 1 else { return 0 }
            let taken = ray_tls_write(handle.pointer, bytes.baseAddress, min(bytes.count, Self.recordBytesMax))
            _ = ray_tls_flush(handle.pointer, descriptor)
            return taken
        }
    }

    /// Sends what is encrypted and waits; whether nothing is left.
    func flush(to descriptor: Int32) -> Bool { handle.withLock { ray_tls_flush($0.pointer, descriptor) == 1 } }

    private static func reason(_ handle: Handle) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
            ray_tls_error(handle.pointer, text.baseAddress, text.count)
            return text.baseAddress.map { String(cString: $0) } ?? ""
        }
    }
}
