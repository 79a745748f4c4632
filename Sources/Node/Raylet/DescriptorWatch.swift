//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayTransport
internal import Synchronization

/// Waits for pipes and small sockets on a thread of its own, so that they never hold up the links.
///
/// Unchecked: `sources` and `delayed` are touched by the watch's thread only; the rest is constant, atomic or under a mutex.
package final class DescriptorWatch: @unchecked Sendable {
    private let epoll: Int32
    private let wakeup: Int32
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let isStopped = Atomic<Bool>(false)
    private var sources: [Int32: () -> Bool] = [:]
    /// What is to be done later, and when.
    private var delayed: [(due: UInt64, job: () -> Void)] = []
    /// How long the thread sleeps where nothing is to be done later.
    private static let sleepNanoseconds: UInt64 = 60_000_000_000

    /// A watch with its thread, which runs until `stop`.
    ///
    /// - Throws: `system` if the machine gives no descriptors or threads.
    package init() throws(TransportError) {
        epoll = ray_epoll_create()
        wakeup = ray_eventfd_create()
        guard epoll >= 0, wakeup >= 0 else {
            throw .system(operation: "opening descriptors for the raylet", code: -min(epoll, wakeup))
        }
        _ = ray_epoll_add(epoll, wakeup, UInt32(RAY_EVENT_READ), .max)
        try PlainThread.start("raylet.pipes") { self.run() }
    }

    /// Runs `job` on the watch's thread, in the order of these calls.
    func perform(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        ray_eventfd_signal(wakeup)
    }

    /// Runs `job` after so many milliseconds. On the watch's thread.
    func after(milliseconds: Int, _ job: @escaping () -> Void) {
        delayed.append((ray_monotonic_nanoseconds() + UInt64(milliseconds) * 1_000_000, job))
    }

    /// Does what is due; how long there is nothing to be done, in nanoseconds.
    private func performDelayed() -> UInt64 {
        guard !delayed.isEmpty else { return Self.sleepNanoseconds }
        let now = ray_monotonic_nanoseconds()
        let due = delayed.filter { $0.due <= now }
        if !due.isEmpty {
            delayed.removeAll { $0.due <= now }
            for item in due { item.job() }
        }
        return delayed.map(\.due).min().map { $0 - now } ?? Self.sleepNanoseconds
    }

    /// Calls `isOpen` when the descriptor is readable; closes it when that says no. On the watch's thread.
    func add(_ descriptor: Int32, _ isOpen: @escaping () -> Bool) {
        guard ray_epoll_add(epoll, descriptor, UInt32(RAY_EVENT_READ), UInt64(descriptor)) >= 0 else {
            ray_close(descriptor)
            return
        }
        sources[descriptor] = isOpen
    }

    /// Stops looking at a descriptor, which stays open, until `resume`. On the watch's thread.
    func pause(_ descriptor: Int32) { _ = ray_epoll_remove(epoll, descriptor) }

    /// Looks at a paused descriptor again, for something else. On the watch's thread.
    func resume(_ descriptor: Int32, _ isOpen: @escaping () -> Bool) {
        guard sources[descriptor] != nil else { return }
        sources[descriptor] = isOpen
        _ = ray_epoll_add(epoll, descriptor, UInt32(RAY_EVENT_READ), UInt64(descriptor))
    }

    /// Closes a descriptor that is watched. On the watch's thread.
    func remove(_ descriptor: Int32) {
        guard sources.removeValue(forKey: descriptor) != nil else { return }
        _ = ray_epoll_remove(epoll, descriptor)
        ray_close(descriptor)
    }

    /// Ends the thread and closes all descriptors.
    package func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        ray_eventfd_signal(wakeup)
    }

    private func run() {
        withUnsafeTemporaryAllocation(of: ray_event.self, capacity: 64) { events in
            while !isStopped.load(ordering: .sequentiallyConsistent) {
                let count = ray_epoll_wait(epoll, events.baseAddress, 64, Int64(performDelayed()))
                for index in 0..<Int(max(0, count)) {
                    guard events[index].token != .max else {
                        ray_eventfd_clear(wakeup)
                        continue
                    }
                    let descriptor = Int32(truncatingIfNeeded: events[index].token)
                    if let isOpen = sources[descriptor], !isOpen() { remove(descriptor) }
                }
                let batch = jobs.withLock { jobs in
                    defer { jobs = [] }
                    return jobs
                }
                for job in batch { job() }
            }
        }
        for descriptor in sources.keys.sorted() { remove(descriptor) }
        ray_close(epoll)
        ray_close(wakeup)
    }
}
