//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import Synchronization

/// Something that is told when its descriptor is ready; only ever called by the leading thread.
protocol ReactorSource: AnyObject, Sendable {
    func ready(_ events: UInt32)
    /// The reactor ends: nothing will be told any more, so descriptors are to be closed.
    func stopped()
}

/// Something whose output is gathered and written once per turn.
protocol ReactorFlushable: AnyObject, Sendable {
    func flush()
}

/// How soon the events of a reactor are wanted.
package enum Pace: UInt32, Sendable {
    /// Nothing is known.
    case usual = 0
    /// There is work for longer than a nap, and nobody waits for an answer.
    case busy = 1
    /// Somebody waits for an answer.
    case awaited = 2
}

/// Waits for sockets and timers, on whichever thread leads.
///
/// One thread at a time leads: it waits on epoll and runs all handlers. Leadership is a lock (`leader`), so state
/// that only handlers touch needs no other. Three kinds of thread lead:
///
/// | leader     | who                       | waits how                         | gives up when           |
/// | ---------- | ------------------------- | --------------------------------- | ----------------------- |
/// | caller     | any thread in `poll`      | epoll without timeout, yields     | done, or budget used up |
/// | executor   | worker's execution thread | polls for a while, then blocks    | it has work of its own  |
/// | background | this reactor's thread     | blocks                            | another wants to lead   |
///
/// The background thread between its leads:
///
/// | state   | entered when                                                | left when |
/// | ------- | ----------------------------------------------------------- | --------- |
/// | shallow | somebody else leads, or did less than `quietUntil` ago      | 1 ms passed, or a caller gave up |
/// | deep    | an executor has led without a change for 16 shallow sleeps  | anybody stops leading, or 10 s passed |
///
/// No wake-up is lost: whoever stops leading either leaves a background thread that sleeps 1 ms at most, or wakes it
/// from its deep sleep (both sides write first and then read, sequentially consistent). Whoever hands something to
/// the leader (job, timer, output) writes it first and then looks at `blocked`; the leader sets `blocked` first and
/// then looks for work. So an event waits at most about 2 ms for a leader, also while an executor runs user code.
///
/// A leader that has just written what others had gathered naps: it waits for events as ever, but for `napNanoseconds`
/// only, and meanwhile output that is gathered does not wake it. So a thread that submits call after call pays for
/// one wake-up, and the calls go out in batches.
///
/// Where a process has its hands full and nobody in it waits for an answer (`Pace`), the background thread is deaf in such
/// a nap: it hears events at its end only, and the threads that work are not interrupted for each. So is it where more
/// output was gathered during the nap before, unless somebody waits. An event then waits 0.2 ms longer. Jobs, timers and
/// whoever comes to lead end each nap.
///
/// Unchecked: `events`, `dirty`, `hasFlushedLater`, `isGathering` and `hasHeard` are touched by the leader only (see
/// above); the pointer to the futex word never changes; everything else is atomic or under a mutex.
package final class Reactor: @unchecked Sendable {
    private enum Leader: UInt32 {
        case nobody = 0
        case caller = 1
        case executor = 2
        case background = 3
    }

    private enum Sleep {
        static let awake: UInt32 = 0
        static let shallow: UInt32 = 1
        static let deep: UInt32 = 2
    }

    private struct Registration {
        var generation: UInt32
        var source: (any ReactorSource)?
    }

    /// The clock of all timers.
    package let clock = MonotonicClock()

    private let epoll: Int32
    private let wakeup: Int32
    private let leader = Atomic<UInt32>(Leader.nobody.rawValue)
    private let changes = Atomic<UInt64>(0)
    private let candidates = Atomic<Int>(0)
    private let quietUntil = Atomic<UInt64>(0)
    /// 0 while no leader is blocked, else the time at which it wakes by itself.
    private let blocked = Atomic<UInt64>(0)
    /// Whether the blocked leader looks for gathered output by itself soon.
    private let isNapping = Atomic<Bool>(false)
    private let isWakeRequested = Atomic<Bool>(false)
    private let isStopped = Atomic<Bool>(false)
    private let pace = Atomic<UInt32>(Pace.usual.rawValue)
    private let hasJobs = Atomic<Bool>(false)
    private let hasLater = Atomic<Bool>(false)
    private let nextTimer = Atomic<UInt64>(.max)
    private let isRunning = Atomic<Bool>(false)
    private let sleep: UnsafeMutablePointer<Atomic<UInt32>>
    private let registrations = Mutex<[Registration]>([])
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let timers = Mutex<[ReactorTimer]>([])
    private let later = Mutex<[any ReactorFlushable]>([])
    private let events = UnsafeMutablePointer<ray_event>.allocate(capacity: Reactor.eventsMax)
    private var dirty: [any ReactorFlushable] = []
    private var hasFlushedLater = false
    /// Whether output was gathered during the last wait, and that was a nap.
    private var isGathering = false
    /// Whether the last look brought events.
    private var hasHeard = false

    private static let eventsMax = 64
    private static let wakeToken = UInt64.max
    private static let shallowMicroseconds: UInt64 = 1_000
    private static let deepMicroseconds: UInt64 = 10_000_000
    private static let napNanoseconds: UInt64 = 200_000
    private static let callerQuietNanoseconds: UInt64 = 200_000
    private static let executorQuietNanoseconds: UInt64 = 1_000_000

    /// - Throws: `system` if the machine gives no more descriptors.
    package init() throws(TransportError) {
        epoll = ray_epoll_create()
        guard epoll >= 0 else { throw .system(operation: "epoll_create", code: -epoll) }
        wakeup = ray_eventfd_create()
        guard wakeup >= 0 else {
            ray_close(epoll)
            throw .system(operation: "eventfd", code: -wakeup)
        }
        sleep = .allocate(capacity: 1)
        sleep.initialize(to: Atomic(Sleep.awake))
        _ = ray_epoll_add(epoll, wakeup, UInt32(RAY_EVENT_READ), Self.wakeToken)
    }

    deinit {
        ray_close(epoll)
        ray_close(wakeup)
        sleep.deinitialize(count: 1)
        sleep.deallocate()
        events.deallocate()
    }

    /// Starts the background thread, which keeps the reactor alive until `stop`.
    package func start() throws(TransportError) {
        isRunning.store(true, ordering: .sequentiallyConsistent)
        try PlainThread.start("ray.reactor") { self.runBackground() }
    }

    /// Ends the background thread and waits for it, up to 2 s; not from within a handler.
    package func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        wakeLeader()
        wakeBackground()
        let limit = clock.now().advanced(milliseconds: 2_000)
        while isRunning.load(ordering: .acquiring), !isInTurn, clock.now() < limit {
            wakeLeader()
            wakeBackground()
            usleep(100)
        }
    }

    /// Handles events on the caller's thread until `isDone` or the budget is used up; returns whether `isDone`.
    ///
    /// `isDone` is asked after every turn. Within a handler this returns at once.
    package func poll(microseconds: Int, until isDone: () -> Bool) -> Bool {
        if isDone() { return true }
        guard !isInTurn, microseconds > 0 else { return false }
        candidates.wrappingAdd(1, ordering: .sequentiallyConsistent)
        let result = compete(until: clock.now().nanoseconds + UInt64(microseconds) * 1_000, isDone)
        quietUntil.store(
            result ? clock.now().nanoseconds + Self.callerQuietNanoseconds : 0, ordering: .sequentiallyConsistent)
        candidates.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        if !result { wakeBackground() }
        return result
    }

    /// Leads on an execution thread, blocking while nothing happens, until `isDone` or `deadline`.
    ///
    /// Who makes `isDone` true on another thread calls `wake()` afterwards. At first and after an event the thread polls
    /// for `spinMicroseconds` before it blocks. Must not be called within a handler.
    package func runAsLeader(
        until isDone: () -> Bool, deadline: Instant = .distantFuture, spinMicroseconds: Int = 0
    ) {
        precondition(!isInTurn, "a handler must not lead")
        guard !isDone() else { return flushLater() }
        candidates.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while !tryLead(.executor) {
            if isDone() || clock.now() >= deadline || isStopped.load(ordering: .acquiring) {
                candidates.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                return
            }
            askBackgroundToGiveUp()
            sched_yield()
        }
        candidates.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        var pollsUntil = clock.now().nanoseconds + UInt64(spinMicroseconds) * 1_000
        var rounds = 0
        while !isDone(), !isStopped.load(ordering: .acquiring) {
            let now = clock.now().nanoseconds
            guard now < deadline.nanoseconds else { break }
            let mayBlock = now >= pollsUntil
            if turn(as: .executor, blockingUntil: mayBlock ? deadline.nanoseconds : 0) {
                pollsUntil = clock.now().nanoseconds + UInt64(spinMicroseconds) * 1_000
            } else if !mayBlock {
                rounds &+= 1
                if rounds & 1 == 0 { sched_yield() }
            }
        }
        stopLeading(quietNanoseconds: Self.executorQuietNanoseconds)
    }

    /// Makes a blocked leader look at its condition again; the background thread has none.
    package func wake() {
        isWakeRequested.store(true, ordering: .sequentiallyConsistent)
        // Whoever leads after it looks at its own condition first.
        if leader.load(ordering: .sequentiallyConsistent) != Leader.background.rawValue { wakeLeader() }
    }

    /// Runs `job` on the leading thread, soon, in the order of these calls.
    package func perform(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        hasJobs.store(true, ordering: .sequentiallyConsistent)
        wakeLeader()
    }

    /// A timer of this reactor; it lives as long as the reactor.
    package func makeTimer(_ fire: @escaping @Sendable (Instant) -> Void) -> ReactorTimer {
        let timer = ReactorTimer(moved: { [weak self] in self?.timerMoved(to: $0) }, fire: fire)
        timers.withLock { $0.append(timer) }
        return timer
    }

    /// Forgets a timer.
    package func remove(_ timer: ReactorTimer) { timers.withLock { $0.removeAll { $0 === timer } } }

    /// Says how soon events are wanted from now on. Any thread.
    package func setPace(_ value: Pace) {
        if pace.load(ordering: .relaxed) != value.rawValue { pace.store(value.rawValue, ordering: .relaxed) }
    }

    /// Whether the calling thread is within a handler of this reactor.
    package var isInTurn: Bool { ray_thread_turn() == Unmanaged.passUnretained(self).toOpaque() }
}

