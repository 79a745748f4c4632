//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import CRayPython
internal import RayCore
internal import RayNode
internal import RayWorker
internal import Synchronization

// Objects: stored, fetched, awaited.

/// See `ray_python.h`.
@c @implementation
public func ray_python_put(
    _ task: UnsafeRawPointer?, _ value: UnsafePointer<ray_python_argument>?, _ object: UnsafeMutableRawPointer?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let value else { throw RayError(.invalidArgument, "there is no value") }
            let runtime = try PythonRuntime.require()
            try runtime.worker.put(try runtime.object(value.pointee), from: TaskID(task)).id.write(to: object)
            return 0
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_create(
    _ task: UnsafeRawPointer?, _ value: UnsafePointer<ray_python_argument>?,
    _ room: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let value, let room else { throw RayError(.invalidArgument, "there is no value") }
            let runtime = try PythonRuntime.require()
            let contained = try runtime.references(
                [ObjectID](value.pointee.contained, value.pointee.contained_count))
            let requested = runtime.worker.requestObject(
                byteCount: value.pointee.data.count, metadata: value.pointee.metadata.array, contained: contained,
                from: TaskID(task))
            room.pointee = Unmanaged.passRetained(requested).toOpaque()
            return 0
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_await_room(
    _ room: UnsafeMutableRawPointer?, _ milliseconds: Int32, _ bytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let room, let bytes else { throw RayError(.invalidArgument, "there is no room") }
            let requested = Unmanaged<RequestedObject>.fromOpaque(room).takeUnretainedValue()
            guard let granted = try requested.room(milliseconds: Int(milliseconds)) else { return 0 }
            granted.withMutableBytes { bytes.pointee = $0.baseAddress }
            return 1
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_seal(_ room: UnsafeMutableRawPointer?, _ object: UnsafeMutableRawPointer?) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let room else { throw RayError(.invalidArgument, "there is no room") }
            try Unmanaged<RequestedObject>.fromOpaque(room).takeRetainedValue().seal().id.write(to: object)
            return 0
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_abort(_ room: UnsafeMutableRawPointer?) {
    if let room { Unmanaged<RequestedObject>.fromOpaque(room).takeRetainedValue().abort() }
}

/// See `ray_python.h`.
///
/// Most gets end here: nothing is made for them but the objects.
@c @implementation
public func ray_python_get_now(
    _ objects: UnsafeRawPointer?, _ count: Int, _ found: UnsafeMutablePointer<ray_python_object>?
) -> Int32 {
    guard let found, let results = PythonRuntime.current?.worker.getNow([ObjectID](objects, count)) else { return 0 }
    for case .failure in results { return 0 }
    for (index, result) in results.enumerated() { found[index] = ray_python_object(result) }
    return 1
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_get(
    _ objects: UnsafeRawPointer?, _ count: Int, _ task: UnsafeRawPointer?, _ milliseconds: Int64,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    get(objects, count, from: TaskID(task), milliseconds, into: request, then: nil)
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_get_then(
    _ objects: UnsafeRawPointer?, _ count: Int, _ milliseconds: Int64,
    _ done: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, _ context: UnsafeMutableRawPointer?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    let context = CallerContext(pointer: context)
    return get(objects, count, from: nil, milliseconds, into: request) { done?(context.pointer) }
}

/// What a caller wants to have back.
///
/// Unchecked: it is only carried.
private struct CallerContext: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer?
}

/// Begins a fetch; 0 if all is at hand, or 1, and `done`, if there is one, is called once the request has its objects.
/// Without one the fetch ends with its request.
private func get(
    _ objects: UnsafeRawPointer?, _ count: Int, from task: TaskID?, _ milliseconds: Int64,
    into request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, then done: (@Sendable () -> Void)?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            let runtime = try PythonRuntime.require()
            let ids = [ObjectID](objects, count)
            let results = runtime.worker.getNow(ids)
            let references = results == nil ? try runtime.references(ids) : []
            let pending = PendingRequest(runtime)
            request?.pointee = Unmanaged.passRetained(pending).toOpaque()
            if let results {
                pending.slot.fill(.success(.objects(results)))
                return 0
            }
            let token = runtime.worker.getUntilFailure(
                references, deadline: runtime.deadline(milliseconds), from: task
            ) { [slot = pending.slot] in
                slot.fill(.success(.objects($0)))
                done?()
            }
            if done == nil { pending.token.store(token, ordering: .relaxed) }
            return 1
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_wait_now(
    _ objects: UnsafeRawPointer?, _ count: Int, _ wanted: Int, _ fetch: Int32, _ areAll: Int32,
    _ ready: UnsafeMutablePointer<UInt8>?
) -> Int32 {
    guard let ready,
        let flags = PythonRuntime.current?.worker.existing(
            among: [ObjectID](objects, count), atMost: wanted, fetches: fetch != 0, areAll: areAll != 0)
    else { return 0 }
    for (index, flag) in flags.enumerated() { ready[index] = flag ? 1 : 0 }
    return 1
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_wait(
    _ objects: UnsafeRawPointer?, _ count: Int, _ wanted: Int, _ fetch: Int32, _ task: UnsafeRawPointer?,
    _ milliseconds: Int64, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            let runtime = try PythonRuntime.require()
            let pending = PendingRequest(runtime)
            request?.pointee = Unmanaged.passRetained(pending).toOpaque()
            let ids = [ObjectID](objects, count)
            if let ready = runtime.worker.waitNow(ids, count: wanted, fetches: fetch != 0) {
                pending.slot.fill(.success(.ready(ready)))
                return 0
            }
            let token = runtime.worker.wait(
                try runtime.references(ids), count: wanted, fetches: fetch != 0,
                deadline: runtime.deadline(milliseconds),
                from: TaskID(task)
            ) { [slot = pending.slot] in
                slot.fill($0.isEmpty && count > 0 ? .failure(.runtimeEnded) : .success(.ready($0)))
            }
            pending.token.store(token, ordering: .relaxed)
            return 1
        })
}

extension PythonRuntime {
    /// The moment after so many milliseconds; none if negative.
    fileprivate func deadline(_ milliseconds: Int64) -> Instant? {
        milliseconds < 0 ? nil : worker.now().advanced(milliseconds: Int(clamping: milliseconds))
    }
}

/// What a fetch or wait gave, to a thread of Python that waits in slices to look for signals in between.
private enum RequestOutcome: Sendable {
    case objects([Result<any FetchedObject, RayError>])
    case ready([Bool])
}

/// A fetch or wait, and the runtime that was asked.
private final class PendingRequest: Sendable {
    let slot = AnswerSlot<RequestOutcome>()
    let runtime: PythonRuntime
    /// The number of what is to end with it; 0 for what ends by itself.
    let token = Atomic<UInt64>(0)

    init(_ runtime: PythonRuntime) { self.runtime = runtime }

    /// Nobody waits any more: an exception of a signal's handler went through Python's wait.
    func abandon() {
        let token = token.load(ordering: .relaxed)
        if token != 0, slot.result == nil { runtime.worker.abandonWait(token) }
    }
}

private func pending(_ request: UnsafeMutableRawPointer?) -> PendingRequest? {
    request.map { Unmanaged<PendingRequest>.fromOpaque($0).takeUnretainedValue() }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_await(_ request: UnsafeMutableRawPointer?, _ milliseconds: Int32) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let pending = pending(request) else { throw RayError(.invalidArgument, "there is no request") }
            let (slot, runtime) = (pending.slot, pending.runtime)
            guard runtime.worker.waitForAnswer(slot, milliseconds: Int(milliseconds)) else { return 0 }
            if case .failure(let error)? = slot.result { throw error }
            return 1
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_take_objects(
    _ request: UnsafeMutableRawPointer?, _ objects: UnsafeMutablePointer<ray_python_object>?, _ count: Int
) {
    guard case .success(.objects(let results)) = pending(request)?.slot.result, let objects else { return }
    for (index, result) in results.prefix(count).enumerated() { objects[index] = ray_python_object(result) }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_take_ready(
    _ request: UnsafeMutableRawPointer?, _ ready: UnsafeMutablePointer<UInt8>?, _ count: Int
) {
    guard case .success(.ready(let flags)) = pending(request)?.slot.result, let ready else { return }
    for (index, flag) in flags.prefix(count).enumerated() { ready[index] = flag ? 1 : 0 }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_drop(_ request: UnsafeMutableRawPointer?) {
    guard let pending = pending(request), let request else { return }
    pending.abandon()
    Unmanaged<PendingRequest>.fromOpaque(request).release()
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_retain(_ owner: UnsafeMutableRawPointer?) {
    if let owner { _ = Unmanaged<AnyObject>.fromOpaque(owner).retain() }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_release(_ owner: UnsafeMutableRawPointer?) {
    if let owner { Unmanaged<AnyObject>.fromOpaque(owner).release() }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_notify(_ object: UnsafeRawPointer?, _ fetch: Int32, _ number: UInt64) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let id = ObjectID(object) else { throw RayError(.invalidArgument, "there is no object") }
            let runtime = try PythonRuntime.require()
            let reference = try runtime.reference(id)
            let events = runtime.events
            if fetch != 0 {
                runtime.worker.get([reference], deadline: nil, from: nil) { _ in events.add(number) }
            } else {
                runtime.worker.wait([reference], count: 1, deadline: nil, from: nil) { _ in events.add(number) }
            }
            return 0
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_next_event(_ milliseconds: Int32) -> Int64 {
    guard let runtime = PythonRuntime.current else { return -1 }
    if let number = runtime.events.next(milliseconds: Int(milliseconds)) { return Int64(clamping: number) }
    return runtime.events.isClosed ? -1 : 0
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_add_reference(
    _ object: UnsafePointer<UInt8>?, _ owner: UnsafeRawPointer?, _ ownerSize: Int
) -> Int32 {
    guard let id = ObjectID(UnsafeRawPointer(object)), let runtime = PythonRuntime.current else { return 0 }
    if runtime.retain(id) { return 1 }
    guard ownerSize > 0,
        let address = try? Address(decoding: ray_python_bytes(data: owner, count: ownerSize).array)
    else { return 0 }
    runtime.worker.retain(ObjectReference(id: id, owner: address))
    return 1
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_remove_reference(_ object: UnsafePointer<UInt8>?) {
    guard let id = ObjectID(UnsafeRawPointer(object)), let runtime = PythonRuntime.current else { return }
    runtime.release(id)
}
