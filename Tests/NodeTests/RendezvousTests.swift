//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayNode
import RayTransport
import RayWire
import Synchronization
import Testing

@Suite("Waiting for messages") struct RendezvousTests {
    private func arrive(_ message: Message, answering request: UInt64, at rendezvous: Rendezvous) {
        message.payload.withUnsafeBytes {
            rendezvous.message(kind: message.kind, requestID: request, payload: $0, from: .gcs)
        }
    }

    @Test("an answer that comes after its request was given up is not taken for the next one's")
    func late() throws {
        let reactor = try Reactor.started()
        defer { reactor.stop() }
        let rendezvous = Rendezvous(reactor: reactor)
        #expect(throws: RayError.self) {
            try rendezvous.message(from: .gcs, at: "here", milliseconds: 5) { $1 == 1 }
        }
        arrive(.done(Done(error: RayError(.systemError, "late"))), answering: 1, at: rendezvous)
        arrive(.done(Done(error: nil)), answering: 2, at: rendezvous)
        let answer = try rendezvous.message(from: .gcs, at: "here", milliseconds: 5_000) { $1 == 2 }
        #expect(answer == .done(Done(error: nil)))
    }

    private final class Heir: EndpointHandler {
        let lost = Mutex<[WorkerID]>([])

        func peerUp(_ peer: WorkerID, _ hello: Hello) {}
        func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {}
        func peerLost(_ peer: WorkerID, _ reason: String) { lost.withLock { $0.append(peer) } }
        func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {}
    }

    @Test(
        "Who takes over hears of a link to the head that was lost meanwhile, and of no other", arguments: [true, false])
    func lostMeanwhile(isLost: Bool) throws {
        let reactor = try Reactor.started()
        defer { reactor.stop() }
        let relay = HandlerRelay()
        relay.pass(to: Rendezvous(reactor: reactor))
        let own = Address(node: .none, worker: WorkerID(1, 1, 1, 1), host: "", port: 0, socketPath: "")
        let endpoint = Endpoint(
            Hello(role: .driver, identity: own.worker, incarnation: 1, address: own), credentials: .open,
            reactor: reactor, handler: relay)
        // Nobody listens there: over a Unix socket that is the end of the link, over TCP it is tried for seconds.
        endpoint.connect(
            to: isLost
                ? Address(node: .none, worker: .gcs, host: "", port: 0, socketPath: "/tmp/ray-nobody/s")
                : Address(node: .none, worker: .gcs, host: "127.0.0.1", port: 1, socketPath: ""))
        if isLost { #expect(reactor.poll(microseconds: 10_000_000) { endpoint.peer(.gcs) == nil }) }
        let heir = Heir()
        relay.pass(to: heir, of: endpoint, missing: .gcs)
        let isOver = Atomic(false)
        reactor.perform { isOver.store(true, ordering: .releasing) }
        #expect(reactor.poll(microseconds: 10_000_000) { isOver.load(ordering: .acquiring) })
        #expect(heir.lost.withLock { $0 } == (isLost ? [.gcs] : []))
        endpoint.shutdown(reason: "the test ends")
    }

    @Test("A request that is larger than a frame is refused at once, with what helps") func tooLarge() throws {
        let client = try ControlClient(host: "127.0.0.1", port: 1, token: .open)
        let value = [UInt8](repeating: 1, count: Limits.framePayloadBytesMax)
        let request = KeyValueRequest(operation: .put, namespace: "n", key: [1], value: value, overwrite: true)
        let error = #expect(throws: RayError.self) { try client.request(.keyValueRequest(request)) }
        #expect(error?.type == .invalidArgument)
        #expect(error?.message.contains("ray.put()") == true)
    }
}