// MARK: leadership

extension Reactor {
    private func tryLead(_ kind: Leader) -> Bool {
        guard leader.load(ordering: .relaxed) == Leader.nobody.rawValue else { return false }
        return leader.compareExchange(
            expected: Leader.nobody.rawValue, desired: kind.rawValue, ordering: .sequentiallyConsistent
        ).exchanged
    }

    private func stopLeading(quietNanoseconds: UInt64) {
        if quietNanoseconds > 0 {
            quietUntil.store(clock.now().nanoseconds + quietNanoseconds, ordering: .relaxed)
        }
        changes.wrappingAdd(1, ordering: .relaxed)
        leader.store(Leader.nobody.rawValue, ordering: .sequentiallyConsistent)
        if sleep.pointee.load(ordering: .sequentiallyConsistent) == Sleep.deep { wakeBackground() }
    }

    private func askBackgroundToGiveUp() {
        if leader.load(ordering: .sequentiallyConsistent) == Leader.background.rawValue { wakeLeader() }
    }

    /// Leads as a caller, or waits for the chance to, until `isDone` or `limit`.
    private func compete(until limit: UInt64, _ isDone: () -> Bool) -> Bool {
        var rounds = 0
        while true {
            if tryLead(.caller) {
                var result = isDone()
                while !result {
                    _ = turn(as: .caller, blockingUntil: 0)
                    result = isDone()
                    rounds &+= 1
                    if !result, rounds & 1 == 0 {
                        if clock.now().nanoseconds >= limit { break }
                        sched_yield()
                    }
                }
                stopLeading(quietNanoseconds: 0)
                return result
            }
            askBackgroundToGiveUp()
            sched_yield()
            if isDone() { return true }
            if clock.now().nanoseconds >= limit { return false }
        }
    }

