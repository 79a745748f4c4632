//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayTransport

extension Reactor {
    /// A reactor whose background thread runs.
    ///
    /// - Throws: `systemError` if the machine gives no descriptors or threads.
    package static func started() throws(RayError) -> Reactor {
        do throws(TransportError) {
            let reactor = try Reactor()
            try reactor.start()
            return reactor
        } catch {
            throw RayError(.systemError, "\(error)")
        }
    }
}
