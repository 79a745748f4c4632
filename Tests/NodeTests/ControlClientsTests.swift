//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import RayTransport
import RayWire
import Synchronization
import Testing

@Suite("Questions to the head") struct ControlClientsTests {
    /// A head that notes who asks, and answers when it is told to.
    final class Head: EndpointHandler {
        let reactor: Reactor
        private let endpoint = Mutex<Endpoint?>(nil)
        private let asked = Mutex<[(peer: WorkerID, request: UInt64)]>([])
        private(set) nonisolated(unsafe) var port: UInt16 = 0

        init() throws {
            reactor = try .started()
            let address = Address(node: .none, worker: .gcs, host: "127.0.0.1", port: 0, socketPath: "")
            let endpoint = Endpoint(
                Hello(role: .gcs, identity: .gcs, incarnation: 1, address: address),
                credentials: Credentials(token: [], source: "a test", isTokenWanted: false), reactor: reactor,
                handler: self)
            port = try endpoint.listen(host: "127.0.0.1", port: 0)
            self.endpoint.withLock { $0 = endpoint }
        }

        /// Waits until so many questions have come, up to some 20 s.
        func waitForQuestions(_ count: Int) {
            for _ in 0..<20_000 where asked.withLock({ $0.count }) < count { usleep(1_000) }
            #expect(asked.withLock { $0.count } >= count)
        }

        /// Who asked, in order.
        var peers: [WorkerID] { asked.withLock { $0.map(\.peer) } }

        func answerAll() {
            for (peer, request) in asked.withLock({ $0 }) {
                let answer = Message.done(Done())
                endpoint.withLock { $0 }?
                    .send(kind: answer.kind, requestID: request, payload: answer.payload, to: peer)
            }
        }

        func close() {
            endpoint.withLock { endpoint in
                endpoint?.shutdown(reason: "the test ends")
                endpoint = nil
            }
            reactor.stop()
        }

        func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
            asked.withLock { $0.append((peer, requestID)) }
        }

        func peerUp(_ peer: WorkerID, _ hello: Hello) {}
        func peerLost(_ peer: WorkerID, _ reason: String) {}
        func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {}
    }

    @Test("A question waits for its own limit only, whatever others wait for", .timeLimit(.minutes(1)))
    func limits() throws {
        let head = try Head()
        defer { head.close() }
        let clients = try ControlClients(host: "127.0.0.1", port: head.port) { .open }
        let patient = ask(clients)
        head.waitForQuestions(1)
        let error = #expect(throws: RayError.self) {
            try clients.request(.collectGarbage(CollectGarbage()), milliseconds: 200)
        }
        #expect(error?.type == .clusterUnreachable)
        #expect(!patient.isFilled)
        head.answerAll()
        #expect(try answer(patient) == .done(Done()))
    }

    @Test("After a failure the next question has a new connection, however many there were", .timeLimit(.minutes(1)))
    func afterFailure() throws {
        let head = try Head()
        defer { head.close() }
        let clients = try ControlClients(host: "127.0.0.1", port: head.port) { .open }
        let first = (0..<2).map { _ in ask(clients) }
        head.waitForQuestions(2)
        head.answerAll()
        for slot in first { #expect(try answer(slot) == .done(Done())) }
        #expect(throws: RayError.self) {
            try clients.request(.collectGarbage(CollectGarbage()), milliseconds: 200)
        }
        let last = ask(clients)
        head.waitForQuestions(4)
        head.answerAll()
        #expect(try answer(last) == .done(Done()))
        #expect(Set(head.peers.dropLast()).count == 2)
        #expect(head.peers.last.map { !head.peers.dropLast().contains($0) } == true)
    }

    /// Asks on a thread of its own.
    private func ask(_ clients: ControlClients) -> AnswerSlot<Message> {
        let slot = AnswerSlot<Message>()
        onThread {
            slot.fill(
                Result { () throws(RayError) in
                    try clients.request(.collectGarbage(CollectGarbage()), milliseconds: 50_000)
                })
        }
        return slot
    }

    /// What came, or nothing after 50 s.
    private func answer(_ slot: AnswerSlot<Message>) throws -> Message? {
        for _ in 0..<50 where !slot.isFilled { _ = slot.sleep(milliseconds: 1_000) }
        return try slot.result?.get()
    }

    /// Runs something that waits, on a thread of its own.
    private func onThread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                argument.map { Unmanaged<Start>.fromOpaque($0).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Start(body)).toOpaque())
        #expect(status == 0)
        pthread_detach(thread)
    }

    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
