//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// Names of machines.
package enum HostName {
    /// A numeric address of a host; a name may take seconds, for which the calling thread blocks.
    ///
    /// - Throws: `nameUnknown`
    package static func resolve(_ host: String) throws(TransportError) -> String {
        var numeric = [CChar](repeating: 0, count: 128)
        let status = ray_resolve(host, &numeric, numeric.count)
        guard status == 0 else { throw .nameUnknown(host: host, reason: String(cString: ray_resolve_error(status))) }
        return String(decoding: numeric.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Looks a host up on a thread of its own, which tells the outcome.
    static func resolve(
        _ host: String, _ answer: @escaping @Sendable (Result<String, TransportError>) -> Void
    ) {
        do throws(TransportError) {
            try PlainThread.start("ray.resolver") {
                answer(Result { () throws(TransportError) in try resolve(host) })
            }
        } catch {
            answer(.failure(.nameUnknown(host: host, reason: "\(error)")))
        }
    }
}
