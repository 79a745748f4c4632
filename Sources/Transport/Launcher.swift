//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import Synchronization

/// What to start.
package struct LaunchRequest: Sendable {
    /// Where an output stream of the child goes.
    package enum Output: Hashable, Sendable {
        /// To this process's own stream.
        case inherit
        /// Nowhere.
        case discard
        /// Appended to a file, which is made with mode 0600.
        case file(String)
        /// To a descriptor of this process, which stays open here.
        case descriptor(Int32)
    }

    /// The executable's path.
    package var path: String
    /// All arguments, the program's name first.
    package var arguments: [String]
    /// The whole environment, `NAME=value`, in order.
    package var environment: [String]
    /// The child's working folder; nothing for this process's.
    package var directory: String?
    /// Where the child's output goes.
    package var standardOutput: Output
    /// Where the child's errors go.
    package var standardError: Output
    /// Descriptors of this process that the child gets, and under which number (3 or more).
    package var descriptors: [(source: Int32, target: Int32)]
    /// Whether the child gets a descriptor that ends with this process; see `ParentWatch`.
    package var isWatchingParent: Bool
    /// Whether the program can be loaded once and forked; nothing to start it anew each time.
    package var forking: Forking?
    /// The CPUs to which the child is kept, and whose memory it prefers; nothing for all.
    package var memoryNode: MemoryNode?

    /// How processes are forked from one that was started like the first of them (`Zygote`).
    package struct Forking: Sendable {
        /// What they must have in common.
        package var key: [String]
        /// Names of variables that belong to one process only: without them the program cannot be mistaken for one.
        package var ownVariables: [String]

        package init(key: [String], ownVariables: [String]) {
            self.key = key
            self.ownVariables = ownVariables
        }
    }

    /// A request that inherits nothing but the output streams.
    package init(
        path: String, arguments: [String], environment: [String], directory: String? = nil,
        standardOutput: Output = .inherit, standardError: Output = .inherit,
        descriptors: [(source: Int32, target: Int32)] = [], isWatchingParent: Bool = false
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.descriptors = descriptors
        self.isWatchingParent = isWatchingParent
    }
}

/// How a process ended.
package enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
    case exited(code: Int32)
    case killed(signal: Int32)

    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal): "signal \(signal)"
        }
    }
}

/// Starts processes and collects their ends, on one thread that lives as long as the launcher.
///
/// Each child leads its own process group, with default signals and nothing inherited but what is asked for.
///
/// Unchecked: `children` and `watched` are touched by the launcher's thread only; the rest is constant or guarded.
package final class Launcher: @unchecked Sendable {
    private struct Child {
        var descriptor: Int32
        var ended: @Sendable (Int32, ProcessEnd) -> Void
    }

    let epoll: Int32
    private let wakeup: Int32
    private let reapsOrphans: Bool
    let forks: Bool
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let isStopped = Atomic<Bool>(false)
    /// The writing end of the pipe whose reading end children watch: closes with this process.
    private let lifeline: [Int32]
    private var children: [Int32: Child] = [:]
    /// Processes to fork from.
    var zygotes: [[String]: Zygote] = [:]
    /// Keys whose zygote was of no use, and until when none is tried again.
    var brokenKeys: [[String]: UInt64] = [:]

    /// - Parameter reapsOrphans: Whether orphaned grandchildren come to this process and are collected; only for a
    ///   process all of whose children are started here.
    /// - Parameter forks: Whether programs are forked that can be; then, too, orphans come to this process.
    /// - Throws: `system` if the machine gives no descriptors or threads.
    package init(reapsOrphans: Bool = false, forks: Bool = false) throws(TransportError) {
        self.reapsOrphans = reapsOrphans
        self.forks = forks
        epoll = ray_epoll_create()
        wakeup = ray_eventfd_create()
        var pipe: [Int32] = [-1, -1]
        let status = ray_pipe_create(&pipe)
        lifeline = pipe
        guard epoll >= 0, wakeup >= 0, status >= 0 else {
            throw .system(operation: "opening descriptors for the launcher", code: -min(epoll, wakeup, status))
        }
        _ = ray_epoll_add(epoll, wakeup, UInt32(RAY_EVENT_READ), .max)
        if reapsOrphans || forks { _ = ray_become_subreaper() }
        try PlainThread.start("ray.launcher") { self.run() }
    }

    /// Starts a process; both callbacks run on the launcher's thread and must not block.
    ///
    /// - Parameters:
    ///   - started: The process id, or why it could not be started.
    ///   - ended: The process id and how it ended, once, after `started`.
    package func launch(
        _ request: LaunchRequest, started: @escaping @Sendable (Result<Int32, TransportError>) -> Void,
        ended: @escaping @Sendable (Int32, ProcessEnd) -> Void
    ) {
        perform {
            self.fork(request) { result in
                if case .success(let process) = result { self.watch(process, ended) }
                started(result)
            }
        }
    }

    /// Loads a program from which processes like this one will be forked, so that the first does not wait for it.
    package func load(_ request: LaunchRequest) {
        perform {
            guard self.forks, let forking = request.forking, self.zygotes[forking.key] == nil else { return }
            _ = self.startZygote(forking, request)
        }
    }

    /// Sends a signal to a child's whole process group; false if there is none any more.
    @discardableResult
    package func signalGroup(of process: Int32, _ signal: Int32) -> Bool {
        precondition(process > 1, "a process id of a child is over 1")
        return kill(-process, signal) == 0
    }

    /// Ends the launcher's thread; children go on, and see the end of this process by `ParentWatch` only.
    package func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        ray_eventfd_signal(wakeup)
    }

    private func perform(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        ray_eventfd_signal(wakeup)
    }
}