    private func runBackground() {
        var shallowSleeps = 0
        var seenChanges: UInt64 = 0
        while !isStopped.load(ordering: .acquiring) {
            let isQuiet =
                candidates.load(ordering: .sequentiallyConsistent) > 0
                || clock.now().nanoseconds < quietUntil.load(ordering: .sequentiallyConsistent)
            if !isQuiet, tryLead(.background) {
                repeat {
                    _ = turn(as: .background, blockingUntil: .max)
                } while candidates.load(ordering: .sequentiallyConsistent) == 0
                    && !isStopped.load(ordering: .acquiring)
                stopLeading(quietNanoseconds: 0)
                shallowSleeps = 0
                continue
            }
            let changes = changes.load(ordering: .relaxed)
            shallowSleeps = changes == seenChanges && isExecutorLeading ? shallowSleeps + 1 : 0
            seenChanges = changes
            sleepInBackground(isDeep: shallowSleeps >= 16)
        }
        end()
        isRunning.store(false, ordering: .releasing)
    }

    /// Does what was asked for before the stop, then lets all sources go.
    private func end() {
        while !tryLead(.background) { sched_yield() }
        _ = turn(as: .background, blockingUntil: 0)
        for source in registrations.withLock({ $0.compactMap(\.source) }) { source.stopped() }
        timers.withLock { $0 = [] }
        jobs.withLock { $0 = [] }
        stopLeading(quietNanoseconds: 0)
    }

