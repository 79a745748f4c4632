//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// `get`, `wait` and questions to the GCS.
extension WorkerCore {
    /// How one object is to be had without waiting; `.local` if the node's store may have it.
    package func peek(_ id: ObjectID) -> ObjectOutcome? {
        guard let entry = objects[id] else { return nil }
        switch entry.value {
        case .inline(let object): return .inline(object)
        case .failed(let error): return .failed(error)
        case .stored: return .local(id)
        case .pending: return entry.owner == nil ? nil : .local(id)
        }
    }

    /// On which nodes this process knows the object to be, and its bytes; nothing if it is not there yet.
    ///
    /// One that lives in processes is on the node of this one.
    package func location(of id: ObjectID) -> (nodes: [NodeID], byteCount: Int)? {
        guard let entry = objects[id] else { return nil }
        let here = configuration.address.node
        switch entry.value {
        case .inline(let object): return ([here], object.data.count)
        case .stored(let raylets, let byteCount):
            let nodes = raylets.map(\.node)
            // A copy that was brought here to be read.
            return (entry.presence == .present && !nodes.contains(here) ? nodes + [here] : nodes, byteCount)
        case .pending, .failed: return nil
        }
    }

    /// Starts a `get`; ends with the effect `completeGet` under the returned token.
    ///
    /// - Parameter failsFast: whether it ends as soon as one of the objects failed; those that are not there then have
    ///   the error of a time-out.
    package mutating func get(
        _ references: [ObjectReference], deadline: Instant?, failsFast: Bool = false, from task: TaskID?,
        into effects: inout WorkerEffects
    ) -> UInt64 {
        begin(.get, references, deadline: deadline, failsFast: failsFast, from: task, into: &effects)
    }

    /// Starts a `wait` for `count` of the objects; ends with the effect `completeWait`.
    ///
    /// - Parameter fetches: whether objects are brought to this node, and count only when they are there; those that
    ///   exist are brought also where others are enough. A process without a store fetches nothing.
    package mutating func wait(
        _ references: [ObjectReference], count: Int, fetches: Bool = false, deadline: Instant?, from task: TaskID?,
        into effects: inout WorkerEffects
    ) -> UInt64 {
        let kind = WaitRequest.Kind.wait(
            count: min(count, references.count), fetches: fetches && configuration.raylet != nil)
        return begin(kind, references, deadline: deadline, from: task, into: &effects)
    }

    /// Marks the first `count` of the objects that exist or failed; nothing if there are fewer.
    ///
    /// Looks no further than it must: whoever takes one result after the other from many asks for all of them each time.
    /// Nothing, too, where one is to be fetched.
    package func firstExisting(of ids: [ObjectID], count: Int, fetches: Bool = false) -> [Bool]? {
        guard let flags = existing(among: ids, atMost: count, fetches: fetches, areAll: true) else { return nil }
        return flags.count { $0 } == min(count, ids.count) ? flags : nil
    }

    /// Marks the first `count` of the objects that exist or failed, or as many as there are.
    ///
    /// Nothing where one is to be fetched, which those that are not among `ids` may be unless these are all.
    package func existing(among ids: [ObjectID], atMost count: Int, fetches: Bool, areAll: Bool) -> [Bool]? {
        let mayFetch = fetches && hasStored && configuration.raylet != nil
        guard areAll || !mayFetch else { return nil }
        var flags = [Bool](repeating: false, count: ids.count)
        var missing = count
        for (index, id) in ids.enumerated() {
            guard missing > 0 || mayFetch else { break }
            guard objects[id]?.exists == true else { continue }
            if mayFetch, objects[id]?.isAtHand == false { return nil }
            guard missing > 0 else { continue }
            flags[index] = true
            missing -= 1
        }
        return flags
    }

    /// Ends a `get` or `wait` that nobody waits for any more, with what is there: its task has the CPU again, and what it
    /// kept goes. Nothing if it has ended.
    package mutating func abandonWait(_ token: UInt64, into effects: inout WorkerEffects) {
        finish(token, into: &effects)
    }

    /// Sends a request to the GCS; ends with the effect `completeRequest`.
    package mutating func request(_ message: Message, into effects: inout WorkerEffects) -> UInt64 {
        requestCounter += 1
        if let fatal {
            effects.append(.completeRequest(requestCounter, .failure(fatal)))
        } else {
            requests[requestCounter] = message
            effects.send(message, to: WorkerID.gcs, requestID: requestCounter)
        }
        return requestCounter
    }

    /// Has what is published on a channel sent to this process; the driver takes it.
    package mutating func subscribe(to channel: String, into effects: inout WorkerEffects) {
        guard channels.insert(channel).inserted, fatal == nil else { return }
        effects.send(.subscribe(Subscribe(channel: channel)), to: WorkerID.gcs)
    }

