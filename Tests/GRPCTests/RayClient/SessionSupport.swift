//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Synchronization

/// A runtime that counts references and keeps what it is asked.
final class Runtime: ClientRuntime {
    private struct State {
        var made: UInt8 = 0
        var references: [ObjectKey: Int] = [:]
        var known: Set<ObjectKey> = []
        var refuses = false
        var puts: [PlainValue] = []
        var calls: [[PlainValue]] = []
        var waits: [Int64] = []
        var gets: [@Sendable (FetchedValues?) -> Void] = []
        var rooms: [Room] = []
        var grantsAtOnce = true

        mutating func make() -> ObjectKey {
            made += 1
            let id = ObjectKey(number: made)
            known.insert(id)
            references[id] = 1
            return id
        }
    }

    private let state = Mutex(State())

    var references: [ObjectKey: Int] { state.withLock { $0.references } }
    var puts: [PlainValue] { state.withLock { $0.puts } }
    var calls: [[PlainValue]] { state.withLock { $0.calls } }
    var waits: [Int64] { state.withLock { $0.waits } }
    var known: Set<ObjectKey> {
        get { state.withLock { $0.known } }
        set { state.withLock { $0.known = newValue } }
    }
    var refuses: Bool {
        get { state.withLock { $0.refuses } }
        set { state.withLock { $0.refuses = newValue } }
    }

    var rooms: [Room] { state.withLock { $0.rooms } }
    var grantsAtOnce: Bool {
        get { state.withLock { $0.grantsAtOnce } }
        set { state.withLock { $0.grantsAtOnce = newValue } }
    }

    func submit(_ call: LearnedCall, _ arguments: [PlainValue]) -> [ObjectKey]? {
        state.withLock { state in
            state.calls.append(arguments)
            return (0..<call.resultsMax).map { _ in state.make() }
        }
    }

    func put(_ value: PlainValue) -> ObjectKey? {
        state.withLock { state in
            if state.refuses { return nil }
            state.puts.append(value)
            return state.make()
        }
    }

    func room(byteCount: Int, metadata: ByteBuffer) -> (any ClientRoom)? {
        state.withLock { state in
            if state.refuses { return nil }
            let room = Room(
                byteCount: byteCount, metadata: metadata, isGranted: state.grantsAtOnce,
                make: { [self] in self.state.withLock { $0.make() } })
            state.rooms.append(room)
            return room
        }
    }

    func retain(_ id: ObjectKey) -> Bool {
        state.withLock { state in
            guard state.known.contains(id) else { return false }
            state.references[id, default: 0] += 1
            return true
        }
    }

    func release(_ id: ObjectKey) {
        state.withLock { state in
            guard let count = state.references[id] else { preconditionFailure("released once too often") }
            state.references[id] = count == 1 ? nil : count - 1
        }
    }

    func get(
        _ ids: [ObjectKey], milliseconds: Int64, arrays: String?, _ done: @escaping @Sendable (FetchedValues?) -> Void
    ) {
        state.withLock { state in
            state.waits.append(milliseconds)
            state.gets.append(done)
        }
    }

    func finishGets(with values: FetchedValues?) {
        let gets = state.withLock { state in
            defer { state.gets = [] }
            return state.gets
        }
        for done in gets { done(values) }
    }
}

/// Room of a runtime that is only pretended.
final class Room: ClientRoom {
    private struct State {
        var standing: RoomStanding
        var bytes: [UInt8]
        var isSealed = false
        var isAborted = false
        var refusesSeal = false
        var whileAwaited: (@Sendable () -> Void)?
    }

    let metadata: String
    private let make: @Sendable () -> ObjectKey
    private let state: Mutex<State>

    init(byteCount: Int, metadata: ByteBuffer, isGranted: Bool, make: @escaping @Sendable () -> ObjectKey) {
        self.metadata = String(buffer: metadata)
        self.make = make
        // What was there before is not part of the object.
        let bytes = [UInt8](repeating: 0xEE, count: byteCount)
        state = Mutex(State(standing: isGranted ? .granted : .awaited, bytes: bytes))
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var isSealed: Bool { state.withLock { $0.isSealed } }
    var isAborted: Bool { state.withLock { $0.isAborted } }
    var standing: RoomStanding {
        get { state.withLock { $0.standing } }
        set { state.withLock { $0.standing = newValue } }
    }

    /// Whether what is written cannot be made an object: the runtime has ended.
    var refusesSeal: Bool {
        get { state.withLock { $0.refusesSeal } }
        set { state.withLock { $0.refusesSeal = newValue } }
    }

    /// Done in place of each wait.
    var whileAwaited: (@Sendable () -> Void)? {
        get { state.withLock { $0.whileAwaited } }
        set { state.withLock { $0.whileAwaited = newValue } }
    }

    func wait(milliseconds: Int) { whileAwaited?() }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        state.withLock { state in
            precondition(state.standing == .granted && !state.isSealed && !state.isAborted)
            state.bytes.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
    }

    func read(at offset: Int, count: Int) -> ByteBuffer? {
        state.withLock { state in
            if state.isSealed || state.isAborted { return nil }
            return ByteBuffer(bytes: state.bytes[offset..<(offset + count)])
        }
    }

    func seal() -> ObjectKey? {
        let isRefused = state.withLock { state in
            state.isSealed = true
            state.standing = .refused
            return state.refusesSeal
        }
        return isRefused ? nil : make()
    }

    func abort() { state.withLock { $0.isAborted = true } }
}

extension ObjectKey {
    init(number: UInt8) {
        let bytes = Array(repeating: number, count: Self.byteCount)
        self = bytes.withUnsafeBytes { Self(bytes: $0) }
    }
}

/// What `pickle.dumps(…, 5)` makes in Python.
enum Pickles {
    /// 1
    static let one: [UInt8] = [0x80, 5] + Array("K\u{1}.".utf8)
    /// (1,)
    static let tuple = framed(Array("K\u{1}".utf8) + [0x85, 0x94])
    /// ((), {})
    static let noArguments = framed(Array(")}".utf8) + [0x94, 0x86, 0x94])
    /// ((1, 2), {})
    static let argumentsOneTwo = framed(
        Array("K\u{1}K\u{2}".utf8) + [0x86, 0x94] + Array("}".utf8) + [0x94, 0x86, 0x94])
    /// ((), {"x": 1})
    static let argumentsByName = framed(
        Array(")}".utf8) + [0x94, 0x8C, 1] + Array("x".utf8) + [0x94] + Array("K\u{1}s".utf8) + [0x86, 0x94])

