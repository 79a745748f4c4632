//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore
internal import RayObjectStore
internal import RayTransport
internal import RayWire
package import RayWorker
internal import Synchronization

/// Room in the node's store for objects that this process writes.
extension Worker {
    /// Room that the raylet was asked for.
    struct RoomRequest: Sendable {
        let id: ObjectID
        let answer: AnswerSlot<Int>
        /// When it is waited for no longer.
        let deadline: Instant
    }

    package func createObject(
        byteCount: Int, metadata: [UInt8], contained: [ObjectReference], from task: TaskID?
    ) throws(RayError) -> any UnsealedObject {
        let requested = requestObject(byteCount: byteCount, metadata: metadata, contained: contained, from: task)
        while true {
            if let room = try requested.room(milliseconds: 100) { return room }
        }
    }

    /// As `createObject`, for a thread that looks for something else while it waits.
    package func requestObject(
        byteCount: Int, metadata: [UInt8], contained: [ObjectReference], from task: TaskID?
    ) -> RequestedObject {
        let start = now()
        guard byteCount > Limits.inlineObjectBytesMax, let store else {
            let room = UnsealedRoom(
                worker: self, byteCount: byteCount, metadata: metadata, contained: contained, task: task)
            return RequestedObject(worker: self, .granted(room)) { _ throws(RayError) in room }
        }
        let tail = metadata + RayObject(data: [], metadata: [], contained: contained).containedBytes
        let request = requestRoom(
            byteCount, metadataBytes: metadata.count, containedBytes: tail.count - metadata.count, from: task)
        return RequestedObject(worker: self, .asked(request)) { [self] offset throws(RayError) in
            do throws(ObjectStoreError) {
                let range = try store.writableRange(offset: offset, size: byteCount + tail.count)
                let bytes = range.bytes
                tail.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: bytes[byteCount...]).copyMemory(from: $0)
                }
                return UnsealedRoom(
                    worker: self, id: request.id, bytes: UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount]),
                    mapping: range.mapping, contained: contained, task: task, since: start)
            } catch {
                throw RayError(.systemError, "the object store cannot be written: \(error)")
            }
        }
    }

    func abort(_ id: ObjectID) {
        guard let raylet = configuration.core.raylet else { return }
        send(.abortObject(AbortObject(object: id)), to: raylet.worker)
    }

    /// Tells the raylet and the core that an object is written.
    func sealed(_ id: ObjectID, byteCount: Int, contained: [ObjectReference]) -> ObjectReference {
        guard let raylet = configuration.core.raylet else { preconditionFailure("room without a raylet") }
        send(.sealObject(SealObject(object: id)), to: raylet.worker)
        // Until the raylet has read that message a lookup finds nothing, and a fetch waits for it.
        transact { core, _, effects in
            core.sealed(
                id, byteCount: byteCount, contained: contained, at: raylet, isLocal: false, into: &effects)
        }
        return ObjectReference(id: id, owner: address)
    }

    /// Asks the raylet for room.
    func requestRoom(_ dataBytes: Int, metadataBytes: Int, containedBytes: Int, from task: TaskID?) -> RoomRequest {
        guard let raylet = configuration.core.raylet else { preconditionFailure("a store without a raylet") }
        let answer = AnswerSlot<Int>()
        let id = transactState { state, _ in
            let id = state.core.nextPutID(of: task)
            state.rooms[id] = answer
            return id
        }
        let message = CreateObject(
            object: id, owner: address.worker, slot: configuration.core.storeSlot, dataBytes: dataBytes,
            metadataBytes: metadataBytes, containedBytes: containedBytes)
        send(.createObject(message), to: raylet.worker)
        return RoomRequest(
            id: id, answer: answer, deadline: now().advanced(milliseconds: configuration.roomMilliseconds))
    }

    /// Waits for room on this thread, within the limit.
    func offset(of request: RoomRequest) throws(RayError) -> Int {
        while true {
            if let offset = try offset(of: request, milliseconds: 100) { return offset }
        }
    }

    /// Where the room is; nothing if there is none after `milliseconds`. What is thrown ends the request.
    func offset(of request: RoomRequest, milliseconds: Int) throws(RayError) -> Int? {
        _ = waitForAnswer(request.answer, milliseconds: milliseconds)
        switch request.answer.result {
        case .success(let offset)?: return offset
        case .failure(let error)?: throw error
        case nil: break
        }
        guard now() < request.deadline, !isEnding.load(ordering: .relaxed) else {
            giveUp(request)
            guard !isEnding.load(ordering: .relaxed) else { throw RayError(.systemError, "the process is to end") }
            throw RayError(
                .objectStoreFull, "no room in the object store within \(configuration.roomMilliseconds / 1000) s")
        }
        return nil
    }

    /// Nobody waits for the room any more: it goes back, also if it is granted only now.
    func giveUp(_ request: RoomRequest) {
        _ = state.withLock { $0.rooms.removeValue(forKey: request.id) }
        abort(request.id)
    }
}

/// An object that is to be written, whose room may not be there yet. One thread uses it.
package final class RequestedObject: Sendable {
    enum State: Sendable {
        case asked(Worker.RoomRequest)
        case granted(UnsealedRoom)
        case over
    }

    private let worker: Worker
    private let state: Mutex<State>
    /// Prepares the room at an offset of the store.
    private let prepare: @Sendable (Int) throws(RayError) -> UnsealedRoom

    init(worker: Worker, _ state: State, prepare: @escaping @Sendable (Int) throws(RayError) -> UnsealedRoom) {
        self.worker = worker
        self.state = Mutex(state)
        self.prepare = prepare
    }

    /// The room; nothing if there is none after `milliseconds`.
    ///
    /// - Throws: `objectStoreFull` when the limit is over, or why there is none.
    package func room(milliseconds: Int) throws(RayError) -> (any UnsealedObject)? {
        switch state.withLock({ $0 }) {
        case .granted(let room): return room
        case .over: throw RayError(.systemError, "the room was given back")
        case .asked(let request):
            do throws(RayError) {
                guard let offset = try worker.offset(of: request, milliseconds: milliseconds) else { return nil }
                let room = try prepared(offset, request)
                state.withLock { $0 = .granted(room) }
                return room
            } catch {
                state.withLock { $0 = .over }
                throw error
            }
        }
    }

    private func prepared(_ offset: Int, _ request: Worker.RoomRequest) throws(RayError) -> UnsealedRoom {
        do throws(RayError) {
            return try prepare(offset)
        } catch {
            worker.abort(request.id)
            throw error
        }
    }

    /// Ends writing, as `UnsealedObject.seal` does.
    package func seal() throws(RayError) -> ObjectReference {
        let before = end()
        guard case .granted(let room) = before else { throw RayError(.systemError, "there is no room to be sealed") }
        return try room.seal()
    }

    /// The object is not wanted any more, whether there is room for it or not.
    package func abort() {
        switch end() {
        case .asked(let request): worker.giveUp(request)
        case .granted(let room): room.abort()
        case .over: break
        }
    }

    private func end() -> State {
        state.withLock { state in
            defer { state = .over }
            return state
        }
    }
}
