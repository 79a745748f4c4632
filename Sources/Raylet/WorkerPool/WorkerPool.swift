//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A worker process of this node.
///
///     requested ──▶ starting ──▶ idle ◀──▶ leased
///         │            │          │          │
///         │            │          ▼          │
///         │            │       leaving       │
///         ▼            ▼          ▼          ▼
///       (failed)     killed ◀── killed ◀── killed
///                      │          │          │
///                      └──────────┴──────────┴─reaped─▶ ended ──▶ (gone with its link)
struct WorkerProcess: Sendable {
    /// Where the process is in its life.
    enum State: Hashable, Sendable {
        /// The driver was asked to start it. Next: starting, or gone.
        case requested
        /// It runs and has not reported. Next: idle, leased, killed.
        case starting
        /// Nobody uses it. Next: leased, leaving, killed.
        case idle
        /// Next: idle, killed.
        case leased(LeaseID)
        /// It was told to end, or has retired. Next: idle (it declined), killed, or gone.
        case leaving
        /// It was sent SIGKILL. Next: ended, or gone.
        case killed
        /// It is reaped, killed or by itself, and what it said last is being read. Next: gone.
        case ended(ProcessExit)
    }

    /// A report that waits for the process id.
    struct EarlyReport: Sendable {
        var ready: WorkerReady
        var requestID: UInt64
        var peer: WorkerID
    }

    var startToken: UInt64
    var key: PoolKey
    var state = State.requested
    /// When it came into its state.
    var since: Instant
    var processID: Int32?
    /// Where it runs; nothing for the whole machine.
    var memoryNode: MemoryNode?
    /// How it introduced itself; nothing before that.
    var address: Address?
    /// What it reported before the launcher had told its process id; see `workerReady`.
    var earlyReport: EarlyReport?
    /// The lease it served when it was killed, for the report of its end.
    var lease: LeaseID?
    /// Whether a lease used it: what it then owns, calls of an actor for one, must not end with an actor of its own.
    var hasServed = false
    /// Whether it begins no further tasks: without a lease it leaves in its own time.
    var isRetired = false
    /// Whether its end was asked for.
    var isIntended = false
    /// Why a start that did not end well failed; nothing for a process that had reported.
    var startFailure: String?
    /// Why it was killed, if it was for want of memory.
    var memoryError: RayError?
    /// To be killed as soon as its process id is known.
    var isDoomed = false

    /// Whether its end is there or certain.
    var isDead: Bool {
        switch state {
        case .killed, .ended: true
        case .requested, .starting, .idle, .leased, .leaving: false
        }
    }

    /// Its process, as long as the number cannot be another's.
    var livingProcessID: Int32? { if case .ended = state { nil } else { processID } }

    /// Whether it has not reported yet, and still may.
    var isStarting: Bool { (state == .requested || state == .starting) && !isDoomed }

    /// Whether a lease may have it when it is idle.
    ///
    /// The owner may be a worker, too, whose task has ended: it has no link to itself. An actor gets one that nobody
    /// has used: others may wait for what a used one owns, and some of that may be calls of this very actor.
    func suits(_ lease: Lease) -> Bool {
        key == lease.key && address?.worker != lease.owner.worker && !(lease.actor != nil && hasServed)
    }
}

/// The worker processes of a node, with the indices that decisions need.
struct WorkerPool: Sendable {
    private(set) var workers: [UInt64: WorkerProcess] = [:]
    private var tokens: [Int32: UInt64] = [:]
    private var tokensByWorker: [WorkerID: UInt64] = [:]
    /// Start failures of a key since its last success.
    var startFailures: [PoolKey: Int] = [:]

    /// Start tokens in order of their start.
    var order: [UInt64] { workers.keys.sorted() }
    var startingCount: Int { workers.values.reduce(0) { $0 + ($1.isStarting ? 1 : 0) } }

    /// The worker that was started with this token.
    subscript(token: UInt64) -> WorkerProcess? { workers[token] }

    /// Workers of `key` that may still report.
    func startingCount(of key: PoolKey) -> Int {
        workers.values.reduce(0) { $0 + ($1.isStarting && $1.key == key ? 1 : 0) }
    }

    /// The start token of a process.
    func token(processID: Int32) -> UInt64? { tokens[processID] }
    /// The start token of a worker that reported.
    func token(worker: WorkerID) -> UInt64? { tokensByWorker[worker] }

    /// Idle workers, the one that was idle longest first. Leases get the last that suits, so that the others may end.
    var idleWorkers: [UInt64] {
        workers.values.filter { $0.state == .idle }
            .sorted { ($0.since, $0.startToken) < ($1.since, $1.startToken) }.map(\.startToken)
    }

    /// Adds a worker that is to be started.
    mutating func insert(_ worker: WorkerProcess) { workers[worker.startToken] = worker }

    /// Changes a worker and keeps the indices in step.
    mutating func update(_ token: UInt64, _ body: (inout WorkerProcess) -> Void) {
        guard var worker = workers[token] else { return }
        body(&worker)
        workers[token] = worker
        if let processID = worker.livingProcessID {
            tokens[processID] = token
        } else if let processID = worker.processID, tokens[processID] == token {
            tokens[processID] = nil
        }
        if let address = worker.address { tokensByWorker[address.worker] = token }
    }

    /// Brings a worker into another state.
    mutating func move(_ token: UInt64, to state: WorkerProcess.State, at now: Instant) {
        update(token) {
            $0.state = state
            $0.since = now
        }
    }

    /// Forgets a worker.
    mutating func remove(_ token: UInt64) -> WorkerProcess? {
        guard let worker = workers.removeValue(forKey: token) else { return nil }
        if let processID = worker.livingProcessID { tokens[processID] = nil }
        if let address = worker.address { tokensByWorker[address.worker] = nil }
        return worker
    }

    /// Traps if an index disagrees with the workers.
    func checkInvariants() {
        for (processID, token) in tokens {
            precondition(workers[token]?.livingProcessID == processID, "the index by process id names another worker")
        }
        for (worker, token) in tokensByWorker {
            precondition(workers[token]?.address?.worker == worker, "the index by worker id names another worker")
        }
        for worker in workers.values {
            switch worker.state {
            case .requested:
                precondition(worker.processID == nil, "a requested worker has a process")
            case .starting:
                precondition(worker.processID != nil && worker.address == nil, "a starting worker has reported")
            case .idle, .leased, .leaving:
                precondition(worker.address != nil, "a usable worker has not reported")
            case .killed, .ended:
                precondition(worker.processID != nil, "a killed worker has no process")
            }
        }
    }
}
