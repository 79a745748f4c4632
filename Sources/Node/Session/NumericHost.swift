//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayTransport

/// The numeric form of a host, which sockets want; `owner` is whose address it is.
///
/// - Throws: `invalidArgument` for a name that nobody knows.
func numericHost(_ host: String, of owner: String) throws(RayError) -> String {
    do throws(TransportError) {
        return try HostName.resolve(host)
    } catch {
        throw RayError(
            .invalidArgument, "the \(owner)'s address is of no use: \(error); give a numeric one with --node-ip-address"
        )
    }
}
