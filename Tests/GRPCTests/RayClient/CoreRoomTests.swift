//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRayGRPC
import Glibc
import NIOCore
import NIOPosix
import RayGRPC
import Synchronization
import Testing

/// Whether something comes true within half a minute.
private func eventually(_ isTrue: () -> Bool) -> Bool {
    for _ in 0..<30_000 {
        if isTrue() { return true }
        usleep(1_000)
    }
    return isTrue()
}

@Suite("Room that the runtime of a process was asked for")
struct CoreRoomTests {
    private let granted = GrantedRoom(byteCount: 100)

    private func room() -> CoreRoom { granted.room() }

    private func write(_ text: String, _ room: CoreRoom, at offset: Int) {
        Array(text.utf8).withUnsafeBytes { room.write($0, at: offset) }
    }

    @Test("It is written, read and sealed once it is granted, and is the runtime's from then on")
    func life() {
        let room = room()
        granted.answers = [0, 1]
        #expect(room.standing == .awaited)
        write("early", room, at: 0)
        #expect(room.read(at: 0, count: 5) == nil)
        #expect(room.standing == .granted && room.standing == .granted)
        #expect(granted.waits == [0, 0], "it is asked for until it is granted, and without a wait")
        write("begin", room, at: 0)
        write("end", room, at: 97)
        #expect(room.read(at: 0, count: 5) == ByteBuffer(string: "begin"))
        #expect(room.read(at: 97, count: 3) == ByteBuffer(string: "end"))
        #expect(room.read(at: 5, count: 1) == ByteBuffer(bytes: [0xEE]))
        #expect(room.seal() == ObjectKey(number: 7) && granted.ends == ["sealed"])
        #expect(room.standing == .refused && room.read(at: 0, count: 5) == nil)
        write("late", room, at: 0)
        #expect(granted.bytes.prefix(5).elementsEqual("begin".utf8))
        #expect(room.seal() == nil)
        room.abort()
        #expect(granted.ends == ["sealed"])
    }

    @Test(
        "It goes back once, whether it was granted, refused or still awaited", arguments: [0, 1, -1] as [CInt],
        [true, false])
    func givenBack(answer: CInt, isDropped: Bool) {
        granted.answers = [answer]
        do {
            let room = room()
            #expect(room.standing == (answer == 0 ? .awaited : answer == 1 ? .granted : .refused))
            if !isDropped {
                for _ in 0..<2 { room.abort() }
                #expect(granted.ends == ["aborted"])
                #expect(room.standing == .refused && room.read(at: 0, count: 1) == nil && room.seal() == nil)
            }
        }
        #expect(granted.ends == ["aborted"])
    }

    @Test("What is refused stays so, and is not asked for again; so does what is granted without bytes")
    func refused() {
        for answers in [[-1, 1], [2, 1]] as [[CInt]] {
            granted.answers = answers
            let room = room()
            for _ in 0..<3 { #expect(room.standing == .refused) }
            room.wait(milliseconds: 1_000)
            #expect(granted.waits == [0] && room.read(at: 0, count: 1) == nil)
            granted.forget()
        }
    }

    @Test("What cannot be sealed is the runtime's as well, and has no bytes any more")
    func unsealed() {
        granted.sealStatus = -1
        granted.answers = [1]
        let room = room()
        #expect(room.standing == .granted)
        #expect(room.seal() == nil && room.read(at: 0, count: 5) == nil && room.standing == .refused)
        room.abort()
        #expect(granted.ends == ["sealed"])
    }

    @Test("A wait ends when it is granted or refused, or when its time is over", arguments: [1, -1] as [CInt])
    func wait(answer: CInt) {
        granted.answers = [0, 0, answer]
        let room = room()
        room.wait(milliseconds: 1_000)
        #expect(granted.waits.count == 3 && granted.waits.allSatisfy { (1...100).contains($0) })
        granted.forget()
        granted.answers = [0]
        let other = self.room()
        other.wait(milliseconds: 200)
        #expect(granted.waits.reduce(0, +) == 200 && other.standing == .awaited)
        other.wait(milliseconds: 0)
        #expect(granted.waits.reduce(0, +) == 200)
    }

    @Test("Who looks at it, or gives it back, is not held up by who waits for it", .timeLimit(.minutes(1)))
    func whileSomebodyWaits() {
        granted.answers = [0]
        granted.isHeld = true
        let room = room()
        let isOver = Atomic(false)
        NIOThreadPool.singleton.submit { _ in
            room.wait(milliseconds: 3_600_000)
            isOver.store(true, ordering: .sequentiallyConsistent)
        }
        #expect(eventually { !granted.waits.isEmpty })
        #expect(room.standing == .awaited)
        // From now on the runtime says after each of its waits that there is none yet.
        granted.isHeld = false
        room.abort()
        #expect(granted.ends == ["aborted"])
        let hasEnded = eventually { isOver.load(ordering: .sequentiallyConsistent) }
        #expect(hasEnded && room.standing == .refused)
    }
}

/// Room of a runtime that is only pretended, by the functions that the runtime would have given.
private final class GrantedRoom: Sendable {
    private struct State {
        /// What the runtime says to who asks for the room; the last of them for good. 2 is that there is room, without
        /// saying where.
        var answers: [CInt] = [0]
        var waits: [CInt] = []
        var isHeld = false
        var sealStatus: CInt = 0
        var ends: [String] = []
    }

