//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import NIOHPACK
import NIOHTTP2
import RayGRPC
import Testing

/// Calls of clients over streams whose other side is the test.
@Suite("Calls of a server")
struct ServerCallTests {
    private func bytes(_ text: String, _ count: Int = 1) -> ByteBuffer {
        ByteBuffer(string: String(repeating: text, count: count))
    }

    private func send(_ text: String, _ call: ServerCall) -> String {
        switch Array(text.utf8).withUnsafeBytes({ call.send($0, milliseconds: 0) }) {
        case .sent: "sent"
        case .noRoom: "no room"
        case .over: "over"
        }
    }

    // MARK: Waiting for each other

    @Test("A client is not read from while as much waits as may, and is again when the program has taken of that")
    func fullOfRequests() throws {
        let (client, call) = try TestStream.call(waitingMax: 100)
        #expect(client.reads > 0)
        client.send(bytes("a", 60))
        #expect(client.reads == 1)
        client.send(bytes("b", 39))
        #expect(client.reads == 1)
        client.send(bytes("c", 60), bytes("d"))
        #expect(client.reads == 0)
        #expect(call.receive(milliseconds: 0) == .message(bytes("a", 60)))
        // 100 bytes are still there.
        #expect(client.reads == 0)
        #expect(call.receive(milliseconds: 0) == .message(bytes("b", 39)))
        #expect(client.reads == 1)
        client.sendEnd()
        #expect(call.receive(milliseconds: 0) == .message(bytes("c", 60)))
        #expect(call.receive(milliseconds: 0) == .message(bytes("d")))
        #expect(call.receive(milliseconds: 0) == .end)
    }

    @Test("The program has no room while a client takes nothing, and has again when it takes of what was sent")
    func fullOfAnswers() throws {
        // Each message counts for its bytes, its head, and 256.
        let (client, call) = try TestStream.call(waitingMax: 600)
        client.takeNothing()
        #expect(["a", "b", "c", "d"].map { send($0, call) } == ["sent", "sent", "sent", "no room"])
        client.run()
        #expect(send("d", call) == "no room")
        client.take(1)
        #expect(["d", "e"].map { send($0, call) } == ["sent", "no room"])
        client.take()
        #expect(send("e", call) == "sent")
        client.run()
        #expect(client.received == [.beginning] + ["a", "b", "c", "d", "e"].map { .message(bytes($0)) })
    }

    @Test("A client that goes away while it takes nothing holds up nobody")
    func goneWhileFull() throws {
        let (client, call) = try TestStream.call(waitingMax: 100)
        client.takeNothing()
        #expect(["a", "b"].map { send($0, call) } == ["sent", "no room"])
        client.goAway()
        #expect(send("b", call) == "over")
        #expect(call.receive(milliseconds: 0) == .over && !call.isActive)
    }

    @Test("A call ends behind its last message; a client that has not sent all is told to stop")
    func end() throws {
        for hasEnded in [true, false] {
            let (client, call) = try TestStream.call(waitingMax: 100)
            if hasEnded { client.sendEnd() }
            #expect(send("a", call) == "sent")
            Array("b".utf8).withUnsafeBytes { call.finish(code: 5, details: "why", after: $0) }
            #expect(send("c", call) == "over")
            client.run()
            let answers: [TestStream.Frame] = [.beginning, .message(bytes("a")), .message(bytes("b")), .status(5)]
            #expect(client.received == answers + (hasEnded ? [] : [.reset]))
        }
    }

    // MARK: The order of answers

    private func withSession(waitingMax: Int = 1 << 20) throws -> (TestStream, ServerCall) {
        let (client, call) = try TestStream.call(waitingMax: waitingMax)
        call.serve(ClientSession(of: "client", runtime: Runtime(), arrays: arrays), caches: true)
        return (client, call)
    }

    /// What the session answers to the put of a plain value, the `number`th that it stores.
    private func answer(_ requestID: UInt8, _ number: UInt8) -> TestStream.Frame {
        .message(ClientAnswer.put(requestID: Int32(requestID), id: ObjectKey(number: number).buffer))
    }

