//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Synchronization
import Testing

@Suite("What a session answers for a client of Ray")
struct ClientSessionTests {
    private let runtime = Runtime()
    private let session: ClientSession
    private let key = Template()

    init() {
        session = ClientSession(of: "client", runtime: runtime, arrays: arrays)
        session.serve(caches: true, authorization: nil)
    }

    // MARK: Puts

    @Test("A plain value is stored, and the client has it")
    func put() throws {
        let answer = try answered(session.take(Requests.put(1, Pickles.one)))
        let id = ObjectKey(number: 1)
        #expect(answer == ClientAnswer.put(requestID: 1, id: id.buffer))
        #expect(session.contains(id) && session.count == 1)
        #expect(runtime.puts == [.messagePack(ByteBuffer(bytes: [1]))])
    }

    @Test("What is not plain, comes in parts, or has a name at the client is the program's")
    func otherPuts() {
        #expect(session.take(Requests.put(1, Pickles.tuple)) == .left(nil))
        #expect(session.take(Requests.put(2, Pickles.one, chunk: 0, of: 2)) == .left(nil))
        #expect(session.take(Requests.put(3, Pickles.one, chunk: 1, of: 2)) == .left(nil))
        #expect(session.take(Requests.put(4, Pickles.one, reference: "name")) == .left(nil))
        #expect(runtime.puts.isEmpty && session.count == 0)
    }

    @Test("What the runtime refuses is the program's, which hears why")
    func refused() {
        runtime.refuses = true
        #expect(session.take(Requests.put(1, Pickles.one)) == .left(nil))
    }

    @Test("What comes again has the same answer, and nothing happens twice")
    func again() throws {
        let first = session.take(Requests.put(1, Pickles.one))
        #expect(session.take(Requests.put(1, Pickles.one)) == first)
        #expect(runtime.puts.count == 1)
        // What the program had is its own for good.
        #expect(session.take(Requests.put(2, Pickles.tuple)) == .left(nil))
        #expect(session.take(Requests.put(2, Pickles.one)) == .left(nil))
        #expect(runtime.puts.count == 1)
    }

    @Test("What is larger than fits beside others is the program's")
    func large() {
        var pickle: [UInt8] = [0x80, 4, UInt8(ascii: "B"), 0, 0, 1, 0]
        pickle += Array(repeating: 7, count: 1 << 16) + [UInt8(ascii: ".")]
        #expect(session.take(Requests.put(1, pickle)) == .left(nil))
    }

    @Test("So is what becomes larger than its pickle, put or as arguments")
    func expanded() {
        #expect(session.take(Requests.put(1, Pickles.sameText(size: 40_000, count: 2))) == .left(nil))
        guard case .answered = session.take(Requests.put(2, Pickles.sameText(size: 40_000, count: 1))) else {
            Issue.record("this is no larger than its pickle")
            return
        }
        #expect(session.take(Requests.task(3, arguments: Pickles.sameArguments(size: 40_000))) == .left(nil))
        guard case .left(_?) = session.take(Requests.task(4, arguments: Pickles.sameArguments(size: 20_000))) else {
            Issue.record("these are small enough")
            return
        }
    }

    // MARK: Calls

    @Test("A call is learned, and then submitted so, with a marker before each argument")
    func call() throws {
        let request = Requests.task(1, arguments: Pickles.argumentsOneTwo)
        guard case .left(let key?) = session.take(request) else {
            Issue.record("this call can be learned")
            return
        }
        session.learn(key, learned)
        let answer = try answered(session.take(Requests.task(2, arguments: Pickles.argumentsOneTwo)))
        let ids = [ObjectKey(number: 1), ObjectKey(number: 2)]
        #expect(answer == ClientAnswer.ticket(requestID: 2, ids: ids.map(\.buffer)))
        #expect(ids.allSatisfy { session.contains($0) })
        let (one, two) = (ByteBuffer(bytes: [1]), ByteBuffer(bytes: [2]))
        #expect(runtime.calls == [[marker, .messagePack(one), marker, .messagePack(two)]])
    }

    @Test(
        "Calls that differ in what says how they are submitted are learned one by one",
        arguments: [
            Requests.task(2, kind: 0), Requests.task(2, name: "g"), Requests.task(2, payload: "other"),
            Requests.task(2, options: [1]), Requests.task(2, baseline: [1]), Requests.task(2, namespace: "n"),
            Requests.task(2, arguments: Pickles.argumentsOneTwo),
        ])
    func otherCalls(_ request: ByteBuffer) {
        guard case .left(let key?) = session.take(Requests.task(1)) else {
            Issue.record("this call can be learned")
            return
        }
        session.learn(key, learned)
        guard case .left(let other?) = session.take(request) else {
            Issue.record("this call can be learned, and was not")
            return
        }
        #expect(other != key && runtime.calls.isEmpty)
    }

