//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayTransport
package import RayWire
internal import Synchronization

/// A connection to a cluster's head for one question after the other, as commands ask them. One thread at a time uses it.
package final class ControlClient: Sendable {
    private let reactor: Reactor
    private let endpoint: Endpoint
    private let rendezvous: Rendezvous
    private let place: String
    private let lastRequest = Atomic<UInt64>(0)

    /// Connects; a failure is told by the first request.
    ///
    /// - Throws: `systemError` if the machine gives no descriptors.
    package init(host: String, port: UInt16, token: AuthenticationToken) throws(RayError) {
        place = "\(host):\(port)"
        reactor = try .started()
        rendezvous = Rendezvous(reactor: reactor)
        var generator = SystemRandomNumberGenerator()
        let identity = WorkerID.random(using: &generator)
        let address = Address(node: .none, worker: identity, host: "", port: 0, socketPath: "")
        let hello = Hello(role: .commandLine, identity: identity, incarnation: generator.next(), address: address)
        var settings = Endpoint.Settings()
        // A person or a probe waits: where nobody listens is told at once, not when a head might have come back.
        settings.acrossNodes.lossMilliseconds = 1_000
        endpoint = Endpoint(
            hello, credentials: try token.credentials(isWanted: false),
            settings: settings, reactor: reactor, handler: rendezvous)
        endpoint.connect(
            to: Address(node: .none, worker: .gcs, host: host, port: port, socketPath: ""))
    }

    deinit {
        endpoint.shutdown(reason: "done")
        _ = reactor.poll(microseconds: 2_000) { false }
        reactor.stop()
    }

    /// Sends a request and waits for its answer; one that comes too late is not taken for that of the next request.
    ///
    /// - Throws: `clusterUnreachable` or `authenticationFailed`, with the remedy; `invalidArgument` for a request that is
    ///   too large.
    package func request(_ message: Message, milliseconds: Int = 10_000) throws(RayError) -> Message {
        let request = lastRequest.wrappingAdd(1, ordering: .relaxed).newValue
        let payload = message.payload
        guard endpoint.send(kind: message.kind, requestID: request, payload: payload, to: .gcs) != .tooLarge else {
            throw .tooLarge("a request to the head", byteCount: payload.count)
        }
        return try rendezvous.message(from: .gcs, at: place, milliseconds: milliseconds) { $1 == request }
    }
}