    private let state = Mutex(State())
    private let byteCount: Int
    private let address: UInt

    init(byteCount: Int) {
        self.byteCount = byteCount
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0xEE)
        address = UInt(bitPattern: memory.baseAddress)
    }

    deinit { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }

    /// The room, asked for anew; this is held for longer.
    func room() -> CoreRoom {
        CoreRoom(Unmanaged.passUnretained(self).toOpaque(), byteCount: byteCount, of: Self.functions)
    }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
    }
    var waits: [CInt] { state.withLock { $0.waits } }
    var ends: [String] { state.withLock { $0.ends } }
    var answers: [CInt] {
        get { state.withLock { $0.answers } }
        set { state.withLock { $0.answers = newValue } }
    }
    var sealStatus: CInt {
        get { state.withLock { $0.sealStatus } }
        set { state.withLock { $0.sealStatus = newValue } }
    }
    /// Whether who waits does so for as long as this is set.
    var isHeld: Bool {
        get { state.withLock { $0.isHeld } }
        set { state.withLock { $0.isHeld = newValue } }
    }

    func forget() { state.withLock { $0.waits = [] } }

    private func answer(within milliseconds: CInt, _ bytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> CInt {
        state.withLock { $0.waits.append(milliseconds) }
        _ = eventually { !isHeld }
        let answer = state.withLock { $0.answers.count > 1 ? $0.answers.removeFirst() : $0.answers[0] }
        if answer == 1 { bytes?.pointee = UnsafeMutableRawPointer(bitPattern: address) }
        return min(answer, 1)
    }

    private func seal(_ object: UnsafeMutableRawPointer?) -> CInt {
        let status = state.withLock { state in
            state.ends.append("sealed")
            return state.sealStatus
        }
        guard status >= 0 else { return status }
        ObjectKey(number: 7).withBytes {
            UnsafeMutableRawBufferPointer(start: object, count: $0.count).copyMemory(from: $0)
        }
        return status
    }

    private static func granted(_ room: UnsafeMutableRawPointer) -> GrantedRoom {
        Unmanaged<GrantedRoom>.fromOpaque(room).takeUnretainedValue()
    }

    private static var functions: ray_grpc_runtime {
        ray_grpc_runtime(
            submit: { _, _, _, _, _, _ in -1 }, put: { _, _ in -1 }, create: { _, _, _ in -1 },
            await_room: { GrantedRoom.granted($0).answer(within: $1, $2) },
            seal: { GrantedRoom.granted($0).seal($1) },
            abort: { room in GrantedRoom.granted(room).state.withLock { $0.ends.append("aborted") } },
            get: { _, _, _, _, _, _ in -1 }, take: { _, _, _, _ in -1 }, drop: { _ in }, retain: { _ in },
            release: { _ in }, add_reference: { _ in 0 }, remove_reference: { _ in })
    }
}
