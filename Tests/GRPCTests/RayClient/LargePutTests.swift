//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

@Suite("Large values that a client puts")
struct LargePutTests {
    private let runtime = Runtime()
    private let session: ClientSession

    init() {
        session = ClientSession(of: "client", runtime: runtime, arrays: arrays)
        session.serve(caches: true, authorization: nil)
    }

    /// The parts of an object that holds an array.
    private struct Stored: Equatable {
        var pickle: [UInt8]
        var description: [UInt8]
        var data: [UInt8]

        init(_ bytes: [UInt8]) {
            func number(_ offset: Int) -> Int { (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) } }
            let start = 28
            let middle = start + number(12)
            let end = middle + number(20)
            let area = (end + 63) / 64 * 64
            pickle = Array(bytes[start..<middle])
            description = Array(bytes[middle..<end])
            data = Array(bytes[area..<(bytes.count - (64 - (area - end)))])
        }
    }

    private func expectStored(_ sample: ArraySample, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let room = try #require(runtime.rooms.last, sourceLocation: sourceLocation)
        let stored = Stored(room.bytes)
        let buffer: [UInt8] = sample.isReadOnly ? [0x97, 0x98] : [0x97]
        let tail = sample.tail.dropLast() + [0x61, 0x2E]
        let content =
            sample.isShort
            ? [0x95] + ArraySample.eight(sample.head.count + buffer.count + sample.tail.count) + sample.head + buffer
                + tail
            : ArraySample.frame(sample.head) + buffer + [0x95] + ArraySample.eight(sample.tail.count) + tail
        #expect(stored.pickle == [0x80, 5, 0x5D] + content, sourceLocation: sourceLocation)
        #expect(stored.data == sample.data, sourceLocation: sourceLocation)
        #expect(Array(room.bytes.prefix(12)) == [3, 0, 0, 0, 0, 0, 0, 0, 0, 0xD4, 101, 0])
        #expect(room.metadata == "PYTHON" && room.isSealed && !room.isAborted, sourceLocation: sourceLocation)
    }

    @Test("An array in one message is stored with its elements beside the pickle", arguments: [1, 100, 5_000, 70_000])
    func whole(count: Int) throws {
        var sample = ArraySample(count: count)
        sample.isShort = count < 65_536
        let answer = try answered(session.take(Requests.put(1, sample.pickle)))
        #expect(answer == ClientAnswer.put(requestID: 1, id: ObjectKey(number: 1).buffer))
        #expect(session.contains(ObjectKey(number: 1)))
        try expectStored(sample)
    }

    @Test("What the object's buffer is said to be")
    func description() throws {
        _ = session.take(Requests.put(1, ArraySample(count: 70_000).pickle))
        let stored = Stored(try #require(runtime.rooms.last).bytes)
        let count: [UInt8] = [0xF0, 0xA2, 0x04]
        let buffer = [0x10] + count + [0x18, 1, 0x20, 1, 0x28, 1, 0x32, 1, 0x42, 0x3A, 3] + count + [0x42, 1, 1]
        let size = stored.pickle.count
        #expect(
            stored.description
                == [0x08, UInt8(size & 0x7F | 0x80), UInt8(size >> 7), 0x10] + count + [0x1A, UInt8(buffer.count)]
                + buffer)
    }

    @Test("An array in parts is written as they come, and answered once, with the last one", arguments: [2, 3, 7, 60])
    func parts(_ parts: Int) throws {
        var sample = ArraySample(count: 90_000)
        sample.shape = [3, 1, 300, 100]
        sample.layout = "F"
        sample.isReadOnly = true
        let messages = Requests.puts(1, sample.pickle, parts: parts)
        for message in messages.dropLast() { #expect(session.take(message) == .noted) }
        #expect(runtime.references.isEmpty)
        let answer = try answered(session.take(try #require(messages.last)))
        #expect(answer == ClientAnswer.put(requestID: 1, id: ObjectKey(number: 1).buffer))
        try expectStored(sample)
        #expect(runtime.rooms.count == 1)
    }

    @Test("Parts may end anywhere behind the head")
    func cuts() throws {
        let sample = ArraySample(count: 70_000)
        let pickle = sample.pickle
        for cut in Array(60...80) + Array((70_030..<pickle.count)) {
            let first = Requests.put(UInt8(cut % 100 + 1), pickle[..<cut], chunk: 0, of: 2, total: pickle.count)
            let last = Requests.put(UInt8(cut % 100 + 1), pickle[cut...], chunk: 1, of: 2, total: pickle.count)
            let session = ClientSession(of: "client", runtime: runtime, arrays: arrays)
            session.serve(caches: true, authorization: nil)
            #expect(session.take(first) == .noted)
            _ = try answered(session.take(last))
            try expectStored(sample)
        }
    }

    @Test("Long bytes are stored as they are, in parts or not", arguments: [1, 2, 5])
    func bytes(parts: Int) throws {
        let data = ArraySample(count: 70_000).data
        for message in Requests.puts(1, ArraySample.bytes(data), parts: parts).dropLast() {
            #expect(session.take(message) == .noted)
        }
        _ = try answered(session.take(try #require(Requests.puts(1, ArraySample.bytes(data), parts: parts).last)))
        let room = try #require(runtime.rooms.last)
        #expect(room.bytes == data && room.metadata == "RAW" && room.isSealed)
    }

    @Test(
        "Arrays of numbers are stored",
        arguments: [
            ("b1", "|", 1), ("i8", "<", 8), ("u2", ">", 2), ("f2", "<", 2), ("f8", ">", 8), ("c16", "<", 16),
        ])
    func types(_ type: String, _ order: String, size: Int) throws {
        var sample = ArraySample(count: 64)
        (sample.type, sample.order, sample.isShort) = (type, order, true)
        for shape in [[64 / size], [2, 32 / size], [1, 2, 1, 32 / size], [64 / size, 1, 1]] where !shape.contains(0) {
            sample.shape = shape
            let session = ClientSession(of: "client", runtime: runtime, arrays: arrays)
            session.serve(caches: true, authorization: nil)
            _ = try answered(session.take(Requests.put(1, sample.pickle)))
            try expectStored(sample)
        }
    }

    @Test("An array without dimensions, and of NumPy's first version")
    func others() throws {
        var sample = ArraySample(count: 8)
        (sample.type, sample.order, sample.shape, sample.isShort) = ("f8", "<", [], true)
        sample.module = "numpy.core.numeric"
        let session = ClientSession(of: "client", runtime: runtime, arrays: sample.module)
        session.serve(caches: true, authorization: nil)
        _ = try answered(session.take(Requests.put(1, sample.pickle)))
        try expectStored(sample)
    }
}

// MARK: What is the program's

extension LargePutTests {
    /// Arrays that are made in another way, or not at all.
    private static let strange: [ArraySample] = {
        func changed(_ change: (inout ArraySample) -> Void) -> ArraySample {
            var sample = ArraySample(count: 70_000)
            change(&sample)
            return sample
        }
        return [
            changed { $0.type = "V1" }, changed { $0.type = "O8" }, changed { $0.type = "f3" },
            changed { $0.fields = [0x29, 0x4E] }, changed { $0.order = "?" }, changed { $0.shape = [69_999] },
            changed { $0.shape = [] }, changed { $0.layout = "K" }, changed { $0.type = "u2" },
            changed { $0.shape = [1 << 30, 1 << 30, 1 << 30, 1 << 30] },
        ]
    }()

    @Test("What turns out not to be such an array is the program's with all parts", arguments: 0..<10, [1, 2, 9])
    func strangeArrays(_ index: Int, parts: Int) throws {
        let pickle = Self.strange[index].pickle
        let messages = Requests.puts(1, pickle, parts: parts)
        for message in messages.dropLast() { #expect(session.take(message) == .noted) }
        let last = try #require(messages.last)
        let verdict = session.take(last)
        expectHandedOver(verdict, last, pickle)
        #expect(runtime.rooms.last?.isAborted == true && runtime.references.isEmpty)
        // It is the program's for good.
        #expect(session.take(messages[0]) == .left(nil) && session.take(last) == .left(nil))
    }

    private func expectHandedOver(
        _ verdict: ClientSession.Verdict, _ message: ByteBuffer, _ pickle: [UInt8], of totalSize: Int? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var earlier: [ByteBuffer] = []
        if case .leftAfter(let found) = verdict {
            earlier = found
        } else {
            #expect(verdict == .left(nil), sourceLocation: sourceLocation)
        }
        var gathered: [UInt8] = []
        for (index, one) in (earlier + [message]).enumerated() {
            guard let request = DataRequest(one), case .put(let put) = request.content else {
                Issue.record("no part of a value", sourceLocation: sourceLocation)
                return
            }
            #expect(request.requestID == 1 && put.chunkID == index, sourceLocation: sourceLocation)
            #expect(put.totalSize == totalSize ?? pickle.count, sourceLocation: sourceLocation)
            gathered += put.data.readableBytesView
        }
        #expect(gathered == Array(pickle.prefix(gathered.count)) && !gathered.isEmpty, sourceLocation: sourceLocation)
    }

    @Test("Who may not copy all parts is asked to show the last one again where that may be")
    func notOnTheEventLoop() throws {
        let pickle = Self.strange[0].pickle
        let messages = Requests.puts(1, pickle, parts: 3)
        for message in messages.dropLast() { #expect(session.take(message, mayCopy: false) == .noted) }
        let last = try #require(messages.last)
        for _ in 0..<2 { #expect(session.take(last, mayCopy: false) == .postponed) }
        #expect(runtime.rooms.last?.isAborted == false)
        // Another request waits behind it, too.
        #expect(session.take(Requests.put(2, Pickles.one), mayCopy: false) == .postponed)
        expectHandedOver(session.take(last), last, pickle)
    }

    @Test("Parts of another size than the first are the program's, with those before as they were")
    func unequalParts() throws {
        let pickle = ArraySample(count: 90_000).pickle
        let cuts = [0, 20_000, 60_000, pickle.count]
        let messages = (0..<3).map { part in
            Requests.put(1, pickle[cuts[part]..<cuts[part + 1]], chunk: UInt8(part), of: 3, total: pickle.count)
        }
        #expect(session.take(messages[0]) == .noted)
        expectHandedOver(session.take(messages[1]), messages[1], Array(pickle.prefix(60_000)), of: pickle.count)
    }

    @Test("A length may be written as one of any size")
    func longLength() throws {
        var sample = ArraySample(count: 70_000)
        let plain = sample.pickle
        sample.hasLongShape = true
        #expect(sample.pickle != plain)
        _ = try answered(session.take(Requests.put(1, sample.pickle)))
        try expectStored(sample)
    }

    @Test(
        "Arrays of a NumPy that is not there are the program's, which hears so", arguments: [nil, "numpy.core.numeric"])
    func withoutNumPy(_ module: String?) {
        let session = ClientSession(of: "client", runtime: runtime, arrays: module)
        session.serve(caches: true, authorization: nil)
        #expect(session.take(Requests.put(1, ArraySample(count: 70_000).pickle)) == .left(nil))
        #expect(runtime.rooms.isEmpty)
    }

    @Test("What begins otherwise is the program's at once")
    func otherBeginnings() {
        var sample = ArraySample(count: 70_000)
        let array = sample.pickle
        sample.module = "numpy.core.other"
        let pickles: [[UInt8]] = [
            sample.pickle, [0x80, 4] + array.dropFirst(2), [0x80, 5, 0x5D] + array.dropFirst(2),
            [0x80, 5] + ArraySample.frame([0x96] + ArraySample.eight(70_000)) + array.dropFirst(60),
            [0x80, 5, 0x96] + ArraySample.eight(70_000) + sample.data + [0x94, 0x2E],
            array + Array(repeating: 0x2E, count: 2_000), Array(array.dropLast(200)),
        ]
        for (index, pickle) in pickles.enumerated() {
            #expect(session.take(Requests.put(UInt8(index + 1), pickle)) == .left(nil), "\(index)")
        }
        // Its head is not whole.
        let first = Requests.put(100, array.prefix(40), chunk: 0, of: 2, total: array.count)
        #expect(session.take(first) == .left(nil))
        #expect(session.take(Requests.put(101, array, reference: "name")) == .left(nil))
        #expect(session.take(Requests.put(102, array, chunk: 1, of: 2, total: array.count)) == .left(nil))
        #expect(session.take(Requests.put(103, array, chunk: 0, of: 0, total: array.count)) == .left(nil))
        #expect(session.take(Requests.put(104, array, chunk: 0, of: 2, total: 100)) == .left(nil))
        #expect(runtime.rooms.isEmpty)
    }

    @Test("A part that does not go on where the last one ended is the program's, with those before")
    func inconsistent() {
        let pickle = ArraySample(count: 90_000).pickle
        let parts = Requests.puts(1, pickle, parts: 4)
        let third = pickle[(pickle.count / 2)...].prefix(100)
        let total = pickle.count
        let wrong = [
            parts[3], Requests.put(1, third, chunk: 2, of: 5, total: total),
            Requests.put(1, [], chunk: 3, of: 4, total: total),
            Requests.put(1, third, chunk: 2, of: 4, total: total + 1),
            Requests.put(1, pickle, chunk: 2, of: 4, total: total),
            Requests.put(1, third, chunk: 2, of: 4, total: total, reference: "name"),
            Requests.put(2, ArraySample(count: 90_000).pickle), Requests.task(2), ByteBuffer(bytes: [0xFF]),
            // Another request with the same number.
            Requests.task(1), Requests.release(1, [ObjectKey(number: 9)]),
        ]
        for (index, message) in wrong.enumerated() {
            let session = ClientSession(of: "client", runtime: runtime, arrays: arrays)
            session.serve(caches: true, authorization: nil)
            #expect(session.take(parts[0]) == .noted && session.take(parts[1]) == .noted)
            guard case .leftAfter(let earlier) = session.take(message) else {
                Issue.record("\(index) was taken")
                continue
            }
            #expect(earlier.count == 2 && runtime.rooms.last?.isAborted == true)
            expectHandedOver(.leftAfter([earlier[0]]), earlier[1], pickle)
            #expect(session.take(parts[2]) == .left(nil))
        }
    }

    @Test(
        "What cannot be made an object any more is not the program's with other bytes", arguments: [1, 3],
        [true, false])
    func unsealed(parts: Int, mayCopy: Bool) throws {
        let messages = Requests.puts(1, ArraySample(count: 90_000).pickle, parts: parts)
        runtime.grantsAtOnce = false
        #expect(session.take(messages[0]) == .postponed)
        let room = try #require(runtime.rooms.last)
        (room.standing, room.refusesSeal) = (.granted, true)
        for message in messages.dropLast() { #expect(session.take(message) == .noted) }
        let last = try #require(messages.last)
        if !mayCopy, parts > 1 { #expect(session.take(last, mayCopy: false) == .postponed) }
        // Of several parts only the last is still there, which the program refuses without the others.
        #expect(session.take(last) == .left(nil))
        #expect(session.take(last) == .left(nil) && runtime.references.isEmpty && runtime.rooms.count == 1)
    }

    // MARK: Life

    @Test("Parts that come again are not taken again, and the last one has the same answer")
    func again() throws {
        let sample = ArraySample(count: 90_000)
        let parts = Requests.puts(1, sample.pickle, parts: 3)
        for message in [parts[0], parts[1], parts[0], parts[1], parts[0]] { #expect(session.take(message) == .noted) }
        let answer = session.take(parts[2])
        _ = try answered(answer)
        for message in parts.dropLast() { #expect(session.take(message) == .noted) }
        #expect(session.take(parts[2]) == answer)
        try expectStored(sample)
        #expect(runtime.rooms.count == 1 && runtime.references == [ObjectKey(number: 1): 1])
    }

    @Test("Where there is no room yet the message comes again, and nothing is written before")
    func postponed() throws {
        runtime.grantsAtOnce = false
        let sample = ArraySample(count: 90_000)
        let parts = Requests.puts(1, sample.pickle, parts: 3)
        #expect(session.take(parts[0]) == .postponed && session.take(parts[0]) == .postponed)
        try #require(runtime.rooms.last).standing = .granted
        #expect(session.take(parts[0]) == .noted && session.take(parts[1]) == .noted)
        _ = try answered(session.take(parts[2]))
        try expectStored(sample)
        #expect(runtime.rooms.count == 1)
    }

    @Test("What finds no room is the program's, which hears why")
    func refused() throws {
        runtime.grantsAtOnce = false
        let parts = Requests.puts(1, ArraySample(count: 90_000).pickle, parts: 2)
        #expect(session.take(parts[0]) == .postponed)
        try #require(runtime.rooms.last).standing = .refused
        #expect(session.take(parts[0]) == .left(nil) && session.take(parts[1]) == .left(nil))
        runtime.refuses = true
        #expect(session.take(Requests.put(2, ArraySample(count: 90_000).pickle)) == .left(nil))
        #expect(runtime.rooms.count == 1)
    }

    @Test("What has come of a value is the program's once nothing comes for a minute")
    func overdue() throws {
        let sample = ArraySample(count: 90_000)
        let parts = Requests.puts(1, sample.pickle, parts: 3)
        let start = NIODeadline.now()
        #expect(session.take(parts[0], at: start) == .noted)
        #expect(session.take(parts[1], at: start + .seconds(50)) == .noted)
        #expect(session.overdue(at: start + .seconds(110)).isEmpty)
        let earlier = session.overdue(at: start + .seconds(111))
        #expect(earlier.count == 2 && runtime.rooms.last?.isAborted == true)
        expectHandedOver(.leftAfter(Array(earlier.prefix(1))), try #require(earlier.last), sample.pickle)
        #expect(session.take(parts[2]) == .left(nil))
        #expect(session.overdue(at: start + .seconds(500)).isEmpty)
    }

    @Test("At the session's end the room goes back; while it is paused the program gets what has come")
    func end() throws {
        let parts = Requests.puts(1, ArraySample(count: 90_000).pickle, parts: 3)
        #expect(session.take(parts[0]) == .noted && session.take(parts[1]) == .noted)
        session.pause(true)
        guard case .leftAfter(let earlier) = session.take(parts[2]) else {
            Issue.record("it was not left with what has come")
            return
        }
        #expect(earlier.count == 2)
        session.pause(false)
        let more = Requests.puts(2, ArraySample(count: 90_000).pickle, parts: 3)
        #expect(session.take(more[0]) == .noted)
        session.end()
        #expect(runtime.rooms.map(\.isAborted) == [true, true] && session.take(more[1]) == .left(nil))
    }
}
