//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import CRayPython
internal import RayCore
internal import RayNode
internal import RayWorker
internal import Synchronization

// Tasks: fetched by Python's loop and ended by it.

/// A task that Python runs.
private final class RunningTask: Sendable {
    let task: ExecutableTask

    init(_ task: ExecutableTask) { self.task = task }
}

private func running(_ task: UnsafeMutableRawPointer?) -> RunningTask? {
    task.map { Unmanaged<RunningTask>.fromOpaque($0).takeUnretainedValue() }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_next_task(_ milliseconds: Int32, _ task: UnsafeMutablePointer<ray_python_task>?) -> Int32 {
    guard let runtime = PythonRuntime.current else { return -1 }
    let interrupts = runtime.interrupts
    interrupts.noteLoopThread()
    guard let next = runtime.worker.nextTask(milliseconds: Int(milliseconds), unless: { interrupts.isWanted }) else {
        return runtime.worker.hasEnded ? -1 : 0
    }
    guard let task else { return 0 }
    task.pointee.task = Unmanaged.passRetained(RunningTask(next)).toOpaque()
    withUnsafeMutableBytes(of: &task.pointee.id) { next.spec.id.store(into: $0) }
    task.pointee.call = runtime.described.withLock { $0.number(of: DescribedCall(next.spec)) }
    task.pointee.attempt = next.spec.attempt
    task.pointee.argument_count = next.arguments.count
    return 1
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_task_description(_ task: UnsafeMutableRawPointer?) -> ray_python_bytes {
    guard let running = running(task) else { return ray_python_bytes() }
    return ray_python_bytes(keeping: DescribedCall(running.task.spec).messagePack.encoded)
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_task_argument(
    _ task: UnsafePointer<ray_python_task>?, _ index: Int, _ argument: UnsafeMutablePointer<ray_python_object>?
) -> Int32 {
    guard let running = running(task?.pointee.task), running.task.arguments.indices.contains(index) else {
        return Int32(fail(RayError(.invalidArgument, "there is no argument \(index)")))
    }
    argument?.pointee = ray_python_object(.success(running.task.arguments[index]))
    return 0
}

/// Ends a task and forgets it.
private func finish(_ task: UnsafeMutableRawPointer?, _ outcome: (RunningTask) -> TaskOutcome) {
    guard let task else { return }
    let running = Unmanaged<RunningTask>.fromOpaque(task).takeRetainedValue()
    PythonRuntime.current?.worker.finish(running.task.spec.id, outcome(running))
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_finish_task(
    _ task: UnsafeMutableRawPointer?, _ results: UnsafePointer<ray_python_argument>?, _ count: Int
) {
    finish(task) { _ in
        do throws(RayError) {
            let runtime = try PythonRuntime.require()
            var objects: [RayObject] = []
            for result in UnsafeBufferPointer(start: results, count: count) {
                objects.append(try runtime.object(result))
            }
            return .success(objects)
        } catch {
            return .failure(error)
        }
    }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_fail_task(_ task: UnsafeMutableRawPointer?, _ error: ray_python_bytes) {
    finish(task) { _ in
        do throws(RayError) {
            return .failure(RayError(try error.value()))
        } catch {
            return .failure(error)
        }
    }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_yield(
    _ task: UnsafeMutableRawPointer?, _ item: UnsafePointer<ray_python_argument>?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let item, let running = running(task) else { throw RayError(.invalidArgument, "there is no item") }
            let runtime = try PythonRuntime.require()
            let object = try runtime.object(item.pointee)
            let sent = SentItem()
            request?.pointee = Unmanaged.passRetained(sent).toOpaque()
            runtime.worker.yield(object, from: running.task.spec.id) { error in
                sent.fill(error.map { .failure($0) } ?? .success(0))
            }
            return 0
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_admit(
    _ task: UnsafeMutableRawPointer?, _ count: Int32, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let running = running(task) else { throw RayError(.invalidArgument, "there is no generator") }
            let runtime = try PythonRuntime.require()
            let sent = SentItem()
            request?.pointee = Unmanaged.passRetained(sent).toOpaque()
            runtime.worker.admit(count, of: running.task.spec.id) { error in
                sent.fill(error.map { .failure($0) } ?? .success(0))
            }
            return 0
        })
}

/// An item on its way, or asked for, to a thread of Python that waits in slices to look for signals in between.
private typealias SentItem = AnswerSlot<Int>

/// See `ray_python.h`.
@c @implementation
public func ray_python_await_sent(_ request: UnsafeMutableRawPointer?, _ milliseconds: Int32) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let request else { throw RayError(.invalidArgument, "there is no item") }
            let sent = Unmanaged<SentItem>.fromOpaque(request).takeUnretainedValue()
            let worker = try PythonRuntime.require().worker
            if worker.waitForAnswer(sent, milliseconds: Int(milliseconds)), let result = sent.result {
                _ = try result.get()
                return 1
            }
            guard !worker.hasEnded else { throw RayError(.systemError, "the process is to end") }
            return 0
        })
}
