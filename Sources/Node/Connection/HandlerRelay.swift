//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayTransport
package import RayWire
internal import Synchronization

/// Passes an endpoint's events on to whoever is responsible at the moment.
///
/// An endpoint wants its handler when it is made, and most handlers want their endpoint: this breaks the circle.
package final class HandlerRelay: EndpointHandler {
    private struct Target {
        var handler: (any EndpointHandler)?
    }

    private let target = Mutex(Target())

    package init() {}

    /// From now on `handler` is told.
    package func pass(to handler: (any EndpointHandler)?) { target.withLock { $0.handler = handler } }

    /// From now on `handler` is told, and of the loss of a peer that an earlier handler may have been told of.
    ///
    /// A loss that comes while this runs may be told twice.
    package func pass(to handler: any EndpointHandler, of endpoint: Endpoint, missing peer: WorkerID) {
        pass(to: handler)
        // A link is taken from the table before its loss is told: so either it is missing here, or `handler` hears it.
        guard endpoint.peer(peer) == nil else { return }
        endpoint.reactor.perform { handler.peerLost(peer, "the link was lost while this process joined") }
    }

    private var handler: (any EndpointHandler)? { target.withLock { $0.handler } }

    package func peerUp(_ peer: WorkerID, _ hello: Hello) { handler?.peerUp(peer, hello) }

    package func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        handler?.message(kind: kind, requestID: requestID, payload: payload, from: peer)
    }

    package func messagesEnd() { handler?.messagesEnd() }

    package func peerLost(_ peer: WorkerID, _ reason: String) { handler?.peerLost(peer, reason) }

    package func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {
        handler?.refused(peer, address, reason)
    }

    package func warn(_ text: String) { handler?.warn(text) }
}