    @Test(
        "Calls that cannot be learned are the program's",
        arguments: [
            Requests.task(1, kind: 1), Requests.task(1, kind: 4), Requests.task(1, client: "another"),
            Requests.task(1, chunk: 0, of: 2), Requests.task(1, arguments: Pickles.argumentsByName),
            Requests.task(1, arguments: Pickles.one), Requests.task(1, options: Array(repeating: 1, count: 5_000)),
        ])
    func unlearnable(_ request: ByteBuffer) { #expect(session.take(request) == .left(nil)) }

    // MARK: Objects

    @Test("Objects that were made here are released here")
    func release() throws {
        let id = ObjectKey(number: 1)
        _ = session.take(Requests.put(1, Pickles.one))
        #expect(runtime.references == [id: 1])
        #expect(
            try answered(session.take(Requests.release(2, [id])))
                == ClientAnswer.released(requestID: 2, [true]))
        #expect(!session.contains(id) && runtime.references.isEmpty)
        // What a client does not have, it may have as an actor.
        #expect(session.take(Requests.release(3, [id])) == .left(nil))
    }

    @Test("What the program holds, too, it has to release itself; nothing is released by half")
    func releaseHeld() {
        let (ours, its) = (ObjectKey(number: 1), ObjectKey(number: 9))
        _ = session.take(Requests.put(1, Pickles.one))
        runtime.known.insert(its)
        #expect(session.insert(its))
        #expect(session.take(Requests.release(2, [ours, its])) == .left(nil))
        #expect(session.take(Requests.release(3, [ours, ours])) == .left(nil))
        #expect(session.contains(ours) && session.contains(its))
        #expect(session.remove(its) && !session.remove(its))
        #expect(runtime.references == [ours: 1])
    }

    @Test("An object is counted once, however often the program names it")
    func insertTwice() {
        let id = ObjectKey(number: 9)
        #expect(!session.insert(id) && !session.contains(id))
        runtime.known.insert(id)
        #expect(session.insert(id) && session.insert(id))
        #expect(runtime.references == [id: 1])
    }

    @Test("At its end a client has nothing, and nothing is answered any more")
    func end() {
        _ = session.take(Requests.put(1, Pickles.one))
        let id = ObjectKey(number: 9)
        runtime.known.insert(id)
        #expect(session.insert(id))
        session.end()
        #expect(runtime.references.isEmpty && session.count == 0)
        #expect(session.take(Requests.put(2, Pickles.one)) == .left(nil))
        #expect(session.insert(id))
        #expect(runtime.references.isEmpty && session.count == 0)
        session.serve(caches: true, authorization: nil)
        #expect(session.take(Requests.put(3, Pickles.one)) == .left(nil))
        #expect(!session.admits(nil))
    }

    // MARK: Gets

    @Test("Objects of the client are fetched, and held meanwhile")
    func get() throws {
        _ = session.take(Requests.put(1, Pickles.one))
        let id = ObjectKey(number: 1)
        let got = Answers()
        #expect(session.get(try request(id, timeout: 2)) { got.add($0) })
        #expect(runtime.references == [id: 2])
        #expect(runtime.waits == [2_000])
        runtime.finishGets(with: .plain([.raw(ByteBuffer(string: "ok"))]))
        #expect(got.all == [.values([.raw(ByteBuffer(string: "ok"))])])
        #expect(runtime.references == [id: 1])
    }

    @Test(
        "What is no plain value is the program's, and so is what has not come in time, which is said",
        arguments: [0, 10])
    func withoutValues(_ seconds: Float) throws {
        _ = session.take(Requests.put(1, Pickles.one))
        let got = Answers()
        #expect(session.get(try request(ObjectKey(number: 1), timeout: seconds)) { got.add($0) })
        runtime.finishGets(with: nil)
        #expect(got.all == [seconds == 0 ? .timedOut : .left])
        #expect(runtime.references == [ObjectKey(number: 1): 1])
    }

