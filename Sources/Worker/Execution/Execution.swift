//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayWire

/// What a worker runs and has been told to run.
struct Execution: Sendable {
    /// A task that was pushed here, until its reply is sent.
    struct Received: Sendable {
        var spec: TaskSpec
        /// Who gets the reply.
        var caller: WorkerID
        var lease: LeaseID?
        /// Whether it may begin before calls of its caller that wait for their arguments.
        var overtakes = false
        /// Whether it makes lost results again.
        var isRebuild = false
        /// Arguments that are not at hand.
        var missing = 0
        /// When it began and when user code ended, by this machine's clock; 0 is not yet.
        var startedAt: UInt64 = 0
        var returnedAt: UInt64 = 0
        /// Whether it was reported that it runs.
        var isReported = false
        /// Nobody waits for its results any more.
        var isCallerLost = false
    }

    /// Whether the lease's CPU is ours.
    ///
    ///     running ──▶ blocked ──▶ resuming ──▶ running
    enum CPUState: Sendable {
        /// Next: blocked.
        case running
        /// The task waits and the CPU was given back. Next: resuming.
        case blocked
        /// What it waited for is there; the CPU was asked for. Next: running.
        case resuming
    }

    /// What the executor does before its actor is reported as ended.
    ///
    ///     none
    ///     expected ──all calls have ended──▶ begun ──the executor has done it──▶ said
    enum Farewell: Sendable {
        /// Nothing.
        case none
        /// Next: begun.
        case expected
        /// The effect `farewell`. Next: said.
        case begun
        case said
    }

    /// A queue for each concurrency group; the first is for all that has none.
    var lanes: [Lane] = [Lane()]
    /// Those in the queues.
    var received: [TaskID: Received] = [:]
    /// Those that run.
    var running: [TaskID: Received] = [:]
    /// Those of them that were cancelled.
    var cancelled: Set<TaskID> = []
    /// Those that ended and whose results are being stored.
    var storing: [TaskID: StoringTask] = [:]
    /// Generators that run, or have been read from before they do.
    var generators: [TaskID: GeneratorProgress] = [:]
    /// What those of an actor with a limit for all of them have made.
    var budget = ItemBudget()
    /// Of the task whose reply was sent last: it may still be here, gathered with others.
    var lastReplied: Shared<TaskCall>?
    /// Room asked for items of generators.
    var itemRooms: [ObjectID: ItemRoom] = [:]
    /// Room asked for one result: which task's, at which index.
    var rooms: [ObjectID: TaskID] = [:]
    /// Whether calls may begin before earlier ones of their caller that wait for their arguments.
    var isUnordered = false
    /// Why the actor begins no further calls, and ends when those under way have.
    var leaving: String?
    var farewell = Farewell.none
    /// When is looked next for calls that make lost results again and find no place.
    var rebuildsDue: Instant?
    /// What was said of them last.
    var reportedRebuilds: [TaskID: [[ObjectID]]] = [:]
    /// Whether no further task begins here, and the process ends when nobody depends on it.
    var isRetired = false
    /// Whether the end of this process was asked for already.
    var hasEnded = false
    /// The actor that lives here.
    var actor: ActorID?
    var incarnation: UInt32 = 0
    var actorName = ""
    /// How the actor shows itself, if its class says how.
    var shownName = ""
    /// What the GCS was told of the start of the actor.
    var started: ActorStarted?
    /// The lease of the task or actor that runs here.
    var lease: LeaseID?
    /// Whether that lease holds CPUs that a blocked task gives back.
    var holdsCPU = false
    var cpu = CPUState.running
    /// Ends of waits, held until the CPU is ours again.
    var held: [WorkerEffect] = []
}

/// Tasks of one concurrency group: each group has its own limit and order, so that none is gone through for another's.
struct Lane: Sendable {
    /// Empty for what has no group.
    var group = ""
    /// How many may run at the same time.
    var callsMax = 1
    /// How many do.
    var runningCount = 0
    /// Those that have not begun, in the order in which they must start.
    var queue: Deque<TaskID> = []

    /// The place in the queue of what begins next; one whose arguments are missing holds back only its own caller's.
    func nextStartable(_ received: [TaskID: Execution.Received]) -> Int? {
        guard runningCount < callsMax else { return nil }
        var waitingCallers: [WorkerID] = []
        for (position, id) in queue.enumerated() {
            // Not the task as a whole, which would be copied.
            guard let (missing, caller, overtakes) = received[id].map({ ($0.missing, $0.caller, $0.overtakes) }),
                overtakes || !waitingCallers.contains(caller)
            else { continue }
            if missing == 0 { return position }
            if !overtakes { waitingCallers.append(caller) }
        }
        return nil
    }
}

extension Execution {
    /// Whether calls run in groups.
    var hasGroups: Bool { lanes.count > 1 }

    /// Whether nothing waits for its turn.
    var hasEmptyQueues: Bool { lanes.allSatisfy { $0.queue.isEmpty } }

    /// All that has not begun, group by group in order.
    var queued: [TaskID] { lanes.flatMap(\.queue) }

    /// The place of a task's group in `lanes`; what has none, or one that is not known, is in the first.
    func lane(of task: TaskSpec) -> Int {
        guard hasGroups, !task.concurrencyGroup.isEmpty else { return 0 }
        return lanes.firstIndex { $0.group == task.concurrencyGroup } ?? 0
    }

    /// Takes tasks out of the queues, in one pass.
    mutating func unqueue(_ gone: Set<TaskID>) {
        for index in lanes.indices { lanes[index].queue.removeAll { gone.contains($0) } }
    }
}

/// A task that ended with results too large for a message.
struct StoringTask: Sendable {
    var received: Execution.Received
    var objects: [RayObject]
    var results: [TaskResult?]
}
