//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc

/// Why a socket could not be opened or a process not started.
package enum TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process listens on this port.
    case portInUse(host: String, port: UInt16)
    /// A process serves this socket.
    case socketInUse(path: String)
    /// The folder of a socket is open to other users.
    case folderNotPrivate(path: String)
    /// TLS is wanted and cannot be had; what is wrong, with the file's path.
    case tls(String)
    /// Nobody knows the address of a host; why.
    case nameUnknown(host: String, reason: String)
    /// A system call failed.
    case system(operation: String, code: Int32)

    package var description: String {
        switch self {
        case .portInUse(let host, let port):
            "port \(port) on \(host) is in use: stop the process that listens there, or choose another port "
                + "(0 takes a free one)"
        case .socketInUse(let path):
            "the socket \(path) is served by another process: stop it, or choose another session folder"
        case .folderNotPrivate(let path):
            "the folder \(path) can be written by other users: use one with mode 0700 that is yours"
        case .tls(let reason):
            "TLS is wanted (RAY_USE_TLS) and cannot be used: \(reason)"
        case .nameUnknown(let host, let reason):
            "the name \(host) cannot be resolved: \(reason)"
        case .system(let operation, let code):
            "\(operation) failed: \(Self.text(code))"
        }
    }

    /// The system's words for an error number.
    package static func text(_ code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress, strerror_r(code, base, 256) == 0 else { return "error \(code)" }
            return String(cString: base)
        }
    }
}