    @Test("Gets that wait are the program's when the session ends, once")
    func getUntilTheEnd() throws {
        _ = session.take(Requests.put(1, Pickles.one))
        let got = Answers()
        for _ in 0..<3 { #expect(session.get(try request(ObjectKey(number: 1), timeout: 2)) { got.add($0) }) }
        session.end()
        #expect(got.all == [.left, .left, .left] && runtime.references.isEmpty)
        runtime.finishGets(with: .plain([.raw(ByteBuffer())]))
        #expect(got.all.count == 3 && runtime.references.isEmpty)
    }

    @Test("No more than a thousand gets wait here")
    func manyGets() throws {
        _ = session.take(Requests.put(1, Pickles.one))
        let request = try request(ObjectKey(number: 1), timeout: 2)
        for _ in 0..<1_000 { #expect(session.get(request) { _ in }) }
        #expect(!session.get(request) { _ in })
        #expect(runtime.references == [ObjectKey(number: 1): 1_001])
        runtime.finishGets(with: nil)
        #expect(session.get(request) { _ in })
    }

    @Test("What is not the client's, or not all of one answer, is the program's")
    func otherGets() throws {
        _ = session.take(Requests.put(1, Pickles.one))
        let id = ObjectKey(number: 1)
        let requests = [
            Requests.get([ObjectKey(number: 5)], timeout: 2), Requests.get([id], timeout: -1),
            Requests.get([id], timeout: .nan), Requests.get([id], timeout: .infinity), Requests.get([], timeout: 2),
            Requests.get([id, ObjectKey(number: 5)], timeout: 2), Requests.get([id], timeout: 1e9),
            Requests.get([id], timeout: 2, isAsynchronous: true), Requests.get([id, id], timeout: 2, start: 1),
        ]
        for request in requests {
            #expect(!session.get(try #require(GetRequest(request))) { _ in })
        }
        #expect(runtime.waits.isEmpty && runtime.references == [id: 1])
    }

    @Test("A large value is sent from the part on that the client wants; others have one part")
    func getParts() throws {
        _ = session.take(Requests.put(1, Pickles.one))
        let value = try #require(LargeObjects.bytes(count: 11 << 20))
        let got = Answers()
        for start: UInt8 in [0, 1, 2, 3] {
            let request = Requests.get([ObjectKey(number: 1)], timeout: 2, start: start)
            #expect(session.get(try #require(GetRequest(request))) { got.add($0) })
            runtime.finishGets(with: .large(value))
            #expect(session.get(try #require(GetRequest(request))) { got.add($0) })
            runtime.finishGets(with: .plain([.raw(ByteBuffer())]))
        }
        #expect(
            got.all == [
                .large(value, from: 0), .values([.raw(ByteBuffer())]), .large(value, from: 1), .left,
                .large(value, from: 2), .left, .left, .left,
            ])
    }

    @Test("While it is paused the program answers, and what that has answered stays its own")
    func paused() throws {
        _ = session.take(Requests.put(1, Pickles.one))
        session.pause(true)
        #expect(session.take(Requests.put(2, Pickles.one)) == .left(nil))
        let request = try #require(GetRequest(Requests.get([ObjectKey(number: 1)], timeout: 2)))
        #expect(!session.get(request) { _ in })
        session.pause(false)
        #expect(session.take(Requests.put(2, Pickles.one)) == .left(nil))
        #expect(session.get(request) { _ in })
    }

    @Test("Only who shows what the client of the stream has shown is that client")
    func admits() {
        let other = ClientSession(of: "client", runtime: runtime, arrays: arrays)
        #expect(!other.admits(nil))
        other.serve(caches: true, authorization: "secret")
        #expect(other.admits("secret") && !other.admits(nil) && !other.admits("secre") && !other.admits("secres"))
    }

    @Test("What no session understands is the program's", arguments: [[], [0xFF], [8], [8, 1, 82, 5, 1]])
    func garbage(_ bytes: [UInt8]) { #expect(session.take(ByteBuffer(bytes: bytes)) == .left(nil)) }

    private func request(_ id: ObjectKey, timeout: Float) throws -> GetRequest {
        try #require(GetRequest(Requests.get([id], timeout: timeout)))
    }

    private let marker = PlainValue.raw(ByteBuffer(string: "marker"))

    private var learned: LearnedCall {
        LearnedCall(template: key, actor: nil, resultsMax: 2, marker: marker)
    }
}

private final class Template: Sendable {}

/// What became of gets.
private final class Answers: Sendable {
    private let answers = Mutex<[ClientSession.Got]>([])

    var all: [ClientSession.Got] { answers.withLock { $0 } }

    func add(_ got: ClientSession.Got) { answers.withLock { $0.append(got) } }
}