    private var isExecutorLeading: Bool {
        leader.load(ordering: .sequentiallyConsistent) == Leader.executor.rawValue
    }

    private func sleepInBackground(isDeep: Bool) {
        let state = isDeep ? Sleep.deep : Sleep.shallow
        sleep.pointee.store(state, ordering: .sequentiallyConsistent)
        if isStopped.load(ordering: .sequentiallyConsistent) || isDeep && !isExecutorLeading {
            sleep.pointee.store(Sleep.awake, ordering: .sequentiallyConsistent)
            return
        }
        // An Atomic<UInt32> has the layout of a UInt32.
        let word = UnsafeMutableRawPointer(sleep).assumingMemoryBound(to: UInt32.self)
        ray_futex_wait(word, state, isDeep ? Self.deepMicroseconds : Self.shallowMicroseconds)
        sleep.pointee.store(Sleep.awake, ordering: .sequentiallyConsistent)
    }

    private func wakeBackground() {
        guard sleep.pointee.exchange(Sleep.awake, ordering: .sequentiallyConsistent) != Sleep.awake else { return }
        ray_futex_wake(UnsafeMutableRawPointer(sleep).assumingMemoryBound(to: UInt32.self), 1)
    }

    private func wakeLeader() {
        guard blocked.load(ordering: .sequentiallyConsistent) != 0,
            blocked.exchange(0, ordering: .sequentiallyConsistent) != 0
        else { return }
        ray_eventfd_signal(wakeup)
    }

    private func timerMoved(to nanoseconds: UInt64) {
        var current = nextTimer.load(ordering: .relaxed)
        while nanoseconds < current {
            let (isDone, found) = nextTimer.compareExchange(
                expected: current, desired: nanoseconds, ordering: .sequentiallyConsistent)
            if isDone { break }
            current = found
        }
        if blocked.load(ordering: .sequentiallyConsistent) > nanoseconds { wakeLeader() }
    }
}

