//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRayPython
internal import RayCore
internal import RayNode
internal import RayWorker
internal import Synchronization

/// The runtime of this process, of which Python has one at a time.
final class PythonRuntime: Sendable {
    private static let shared = Mutex<PythonRuntime?>(nil)

    let worker: Worker
    /// The same, for what is only counted: keeping an object that others refer to weakly, as its timer to the worker, for a
    /// call takes as long as the counting.
    private let unkept: Unmanaged<Worker>
    /// What its tasks are, by number.
    let described = Mutex<DescribedCalls>(DescribedCalls())
    /// Numbers of objects that are there, for the thread that runs callbacks.
    let events = EventQueue<UInt64>()
    /// Errors that nobody got, for the same thread.
    let unreadErrors = Mutex<[RayError]>([])
    /// Tasks of this process that are to end.
    let interrupts: Interrupts

    init(worker: Worker, interrupts: Interrupts) {
        self.worker = worker
        unkept = .passUnretained(worker)
        self.interrupts = interrupts
    }

    /// See `Worker.retain`.
    func retain(_ id: ObjectID) -> Bool { withUnkept { $0.retain(id) } }

    /// See `Worker.release`.
    func release(_ id: ObjectID) { withUnkept { $0.release(id) } }

    /// The worker lives as long as the runtime, which is kept meanwhile.
    private func withUnkept<Result>(_ body: (Worker) -> Result) -> Result {
        withExtendedLifetime(self) { unkept._withUnsafeGuaranteedRef(body) }
    }

    /// The runtime, if it is open.
    static var current: PythonRuntime? { shared.withLock { $0 } }

    /// - Throws: `systemError` if none is open.
    static func require() throws(RayError) -> PythonRuntime {
        guard let runtime = current else {
            throw RayError(.systemError, "the runtime is not open: call ray.init() first")
        }
        return runtime
    }

    /// Opens the runtime of this process.
    ///
    /// - Throws: `invalidArgument` if one is open, or what `make` throws.
    static func open(_ make: (Interrupts) throws(RayError) -> Worker) throws(RayError) {
        guard current == nil else { throw RayError(.invalidArgument, "the runtime of this process is open already") }
        let interrupts = Interrupts()
        let runtime = PythonRuntime(worker: try make(interrupts), interrupts: interrupts)
        shared.withLock { $0 = runtime }
    }

    /// What comes out of `ray_python_next_event` where Python is to collect its garbage.
    private static let garbageEvent = UInt64(Int64.max)
    /// The same where there are errors that nobody got.
    private static let unreadEvent = garbageEvent - 1
    /// So many of them are kept until Python takes them.
    private static let unreadErrorsMax = 1_000

    /// What Python's threads are told by.
    static var hooks: LanguageHooks {
        var hooks = LanguageHooks()
        hooks.collectGarbage = { current?.events.add(garbageEvent) }
        hooks.unreadError = { current?.add(unread: $0) }
        hooks.published = { publishedErrors.add($0) }
        return hooks
    }

    private func add(unread error: RayError) {
        unreadErrors.withLock { if $0.count < Self.unreadErrorsMax { $0.append(error) } }
        events.add(Self.unreadEvent)
    }

    /// The errors that nobody got since this was asked last.
    func takeUnreadErrors() -> [RayError] {
        unreadErrors.withLock { errors in
            defer { errors = [] }
            return errors
        }
    }

    /// Ends the runtime, if one is open.
    static func close() {
        let runtime = shared.withLock { shared in
            defer { shared = nil }
            return shared
        }
        guard let runtime else { return }
        runtime.events.close()
        // What is left of them is of this cluster, and would be shown with the next one's.
        while printedLines.next(milliseconds: 0) != nil {}
        runtime.worker.finish()
    }
}

/// Runs `body`; what it throws is kept for `ray_python_error`, and the result is -1.
func reporting(_ body: () throws(RayError) -> Int) -> Int {
    do throws(RayError) {
        return try body()
    } catch {
        return fail(error)
    }
}

/// Keeps an error for `ray_python_error`; always -1.
@discardableResult
func fail(_ error: RayError) -> Int {
    var text = error.message
    return text.withUTF8 { utf8 in
        utf8.withMemoryRebound(to: CChar.self) { chars in
            Int(ray_python_fail(Int32(error.type.rawValue), chars.baseAddress, chars.count))
        }
    }
}