// MARK: on the launcher's thread

extension Launcher {
    private func run() {
        withUnsafeTemporaryAllocation(of: ray_event.self, capacity: 64) { events in
            while !isStopped.load(ordering: .sequentiallyConsistent) {
                // Orphans have no descriptor of ours: they are looked for once a second.
                let count = ray_epoll_wait(
                    epoll, events.baseAddress, 64, reapsOrphans || forks ? 1_000_000_000 : 60_000_000_000)
                for index in 0..<Int(max(0, count)) {
                    switch events[index].token {
                    case .max: ray_eventfd_clear(wakeup)
                    case Zygote.firstToken...: zygoteSpoke(events[index].token)
                    default: collect(Int32(truncatingIfNeeded: events[index].token))
                    }
                }
                let batch = jobs.withLock { jobs in
                    let batch = jobs
                    jobs = []
                    return batch
                }
                for job in batch { job() }
                checkZygotes()
                if reapsOrphans { collectOrphans() }
            }
        }
        for process in children.keys.sorted() {
            if let child = children[process] { ray_close(child.descriptor) }
        }
        children = [:]
        // One that still loads would notice late that nobody wants it any more.
        for zygote in zygotes.values where !zygote.hasEnded { kill(-zygote.process, SIGKILL) }
        zygotes = [:]
        for descriptor in [epoll, wakeup] + lifeline { ray_close(descriptor) }
    }

    func watch(_ process: Int32, _ ended: @escaping @Sendable (Int32, ProcessEnd) -> Void) {
        let descriptor = ray_pidfd_open(process)
        children[process] = Child(descriptor: descriptor, ended: ended)
        _ = ray_epoll_add(epoll, descriptor, UInt32(RAY_EVENT_READ), UInt64(process))
    }

    private func collect(_ process: Int32) {
        var code: Int32 = 0
        var signal: Int32 = 0
        guard let child = children[process], ray_reap(process, &code, &signal) != 0 else { return }
        children[process] = nil
        _ = ray_epoll_remove(epoll, child.descriptor)
        ray_close(child.descriptor)
        child.ended(process, signal != 0 ? .killed(signal: signal) : .exited(code: code))
    }

    private func collectOrphans() {
        for _ in 0..<64 {
            let process = ray_ended_child()
            guard process > 0 else { return }
            if children[process] != nil {
                collect(process)
            } else {
                var ignored: (Int32, Int32) = (0, 0)
                _ = ray_reap(process, &ignored.0, &ignored.1)
            }
        }
    }

    func spawn(_ request: LaunchRequest) -> Result<Int32, TransportError> {
        var opened: [Int32] = []
        defer { for descriptor in opened { ray_close(descriptor) } }
        var sources: [Int32] = []
        var targets: [Int32] = []
        let empty = open("/dev/null", O_RDONLY | O_CLOEXEC)
        opened.append(empty)
        sources.append(empty)
        targets.append(0)
        for (target, output) in [(Int32(1), request.standardOutput), (2, request.standardError)] {
            switch output {
            case .inherit: sources.append(target)
            case .descriptor(let descriptor): sources.append(descriptor)
            case .discard, .file:
                let path = if case .file(let path) = output { path } else { "/dev/null" }
                let descriptor = ray_open_log(path)
                guard descriptor >= 0 else {
                    return .failure(.system(operation: "opening \(path)", code: -descriptor))
                }
                opened.append(descriptor)
                sources.append(descriptor)
            }
            targets.append(target)
        }
        var environment = request.environment
        for (source, target) in request.descriptors {
            sources.append(source)
            targets.append(target)
        }
        if request.isWatchingParent {
            let target = (targets.max() ?? 2) + 1
            sources.append(lifeline[0])
            targets.append(target)
            environment.append("\(ParentWatch.environmentVariable)=\(target)")
        }
        return spawn(request, environment: environment, sources: sources, targets: targets)
    }

    private func spawn(
        _ request: LaunchRequest, environment: [String], sources: [Int32], targets: [Int32]
    ) -> Result<Int32, TransportError> {
        var arguments: [UnsafeMutablePointer<CChar>?] = request.arguments.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        let cpus = (request.memoryNode?.cpus ?? []).map { Int32(truncatingIfNeeded: $0) }
        let path = strdup(request.path)
        let directory = request.directory.map { strdup($0) } ?? nil
        defer { for text in arguments + variables + [path, directory] { free(text) } }
        let process = arguments.withUnsafeMutableBufferPointer { arguments in
            variables.withUnsafeMutableBufferPointer { variables in
                sources.withUnsafeBufferPointer { sources in
                    targets.withUnsafeBufferPointer { targets in
                        cpus.withUnsafeBufferPointer { cpus in
                            var description = ray_spawn_request(
                                path: path, arguments: arguments.baseAddress, environment: variables.baseAddress,
                                directory: directory, descriptors: sources.baseAddress, targets: targets.baseAddress,
                                descriptor_count: Int32(sources.count), cpus: cpus.baseAddress,
                                cpu_count: Int32(cpus.count), memory_node: Int32(request.memoryNode?.number ?? -1))
                            return ray_spawn(&description)
                        }
                    }
                }
            }
        }
        guard process > 0 else {
            return .failure(.system(operation: "starting \(request.path)", code: -process))
        }
        return .success(process)
    }
}