// MARK: turns, by the leader only

extension Reactor {
    /// One look at epoll and all that follows from it; returns whether anything happened.
    private func turn(as kind: Leader, blockingUntil limit: UInt64) -> Bool {
        var nanoseconds: Int64 = 0
        // Another leader is deaf never: it waits itself.
        let pace = kind == .background ? pace.load(ordering: .relaxed) : Pace.awaited.rawValue
        let isBusy = pace == Pace.busy.rawValue
        let isNap = limit > 0 && (hasFlushedLater || isBusy && hasHeard)
        if limit > 0 {
            isNapping.store(isNap, ordering: .sequentiallyConsistent)
            blocked.store(.max, ordering: .sequentiallyConsistent)
            if hasWork(for: kind, isNap: isNap) {
                blocked.store(0, ordering: .sequentiallyConsistent)
            } else {
                nanoseconds = timeout(limit, isNap: isNap)
            }
        }
        let isDeaf = isNap && nanoseconds > 0 && (isBusy || isGathering && pace != Pace.awaited.rawValue)
        let count = isDeaf ? nap(nanoseconds) : ray_epoll_wait(epoll, events, Int32(Self.eventsMax), nanoseconds)
        if limit > 0 {
            blocked.store(0, ordering: .sequentiallyConsistent)
            isNapping.store(false, ordering: .sequentiallyConsistent)
        }
        isGathering = isNap && nanoseconds > 0 && hasLater.load(ordering: .relaxed)
        hasFlushedLater = false
        hasHeard = count > 0
        let hasPending =
            count > 0 || hasJobs.load(ordering: .relaxed) || hasLater.load(ordering: .relaxed)
        guard hasPending || clock.now().nanoseconds >= nextTimer.load(ordering: .relaxed) else { return false }
        let outer = ray_thread_turn()
        ray_thread_set_turn(Unmanaged.passUnretained(self).toOpaque())
        for index in 0..<Int(max(0, count)) { dispatch(events[index]) }
        runJobs()
        fireTimers()
        flushDirty()
        flushLater()
        ray_thread_set_turn(outer)
        return true
    }

    /// Sleeps without listening, then looks for events. Those that the last look has left are heard first.
    private func nap(_ nanoseconds: Int64) -> Int32 {
        if hasHeard {
            let count = ray_epoll_wait(epoll, events, Int32(Self.eventsMax), 0)
            if count != 0 { return count }
        }
        ray_eventfd_await(wakeup, nanoseconds)
        return ray_epoll_wait(epoll, events, Int32(Self.eventsMax), 0)
    }

    private func hasWork(for kind: Leader, isNap: Bool) -> Bool {
        let isWakeRequested =
            kind != .background && isWakeRequested.exchange(false, ordering: .sequentiallyConsistent)
        return isWakeRequested || hasJobs.load(ordering: .sequentiallyConsistent)
            || !isNap && hasLater.load(ordering: .sequentiallyConsistent)
            || isStopped.load(ordering: .sequentiallyConsistent)
            || kind == .background && candidates.load(ordering: .sequentiallyConsistent) > 0
    }

    /// Nanoseconds until the next timer, `limit` or the end of the nap; -1 for ever.
    private func timeout(_ limit: UInt64, isNap: Bool) -> Int64 {
        var end = min(limit, nextTimer.load(ordering: .sequentiallyConsistent))
        let now = clock.now().nanoseconds
        if isNap { end = min(end, now + Self.napNanoseconds) }
        guard end != .max else { return -1 }
        // If a waker was faster, the descriptor is signalled already, and `blocked` stays 0.
        _ = blocked.compareExchange(expected: .max, desired: max(1, end), ordering: .sequentiallyConsistent)
        return end <= now ? 0 : Int64(min(60_000_000_000, end - now))
    }

