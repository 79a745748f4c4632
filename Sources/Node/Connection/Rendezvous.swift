//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore
package import RayTransport
package import RayWire
internal import Synchronization

/// Waits, on the caller's thread and within a limit, for answers while a process introduces itself.
package final class Rendezvous: EndpointHandler {
    private enum Event {
        case message(Message, requestID: UInt64)
        case failed(RayError)
    }

    private let reactor: Reactor
    private let events = Mutex<[(WorkerID, Event)]>([])

    package init(reactor: Reactor) { self.reactor = reactor }

    /// The first message of `peer` that `isWanted` accepts, by what it says and the request it answers; the others
    /// are dropped: they answer requests that were given up.
    ///
    /// - Throws: `clusterUnreachable` when the limit is over or the peer is lost, `authenticationFailed` if refused.
    package func message(
        from peer: WorkerID, at place: String, milliseconds: Int, _ isWanted: (Message, UInt64) -> Bool
    ) throws(RayError) -> Message {
        let deadline = reactor.clock.now().advanced(milliseconds: milliseconds)
        var outcome: Result<Message, RayError>?
        var pollMicroseconds = 5_000
        while outcome == nil {
            let left = deadline.milliseconds(since: reactor.clock.now())
            guard left > 0 else {
                throw RayError(
                    .clusterUnreachable,
                    "no answer from \(place) within \(milliseconds / 1000) s; check the address and that "
                        + "'ray start --head' runs there")
            }
            // Polls for a moment, then looks again every millisecond: the reactor's own thread leads meanwhile.
            _ = reactor.poll(microseconds: pollMicroseconds) {
                outcome = self.take(from: peer, isWanted)
                return outcome != nil
            }
            pollMicroseconds = 1
            if outcome == nil { usleep(1_000) }
        }
        switch outcome {
        case .success(let message)?: return message
        case .failure(let error)?: throw error
        case nil: throw RayError(.clusterUnreachable, "no answer from \(place)")
        }
    }

    private func take(from peer: WorkerID, _ isWanted: (Message, UInt64) -> Bool) -> Result<Message, RayError>? {
        events.withLock { events in
            while let index = events.firstIndex(where: { $0.0 == peer }) {
                switch events.remove(at: index).1 {
                case .message(let message, let request) where isWanted(message, request): return .success(message)
                case .message: continue
                case .failed(let error): return .failure(error)
                }
            }
            return nil
        }
    }

    package func peerUp(_ peer: WorkerID, _ hello: Hello) {}

    package func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        guard let message = try? Message(kind: kind, payload: payload) else { return }
        events.withLock { $0.append((peer, .message(message, requestID: requestID))) }
    }

    package func peerLost(_ peer: WorkerID, _ reason: String) {
        events.withLock { $0.append((peer, .failed(RayError(.clusterUnreachable, reason)))) }
    }

    package func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {
        events.withLock { $0.append((peer, .failed(RayError(.authenticationFailed, reason)))) }
    }
}
