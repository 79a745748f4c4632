//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayTransport

extension TLSContext {
    /// TLS as Ray's variables want it; nothing where `RAY_USE_TLS` is not set.
    ///
    /// - Throws: `invalidArgument` if a variable is missing, OpenSSL is not installed or a file cannot be used.
    package static func fromEnvironment(
        _ read: (String) -> String? = { environment($0) }
    ) throws(RayError) -> TLSContext? {
        guard ["1", "true"].contains(read("RAY_USE_TLS")?.lowercased() ?? "") else { return nil }
        let names = ["RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT"]
        let paths = names.map { read($0) ?? "" }
        let missing = zip(names, paths).filter(\.1.isEmpty).map(\.0)
        guard missing.isEmpty else {
            throw RayError(
                .invalidArgument,
                "RAY_USE_TLS is set, and \(missing.joined(separator: " and ")) "
                    + (missing.count == 1 ? "is" : "are") + " not: name the files of this node's certificate "
                    + "(RAY_TLS_SERVER_CERT), its key (RAY_TLS_SERVER_KEY) and the authority (RAY_TLS_CA_CERT)")
        }
        do throws(TransportError) {
            return try TLSContext(certificate: paths[0], key: paths[1], authority: paths[2])
        } catch {
            throw RayError(.invalidArgument, "\(error)")
        }
    }
}