    private func dispatch(_ event: ray_event) {
        guard event.token != Self.wakeToken else { return ray_eventfd_clear(wakeup) }
        let descriptor = Int(event.token & 0xffff_ffff)
        let source = registrations.withLock { list -> (any ReactorSource)? in
            // A descriptor that was closed and opened again within one turn has another generation.
            guard descriptor < list.count, list[descriptor].generation == UInt32(event.token >> 32) else { return nil }
            return list[descriptor].source
        }
        source?.ready(event.events)
    }

    private func runJobs() {
        guard hasJobs.exchange(false, ordering: .sequentiallyConsistent) else { return }
        let batch = jobs.withLock { jobs in
            let batch = jobs
            jobs = []
            return batch
        }
        for job in batch { job() }
    }

    private func fireTimers() {
        let now = clock.now()
        guard now.nanoseconds >= nextTimer.load(ordering: .relaxed) else { return }
        nextTimer.store(.max, ordering: .sequentiallyConsistent)
        for timer in timers.withLock({ $0 }) {
            let at = timer.at.load(ordering: .sequentiallyConsistent)
            if at <= now.nanoseconds {
                let isUnchanged = timer.at.compareExchange(
                    expected: at, desired: .max, ordering: .sequentiallyConsistent
                ).exchanged
                guard isUnchanged else {
                    timerMoved(to: at)
                    continue
                }
                timer.firedAt.store(now.nanoseconds, ordering: .relaxed)
                timer.fire(now)
            } else if at != .max {
                timerMoved(to: at)
            }
        }
    }

    private func flushDirty() {
        guard !dirty.isEmpty else { return }
        for index in dirty.indices { dirty[index].flush() }
        dirty.removeAll(keepingCapacity: true)
    }

    private func flushLater() {
        guard hasLater.load(ordering: .relaxed),
            hasLater.exchange(false, ordering: .sequentiallyConsistent)
        else { return }
        let batch = later.withLock { later in
            let batch = later
            later.removeAll(keepingCapacity: true)
            return batch
        }
        for flushable in batch { flushable.flush() }
        if isInTurn { hasFlushedLater = true }
    }
}

// MARK: for sources

extension Reactor {
    /// Watches a descriptor. Any thread.
    func add(_ source: any ReactorSource, descriptor: Int32, events: UInt32) -> Int32 {
        let token = registrations.withLock { list -> UInt64 in
            while list.count <= Int(descriptor) { list.append(Registration(generation: 0, source: nil)) }
            list[Int(descriptor)].generation &+= 1
            list[Int(descriptor)].source = source
            return UInt64(list[Int(descriptor)].generation) << 32 | UInt64(UInt32(descriptor))
        }
        return ray_epoll_add(epoll, descriptor, events, token)
    }

    /// Changes what a descriptor is watched for. Any thread.
    func modify(descriptor: Int32, events: UInt32) {
        let token = registrations.withLock { list in
            UInt64(list[Int(descriptor)].generation) << 32 | UInt64(UInt32(descriptor))
        }
        _ = ray_epoll_modify(epoll, descriptor, events, token)
    }

    /// Stops watching a descriptor, before it is closed.
    func remove(descriptor: Int32) {
        _ = ray_epoll_remove(epoll, descriptor)
        registrations.withLock { list in
            list[Int(descriptor)].generation &+= 1
            list[Int(descriptor)].source = nil
        }
    }

    /// Has `flushable` flushed at the end of the turn; only within a turn.
    func flushAtTurnEnd(_ flushable: any ReactorFlushable) { dirty.append(flushable) }

    /// Has `flushable` flushed by whoever leads next. Any thread.
    func flushSoon(_ flushable: any ReactorFlushable) {
        later.withLock { $0.append(flushable) }
        hasLater.store(true, ordering: .sequentiallyConsistent)
        if !isNapping.load(ordering: .sequentiallyConsistent) { wakeLeader() }
    }

    /// Writes what was gathered, on the caller's thread.
    package func flush() { flushLater() }
}
