//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

/// Large values on a client's stream, whose session must not wait, or copy, where they come.
@Suite("Answers that a session postpones")
struct PostponedAnswerTests {
    private let runtime = Runtime()
    private let client: TestStream
    private let call: ServerCall
    private let parts = Requests.puts(1, ArraySample(count: 90_000).pickle, parts: 2)
    /// What no session answers.
    private let other = Requests.put(2, Pickles.tuple)

    init() throws {
        (client, call) = try TestStream.call(waitingMax: 1 << 20)
        call.serve(ClientSession(of: "client", runtime: runtime, arrays: arrays), caches: true)
        runtime.grantsAtOnce = false
    }

    /// What the session answers to a put, the `number`th that it stores.
    private func answer(_ requestID: UInt8, _ number: UInt8) -> TestStream.Frame {
        .message(ClientAnswer.put(requestID: Int32(requestID), id: ObjectKey(number: number).buffer))
    }

    @Test("What finds no room yet waits, with what comes behind it, and is seen again when the program asks for more")
    func waits() throws {
        client.send(parts[0], parts[1], Requests.put(2, Pickles.one))
        for _ in 0..<2 { #expect(call.receive(milliseconds: 0) == .nothing) }
        client.run()
        #expect(client.received.isEmpty && runtime.rooms.count == 1)
        try #require(runtime.rooms.last).standing = .granted
        client.send(Requests.put(3, Pickles.one))
        #expect(call.receive(milliseconds: 0) == .nothing)
        client.run()
        #expect(client.received == [.beginning, answer(1, 1), answer(2, 2), answer(3, 3)])
        client.send(Requests.put(4, Pickles.one))
        #expect(client.received == [answer(4, 4)], "nothing waits any more")
    }

    @Test("Who waits for a message waits for the room, and goes on when there is some", .timeLimit(.minutes(1)))
    func goesOn() throws {
        client.send(parts[0], parts[1], other)
        let room = try #require(runtime.rooms.last)
        room.whileAwaited = { [weak room] in room?.standing = .granted }
        #expect(call.receive(milliseconds: 3_600_000) == .message(other))
        client.run()
        #expect(client.received == [.beginning, answer(1, 1)])
    }

    @Test("What finds no room in the end is the program's, in its order")
    func refused() throws {
        client.send(parts[0], parts[1], other)
        #expect(call.receive(milliseconds: 0) == .nothing)
        try #require(runtime.rooms.last).standing = .refused
        for message in parts + [other] { #expect(call.receive(milliseconds: 0) == .message(message)) }
        #expect(call.receive(milliseconds: 0) == .nothing && runtime.rooms.map(\.isAborted) == [true])
    }

    @Test("What turns out to be another value is not copied where it comes; the program gets its parts in order")
    func handedOver() throws {
        runtime.grantsAtOnce = true
        var sample = ArraySample(count: 90_000)
        sample.type = "V1"
        client.send(Requests.puts(1, sample.pickle, parts: 3)[0], Requests.puts(1, sample.pickle, parts: 3)[1])
        client.send(Requests.puts(1, sample.pickle, parts: 3)[2], Requests.put(2, Pickles.one))
        #expect(runtime.rooms.map(\.isAborted) == [false])
        var gathered: [UInt8] = []
        for chunk in 0..<3 {
            guard case .message(let message) = call.receive(milliseconds: 0), let request = DataRequest(message),
                case .put(let put) = request.content
            else { throw NoPart(number: chunk) }
            #expect(request.requestID == 1 && put.chunkID == chunk && put.chunkCount == 3)
            gathered += put.data.readableBytesView
        }
        #expect(gathered == sample.pickle && runtime.rooms.map(\.isAborted) == [true])
        #expect(call.receive(milliseconds: 0) == .nothing)
        client.run()
        #expect(client.received == [.beginning, answer(2, 1)])
    }

    private struct NoPart: Error {
        let number: Int
    }

    @Test("Nobody waits for room for a client that is gone", .timeLimit(.minutes(1)))
    func gone() throws {
        client.send(parts[0])
        try #require(runtime.rooms.last).whileAwaited = { [call] in call.cancel() }
        #expect(call.receive(milliseconds: 3_600_000) == .nothing)
        #expect(call.receive(milliseconds: 0) == .over)
    }
}
