//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayNode
import RayTransport
import RayWire
import RayWorker
import Synchronization
import Testing

@Suite("A worker's messages and references") struct WorkerMessageTests {
    /// What a worker was told to do, and said.
    private final class Record: Sendable {
        let texts = Mutex<[String]>([])

        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    /// Another process, which owns what the worker gets; what it is sent is recorded.
    private final class Owner: EndpointHandler {
        let record = Record()

        func peerUp(_ peer: WorkerID, _ hello: Hello) {}
        func peerLost(_ peer: WorkerID, _ reason: String) {}
        func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {}
        func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
            switch try? Message(kind: kind, payload: payload) {
            case .borrowObjects(let message): record.add("borrowed \(message.objects.count)")
            case .returnObjects(let message): record.add("returned \(message.objects.count)")
            default: record.add("another message")
            }
        }
    }

    private let record = Record()
    private let warnings = Record()
    private let folder: TemporaryFolder
    private let reactor: Reactor
    private let owner = Owner()
    private let ownerEndpoint: Endpoint
    private let worker: Worker

    init() throws {
        folder = try TemporaryFolder()
        reactor = try Reactor.started()
        let (own, other) = (Self.address(1), Self.address(2))
        let hello = Hello(role: .worker, identity: other.worker, incarnation: 1, address: other)
        ownerEndpoint = Endpoint(hello, credentials: .open, reactor: reactor, handler: owner)
        try ownerEndpoint.listen(unixPath: folder.path + "/owner")
        var configuration = Worker.Configuration(
            core: WorkerCore.Configuration(
                address: own, raylet: nil, job: JobID(1), namespace: "n", isDriver: true, processID: 1))
        configuration.warn = { [warnings] in warnings.add($0) }
        configuration.language.collectGarbage = { [record] in record.add("collected") }
        let relay = HandlerRelay()
        let endpoint = Endpoint(
            Hello(role: .driver, identity: own.worker, incarnation: 1, address: own), credentials: .open,
            reactor: reactor, handler: relay)
        worker = Worker(configuration, endpoint: endpoint, store: nil, executor: nil)
    }

    private func close() {
        worker.shutdown()
        ownerEndpoint.shutdown(reason: "the test ends")
        reactor.stop()
    }

    private static func address(_ number: UInt64) -> Address {
        Address(node: .none, worker: WorkerID(number, 1, 1, 1), host: "", port: 0, socketPath: "")
    }

    private func reference(_ number: UInt32) -> ObjectReference {
        ObjectReference(id: ObjectID(9, 9, 9, number), owner: ownerEndpoint.hello.address)
    }

    /// Waits for objects; what becomes of each is recorded.
    private func get(_ numbers: ClosedRange<UInt32>) {
        for number in numbers {
            worker.get([reference(number)], deadline: nil, from: nil) { [record] results in
                switch results.first {
                case .success(let object)?: record.add("\(object.withBytes { $0.first ?? 0 })")
                case .failure(let error)?: record.add("error \(error.type)")
                case nil: record.add("nothing")
                }
            }
        }
    }

    private func deliver(_ message: Message) { deliver(message.payload, kind: message.kind) }

    private func deliver(_ payload: [UInt8], kind: UInt16) {
        payload.withUnsafeBytes {
            worker.message(kind: kind, requestID: 0, payload: $0, from: ownerEndpoint.hello.identity)
        }
    }

    private func status(_ number: UInt32) -> Message {
        let object = RayObject(data: [UInt8(number)], metadata: ObjectMetadata.raw)
        return .objectStatus(ObjectStatus(object: reference(number).id, result: .inline(object)))
    }

    private var recorded: [String] { record.texts.withLock { $0 } }

    @Test("Messages that come together are handled in their order when the last one has been told")
    func together() {
        defer { close() }
        get(1...3)
        for number in [2, 1, 3] as [UInt32] { deliver(status(number)) }
        #expect(recorded.isEmpty)
        worker.messagesEnd()
        #expect(recorded == ["2", "1", "3"])
        worker.messagesEnd()
        #expect(recorded.count == 3)
    }

    @Test("Who hears of the first of them finds what all have brought: they are handled under one lock")
    func oneLock() {
        defer { close() }
        let references = (1...3).map { reference($0) }
        for one in references {
            worker.retain(one)
            worker.get([one], deadline: nil, from: nil) { [record, worker] _ in
                record.add("\(worker.getNow(references)?.count ?? 0)")
            }
        }
        for number in 1...3 as ClosedRange<UInt32> { deliver(status(number)) }
        worker.messagesEnd()
        #expect(recorded == ["3", "3", "3"])
    }

    @Test("Sixteen at most wait for others that come with them")
    func atMost() {
        defer { close() }
        let counts = (1...33).map { _ in
            deliver(.collectGarbage(CollectGarbage()))
            return recorded.count
        }
        let expected = Array(repeating: 0, count: 15) + Array(repeating: 16, count: 16) + [32, 32]
        #expect(counts == expected)
        worker.messagesEnd()
        #expect(recorded.count == 33)
    }

    @Test("One that cannot be read is told of, and those before and behind it are handled")
    func unreadable() {
        defer { close() }
        get(1...2)
        deliver(status(1))
        deliver(Array(status(2).payload.prefix(3)), kind: status(2).kind)
        deliver([1, 2, 3], kind: .max)
        deliver(status(2))
        worker.messagesEnd()
        #expect(recorded == ["1", "2"])
        let told = warnings.texts.withLock { $0 }
        #expect(told.count == 2 && told.allSatisfy { $0.contains("cannot be read") })
        #expect(told.first?.contains("kind \(status(2).kind) ") == true)
    }

    @Test("What has come before the link ended counts; what has not fails")
    func linkEnds() {
        defer { close() }
        get(1...2)
        deliver(status(1))
        // As a connection has it on which nothing can be read behind that.
        worker.messagesEnd()
        worker.peerLost(ownerEndpoint.hello.identity, "garbage")
        #expect(recorded.first == "1" && recorded.count == 2)
        #expect(recorded.last?.hasPrefix("error") == true)
    }

    @Test("The owner hears of a reference that is counted first, and of one that goes last, and of no others")
    func count() {
        defer { close() }
        func isSent(_ texts: [String]) -> Bool {
            reactor.poll(microseconds: 10_000_000) { owner.record.texts.withLock { $0.count } >= texts.count }
                && owner.record.texts.withLock { $0 } == texts
        }
        #expect(!worker.retain(reference(1).id))
        worker.retain(reference(1))
        #expect(isSent(["borrowed 1"]))
        #expect(worker.retain(reference(1).id))
        deliver(.borrowNoted(BorrowNoted(missing: [])))
        worker.messagesEnd()
        worker.release(reference(1).id)
        #expect(worker.getNow([reference(1)]) == nil && worker.reference(of: reference(1).id) != nil)
        worker.release(reference(1).id)
        #expect(isSent(["borrowed 1", "returned 1"]))
        #expect(worker.reference(of: reference(1).id) == nil)
    }
}