    @Test("What a session could answer waits for what came before, until the program has answered that")
    func order() throws {
        let (client, call) = try withSession()
        let other = Requests.put(1, Pickles.tuple)
        client.send(other, Requests.put(2, Pickles.one))
        #expect(client.received.isEmpty)
        #expect(call.receive(milliseconds: 0) == .message(other))
        client.send(Requests.put(3, Pickles.one))
        #expect(client.received.isEmpty)
        #expect(send("one", call) == "sent")
        // It asks for more: it has answered.
        #expect(call.receive(milliseconds: 0) == .nothing)
        client.run()
        #expect(client.received == [.beginning, .message(bytes("one")), answer(2, 1), answer(3, 2)])
        client.send(Requests.put(4, Pickles.one))
        #expect(client.received == [answer(4, 3)])
    }

    @Test("What a session could answer waits for what the program has sent and is not written yet")
    func queued() throws {
        let (client, call) = try withSession()
        #expect(call.receive(milliseconds: 0) == .nothing)
        #expect(send("late", call) == "sent")
        client.send(Requests.put(1, Pickles.one))
        client.run()
        #expect(call.receive(milliseconds: 0) == .nothing)
        client.run()
        #expect(client.received == [.beginning, .message(bytes("late")), answer(1, 1)])
    }

    @Test("Answers of a session wait as well for a client that takes nothing")
    func fullOfSessionAnswers() throws {
        let (client, call) = try withSession(waitingMax: 400)
        client.takeNothing()
        for number in UInt8(1)...4 { client.send(Requests.put(number, Pickles.one)) }
        #expect(call.receive(milliseconds: 0) == .nothing)
        client.run()
        #expect(client.received == [.beginning, answer(1, 1), answer(2, 2)])
        client.take()
        #expect(call.receive(milliseconds: 0) == .nothing)
        client.run()
        #expect(client.received == [answer(3, 3), answer(4, 4)])
    }

    // MARK: Another server

    @Test("A client waits while the other server takes nothing, and its messages go there in their order")
    func fullOfForwarded() throws {
        let (client, call) = try TestStream.call(waitingMax: 1_000)
        client.send(bytes("a", 50))
        let outgoing = OutgoingCall(waitingMax: 100)
        call.passOn(to: outgoing, keeping: nil)
        client.run()
        _ = client.reads
        client.send(bytes("b", 20))
        #expect(client.reads == 1)
        client.send(bytes("c", 20))
        #expect(client.reads == 0)
        let server = try TestStream()
        try outgoing.listen(to: server.channel, messageMax: 1 << 20)
        try server.connect()
        server.takeNothing()
        outgoing.opened(server.channel, [(":path", "/there")])
        let messages = [bytes("a", 50), bytes("b", 20), bytes("c", 20)].map { TestStream.Frame.message($0) }
        #expect(server.received == [.call("/there")] + messages)
        #expect(client.reads == 0)
        server.take(1)
        #expect(client.reads == 1)
        client.sendEnd()
        #expect(server.received == [.nothingMore])
    }

    @Test("The other server is not read from while the client takes nothing; its answers come in order, then its end")
    func fullOfForwardedAnswers() throws {
        let (client, call) = try TestStream.call(waitingMax: 400)
        client.sendEnd()
        let outgoing = OutgoingCall()
        call.passOn(to: outgoing, keeping: nil)
        client.run()
        let server = try TestStream()
        try outgoing.listen(to: server.channel, messageMax: 1 << 20)
        try server.connect()
        outgoing.opened(server.channel, [(":path", "/there")])
        client.takeNothing()
        _ = server.reads
        server.send(bytes("a"))
        #expect(server.reads == 1)
        server.send(bytes("b"))
        #expect(server.reads == 0)
        client.take(1)
        #expect(server.reads == 1)
        client.take()
        server.send(.headers(.init(headers: ["grpc-status": "3"], endStream: true)))
        client.run()
        #expect(client.received == [.beginning, .message(bytes("a")), .message(bytes("b")), .status(3)])
    }
}
