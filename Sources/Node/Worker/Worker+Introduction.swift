//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore
internal import RayTransport
internal import RayWire
internal import RayWorker
internal import Synchronization

extension Worker {
    private static let acceptMilliseconds = 10_000

    /// Tells the node's raylet that this process is there, and waits until it is taken.
    ///
    /// - Throws: the raylet's reason, or `localRayletDied` if it does not answer within 10 s.
    package func introduce(to raylet: Address, startToken: UInt64) throws(RayError) {
        endpoint.connect(to: raylet)
        send(
            .workerReady(
                WorkerReady(
                    address: address, processID: configuration.core.processID, startToken: startToken)),
            to: raylet.worker)
        let deadline = now().advanced(milliseconds: Self.acceptMilliseconds)
        while now() < deadline {
            let isAnswered = reactor.poll(microseconds: 20_000) {
                self.state.withLock { $0.accepted != nil }
            }
            guard isAnswered, let accepted = state.withLock({ $0.accepted }) else { continue }
            return try accepted.get()
        }
        throw RayError(
            .localRayletDied, "the raylet of this node did not answer within \(Self.acceptMilliseconds / 1000) s")
    }
}
