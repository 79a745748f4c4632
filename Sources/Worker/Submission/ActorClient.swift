//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import DequeModule
internal import RayCore
internal import RayWire

/// An actor as one of its callers sees it.
struct ActorClient: Sendable {
    var phase = ActorPhase.pending
    var address = Address.none
    var incarnation: UInt32 = 0
    var error: RayError?
    var taskRetriesMax = 0
    /// Calls in order that have not been sent: one that waits for arguments holds back those of its group behind it.
    var queue: Deque<TaskID> = []
    /// Those that are held back so, in groups, before what is in the queue: each is looked at once, and then only the
    /// first of each group.
    var held: [HeldCalls] = []
    /// Calls on an unordered actor whose arguments are missing: they are not in the queue yet.
    var waiting: Set<TaskID> = []
    /// Calls that make lost results again: out of the order, since those in the queue may wait for these results.
    var rebuilds: [TaskID] = []
    /// Sent calls in order.
    var inFlight: Deque<TaskID> = []
    /// The number of the next call that is sent to this incarnation.
    var sequence: UInt64 = 0
    /// The link is gone though the GCS says that the actor lives, or the other way round: calls wait, and if the other word
    /// does not come by then, those that were sent are lost.
    var unavailableAt: Instant?
    /// What the GCS says of the end of its process, while the link to that may hold results still.
    var news: ActorState?
    /// When it began to be started again.
    var restartingSince = Instant.zero
    /// When a call without retries has waited long enough for it to be back.
    var restartDue: Instant?
    /// Calls that may be under way; -1 without limit.
    var pendingCallsMax = -1
    /// Whether calls may begin before earlier ones that wait for their arguments.
    var isUnordered = false
    /// Whether calls of groups were made: in the queue each group then waits for itself.
    var hasGroups = false
    /// Handles in this process.
    var handles = 0
    /// Whether this process counts as one that holds the actor: it has handles, or calls under way.
    var isHeld = false
    /// Whether the GCS tells this process of changes.
    var isSubscribed = false
    /// Holds the creation task until the GCS has said that it knows the actor.
    var creation: Shared<ActorSpec>?
    /// An actor that this process created, while the arguments of its initialiser are held.
    var heldCreation: Shared<ActorSpec>?
    /// Whether the GCS was asked to create it.
    var isRegistered = false
    /// Whether the GCS is to know that nobody holds a handle of it; its creator says so.
    var isUnreferenced = false
}

/// Calls of one group on an actor, the first of which waits for arguments or did.
struct HeldCalls: Sendable {
    let group: String
    var queue: Deque<TaskID>
}

extension ActorClient {
    /// Calls that have not been sent, those apart whose arguments are awaited on an unordered actor.
    var queuedCount: Int { held.reduce(queue.count) { $0 + $1.queue.count } }

    /// Takes out a sent call; how many handles there are.
    mutating func callEnded(_ call: TaskID) -> Int {
        // Results of calls that run side by side come nearly in order.
        if let place = inFlight.firstIndex(of: call) { inFlight.remove(at: place) }
        return handles
    }

    /// How many must be sent before a call.
    func callsAhead(of call: TaskID) -> Int {
        for calls in held {
            if let place = calls.queue.firstIndex(of: call) { return place }
        }
        return queue.firstIndex(of: call) ?? 0
    }

    /// Puts calls before all others.
    mutating func prepend(_ calls: [TaskID]) {
        gatherHeld()
        queue.prepend(contentsOf: calls)
    }

    /// Adds a call to those that are held back.
    mutating func hold(_ call: TaskID, _ group: String) {
        if let index = held.firstIndex(where: { $0.group == group }) {
            held[index].queue.append(call)
        } else {
            held.append(HeldCalls(group: group, queue: [call]))
        }
    }

    /// Puts what is held back into the queue again, for what changes the order or goes through all.
    mutating func gatherHeld() {
        for calls in held.reversed() { queue.prepend(contentsOf: calls.queue) }
        held = []
    }
}
