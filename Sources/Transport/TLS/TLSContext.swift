//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// What a process proves itself with over TCP, and whom it believes: TLS 1.2 or 1.3, both sides with a certificate.
///
/// Unchecked: the pointer is constant, and OpenSSL's contexts may be used by all threads.
package final class TLSContext: @unchecked Sendable {
    private let pointer: OpaquePointer

    /// Reads the PEM files.
    ///
    /// - Parameters:
    ///   - certificate: Path of this process's certificate, with those between it and the authority after it.
    ///   - key: Path of the certificate's private key.
    ///   - authority: Path of the certificates that those of peers must come from.
    /// - Throws: `tls` if OpenSSL is not installed or a file cannot be used, with its path.
    package init(certificate: String, key: String, authority: String) throws(TransportError) {
        var reason = ""
        let made = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1_024) { text -> OpaquePointer? in
            let made = ray_tls_context_create(certificate, key, authority, text.baseAddress, text.count)
            if made == nil, let base = text.baseAddress { reason = String(cString: base) }
            return made
        }
        guard let made else { throw .tls(reason) }
        pointer = made
    }

    deinit { ray_tls_context_destroy(pointer) }

    /// The session of one connection; `host` is whom a client called, nothing for a server.
    func makeSession(host: String?) -> TLSSession? {
        ray_tls_session_create(pointer, host).map { TLSSession($0) }
    }
}
