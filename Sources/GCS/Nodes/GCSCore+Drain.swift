//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// A node that will leave.
struct Drain: Sendable {
    var isPreemption: Bool
    /// Why, for people.
    var message: String
    /// How long what still runs there may go on; 0 for as long as it takes.
    var milliseconds: Int
    /// When it is ended; nothing to wait for as long as it takes.
    var deadline: Instant?

    init(isPreemption: Bool, message: String, milliseconds: Int, from now: Instant) {
        self.isPreemption = isPreemption
        self.message = message
        self.milliseconds = milliseconds
        deadline = milliseconds == 0 ? nil : now.advanced(milliseconds: milliseconds)
    }

    /// Until what runs there is ended, at least 1; 0 if it never is.
    func millisecondsLeft(at now: Instant) -> Int { deadline.map { max(1, $0.milliseconds(since: now)) } ?? 0 }

    /// "drained (preemption: spot instance)".
    var sentence: String { "drained (\(isPreemption ? "preemption" : "idle termination"): \(message))" }
}

/// Nodes that leave in an orderly way.
///
///     alive ──DrainNode──▶ draining: no new leases or bundles ──idle, or its deadline is over──▶ dead
///
/// What a preempted node takes with it costs its actors no restart.
extension GCSCore {
    mutating func drainNode(_ wanted: DrainNode, _ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        guard let node = nodes[wanted.node] else {
            let error = RayError(
                .notFound, "node \(wanted.node.hex) is not alive in this cluster; 'ray status -v' lists the nodes")
            return confirm(error, sender, into: &effects)
        }
        guard !node.info.isHead else {
            let error = RayError(
                .invalidArgument, "the head node cannot be drained: the cluster ends with it; use 'ray stop' there")
            return confirm(error, sender, into: &effects)
        }
        guard wanted.isPreemption || isIdle(wanted.node) else {
            let error = RayError(.invalidArgument, "The node to be idle terminated is no longer idle.")
            return confirm(error, sender, into: &effects)
        }
        guard wanted.message.utf8.count <= Limits.nameBytesMax, wanted.deadlineMilliseconds >= 0 else {
            let error = RayError(
                .invalidArgument,
                "a reason message has at most \(Limits.nameBytesMax) bytes, and a deadline is not negative")
            return confirm(error, sender, into: &effects)
        }
        let milliseconds = min(wanted.deadlineMilliseconds, GCSLimits.drainMillisecondsMax)
        let drain = Drain(
            isPreemption: wanted.isPreemption, message: wanted.message, milliseconds: milliseconds, from: now)
        nodes[wanted.node]?.drain = drain
        effects.log(.info, "node \(node.title) is \(drain.sentence)")
        confirm(nil, sender, into: &effects)
        schedule(.nodeDraining(wanted.node), at: now, into: &effects)
    }

    /// Ends nodes that are drained and have nothing left to do, or no time.
    mutating func endDrainedNodes(at now: Instant, into effects: inout GCSEffects) {
        for id in nodeOrder {
            guard let drain = nodes[id]?.drain, nodes[id]?.isConfirmed == true else { continue }
            let isOver = drain.deadline.map { $0 <= now } ?? false
            guard isOver || isIdle(id) else { continue }
            let reason = "it was \(drain.sentence)" + (isOver && !isIdle(id) ? ", and its deadline was over" : "")
            nodeDied(id, reason: reason, at: now, into: &effects)
            shutDown(id, reason, into: &effects)
        }
    }

    /// Whether a node died of a preemption that was announced.
    func wasPreempted(_ node: NodeID) -> Bool { deadNodes[node]?.drain?.isPreemption ?? false }

    private func isIdle(_ id: NodeID) -> Bool {
        guard let node = nodes[id], node.isConfirmed, node.isStoreKnown else { return false }
        return scheduler.isIdle(id) && node.objectCount == 0
    }
}