    private mutating func begin(
        _ kind: WaitRequest.Kind, _ references: [ObjectReference], deadline: Instant?, failsFast: Bool = false,
        from task: TaskID?, into effects: inout WorkerEffects
    ) -> UInt64 {
        requestCounter += 1
        let token = requestCounter
        let waiter: ObjectEntry.Waiter =
            switch kind {
            case .get: .get(token)
            case .wait(_, fetches: false): .wait(token)
            case .wait(_, fetches: true): .fetch(token)
            }
        var request = WaitRequest(kind: kind, ids: references.map(\.id), missing: 0, deadline: deadline, task: task)
        for reference in references where objects[reference.id] == nil {
            // The reference is only lent for the call; the waiter keeps the entry.
            enter(reference)
        }
        let unsatisfied = request.ids.filter { id in objects[id].map { !$0.satisfies(waiter) } ?? false }
        request.missing = unsatisfied.count
        request.failsFast = failsFast
        waits[token] = request
        if isDone(request) || failsFast && request.ids.contains(where: { objects[$0]?.hasFailed == true }) {
            if case .fetch = waiter { fetchExisting(unsatisfied, into: &effects) }
            finish(token, into: &effects)
            return token
        }
        if let deadline { setAlarm(deadline) }
        beginBlocking(task, into: &effects)
        for id in unsatisfied where waits[token] != nil { wait(for: id, waiter, into: &effects) }
        return token
    }

    private func isDone(_ request: WaitRequest) -> Bool {
        switch request.kind {
        case .get: request.missing == 0
        case .wait(let count, _): request.ids.count - request.missing >= count
        }
    }

    /// Has objects brought here that nobody waits for yet.
    private mutating func fetchExisting(_ ids: [ObjectID], into effects: inout WorkerEffects) {
        for id in ids where objects[id]?.exists == true { bringToHand(id, into: &effects) }
    }

    mutating func objectReady(_ token: UInt64, hasFailed: Bool, into effects: inout WorkerEffects) {
        if hasFailed, waits[token]?.failsFast == true { return finish(token, into: &effects) }
        waits.update(token) { $0.missing -= 1 }
        guard let request = waits[token], isDone(request) else { return }
        if hasLosses, case .get = request.kind, waitAgain(token, request, into: &effects) { return }
        finish(token, into: &effects)
    }

    /// Goes on with a get if objects that were at hand are lost while it waited for others; whether it does.
    private mutating func waitAgain(
        _ token: UInt64, _ request: WaitRequest, into effects: inout WorkerEffects
    ) -> Bool {
        let lost = request.ids.filter { objects[$0].map { !$0.isAtHand } ?? false }
        guard !lost.isEmpty else { return false }
        waits[token]?.missing = lost.count
        for id in lost where waits[token] != nil { wait(for: id, .get(token), into: &effects) }
        return true
    }

    /// Ends a request with what is there; a task that waited goes on when it has its CPU again.
    private mutating func finish(_ token: UInt64, into effects: inout WorkerEffects) {
        guard let request = waits.removeValue(forKey: token) else { return }
        noteRead(request.ids)
        let effect: WorkerEffect
        switch request.kind {
        case .get: effect = .completeGet(token, request.ids.map { outcome(of: $0) })
        case .wait(_, let fetches):
            let flags = request.ids.map { objects[$0].map { fetches ? $0.isAtHand : $0.exists } ?? true }
            effect = .completeWait(token, flags)
        }
        for id in request.ids {
            if objects.update(id, { $0.forget(token) }) == true { dropCopy(id) }
            collect(id, into: &effects)
        }
        endBlocking(request.task, effect, into: &effects)
    }

    /// Lets the fetched bytes of an object go once no get wants them.
    mutating func dropCopy(_ id: ObjectID) {
        guard objects[id]?.copy != nil else { return }
        let isWanted = waits.values.contains { request in
            if case .get = request.kind { request.ids.contains(id) } else { false }
        }
        if !isWanted { objects[id]?.copy = nil }
    }

    private func outcome(of id: ObjectID) -> ObjectOutcome {
        guard let entry = objects[id] else {
            return .failed(RayError(.objectFreed, "object \(id) was freed: no reference to it was left"))
        }
        switch entry.value {
        case .inline(let object): return .inline(object)
        case .failed(let error): return .failed(error)
        case .stored where entry.presence == .present: return .local(id)
        case .stored where entry.copy != nil: return entry.copy.map { .inline($0) } ?? .local(id)
        case .stored, .pending:
            return .failed(RayError(.getTimeout, "get timed out: object \(id) is not available yet"))
        }
    }

    mutating func expireWaits(at now: Instant, into effects: inout WorkerEffects) {
        let expired = waits.filter { $0.value.deadline.map { $0 <= now } ?? false }
        for token in expired.keys.sorted() { finish(token, into: &effects) }
    }
}