    /// A list that has the same text several times.
    static func sameText(size: Int, count: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 4, UInt8(ascii: "]"), 0x94, UInt8(ascii: "(")]
        bytes += text(size) + [0x94]
        for _ in 1..<count { bytes += [UInt8(ascii: "h"), 1] }
        return bytes + Array("e.".utf8)
    }

    /// Two arguments that are the same text.
    static func sameArguments(size: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x80, 4]
        bytes += text(size) + [0x94, UInt8(ascii: "h"), 0, 0x86, 0x94]
        return bytes + [UInt8(ascii: "}"), 0x94, 0x86, 0x94, UInt8(ascii: ".")]
    }

    private static func text(_ size: Int) -> [UInt8] {
        let length = (0..<4).map { UInt8(truncatingIfNeeded: size >> ($0 * 8)) }
        return [UInt8(ascii: "X")] + length + Array(repeating: UInt8(ascii: "x"), count: size)
    }

    private static func framed(_ content: [UInt8]) -> [UInt8] {
        [0x80, 5, 0x95, UInt8(content.count + 1), 0, 0, 0, 0, 0, 0, 0] + content + Array(".".utf8)
    }
}

/// Messages as Ray's clients send them.
enum Requests {
    static func put(
        _ id: UInt8, _ pickle: some Sequence<UInt8>, chunk: UInt8 = 0, of count: UInt8 = 1, total: Int = 0,
        reference: String = ""
    ) -> ByteBuffer {
        let value = field(1, Array(pickle)) + field(2, Array(reference.utf8))
        return request(id, 3, value + number(3, chunk) + number(4, count) + [5 << 3] + varint(total))
    }

    /// A value in so many parts.
    static func puts(_ id: UInt8, _ pickle: [UInt8], parts: Int) -> [ByteBuffer] {
        // All as large as the first, but for the last, as Ray's client has it.
        let size = (pickle.count + parts - 1) / parts
        return (0..<parts).map { part in
            let range = min(pickle.count, size * part)..<min(pickle.count, size * (part + 1))
            return put(id, pickle[range], chunk: UInt8(part), of: UInt8(parts), total: pickle.count)
        }
    }

    static func task(
        _ id: UInt8, kind: UInt8 = 2, name: String = "f", payload: String = "payload", client: String = "client",
        options: [UInt8] = [], baseline: [UInt8] = [], namespace: String = "",
        arguments: [UInt8] = Pickles.noArguments, chunk: UInt8 = 0, of count: UInt8 = 1
    ) -> ByteBuffer {
        let texts =
            number(1, kind) + field(2, Array(name.utf8)) + field(3, Array(payload.utf8)) + field(6, Array(client.utf8))
        let settings = field(7, field(1, options)) + field(8, field(1, baseline)) + field(9, Array(namespace.utf8))
        return request(id, 10, texts + settings + field(10, arguments) + number(11, chunk) + number(12, count))
    }

    static func release(_ id: UInt8, _ objects: [ObjectKey]) -> ByteBuffer {
        request(id, 4, objects.flatMap { field(1, Array($0.buffer.readableBytesView)) })
    }

    static func get(
        _ objects: [ObjectKey], timeout: Float, isAsynchronous: Bool = false, start: UInt8 = 0
    ) -> ByteBuffer {
        let seconds = withUnsafeBytes(of: timeout.bitPattern.littleEndian) { Array($0) }
        let ids = objects.flatMap { field(4, Array($0.buffer.readableBytesView)) }
        return ByteBuffer(bytes: [0x15] + seconds + number(3, isAsynchronous ? 1 : 0) + ids + number(5, start))
    }

    private static func request(_ id: UInt8, _ number: UInt8, _ content: [UInt8]) -> ByteBuffer {
        ByteBuffer(bytes: self.number(1, id) + field(number, content))
    }

    private static func number(_ number: UInt8, _ value: UInt8) -> [UInt8] { [number << 3, value] }

    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2] + varint(bytes.count) + bytes
    }

    private static func varint(_ value: Int) -> [UInt8] {
        var rest = value
        var result: [UInt8] = []
        while rest >= 0x80 {
            result.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return result + [UInt8(rest)]
    }
}

/// The module of NumPy in its second version.
let arrays = "numpy._core.numeric"

/// The answer that a session has given.
func answered(_ verdict: ClientSession.Verdict) throws -> ByteBuffer {
    guard case .answered(let answer) = verdict else { throw NotAnswered(verdict: verdict) }
    return answer
}

private struct NotAnswered: Error {
    let verdict: ClientSession.Verdict
}
