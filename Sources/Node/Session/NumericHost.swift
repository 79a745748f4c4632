//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import RayCore

/// The numeric form of a host, which sockets want; `owner` is whose address it is.
///
/// - Throws: `invalidArgument` for a name that nobody knows.
func numericHost(_ host: String, of owner: String) throws(RayError) -> String {
    var text = [CChar](repeating: 0, count: 128)
    let status = ray_resolve(host, &text, text.count)
    guard status == 0 else {
        throw RayError(
            .invalidArgument,
            "the \(owner)'s address '\(host)' cannot be resolved: \(String(cString: ray_resolve_error(status))); "
                + "give a numeric one with --node-ip-address")
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
