//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// A question why something waits, while owners are asked about their tasks.
struct OpenExplain: Sendable {
    let sender: Sender
    let prefix: String
    let deadline: Instant
    /// What the GCS knows by itself.
    var lines: [String]
    /// Owners that have not answered.
    var awaited: Set<WorkerID>
}

/// Why things wait: the GCS knows leases, actors and groups, owners know tasks and their arguments.
///
///     asker ──Explain──▶ GCS ──ExplainTasks──▶ owners ──TasksExplained──▶ GCS ──Explanation──▶ asker
///
/// Owners have a second; the answer says how many were silent.
extension GCSCore {
    mutating func explain(_ prefix: String, _ sender: Sender, at now: Instant, into effects: inout GCSEffects) {
        let prefix = String(prefix.prefix(2 * WorkerID.byteCount).lowercased())
        guard explains.count < GCSLimits.explainsMax else {
            let lines = ["too many questions are open; ask again in a second"]
            return answer(.explanation(Explanation(lines: lines, isFound: false)), sender, into: &effects)
        }
        let owners = peers.filter { id, peer in
            !peer.isGone && (peer.role == .driver || peer.role == .worker)
        }.keys.sorted().prefix(GCSLimits.explainOwnersMax)
        explainCounter += 1
        explains[explainCounter] = OpenExplain(
            sender: sender, prefix: prefix, deadline: now.advanced(milliseconds: GCSLimits.explainMilliseconds),
            lines: groupLines(prefix) + actorLines(prefix) + nodeLines(prefix), awaited: Set(owners))
        let question = Message.explainTasks(ExplainTasks(token: explainCounter, prefix: prefix))
        for owner in owners { effects.send(question, to: owner) }
        if owners.isEmpty { finishExplain(explainCounter, into: &effects) }
    }

    mutating func tasksExplained(_ answer: TasksExplained, _ sender: Sender, into effects: inout GCSEffects) {
        guard explains[answer.token]?.awaited.remove(sender.id) != nil else { return }
        let lines = answer.tasks.prefix(GCSLimits.explainLinesMax).map(line)
        explains[answer.token]?.lines += lines
        if explains[answer.token]?.awaited.isEmpty == true { finishExplain(answer.token, into: &effects) }
    }

    mutating func expireExplains(at now: Instant, into effects: inout GCSEffects) {
        for (token, open) in explains.sorted(by: { $0.key < $1.key }) where open.deadline <= now {
            finishExplain(token, into: &effects)
        }
    }

    /// A peer is gone: it asks and answers nothing any more.
    mutating func stopExplains(of peer: WorkerID, into effects: inout GCSEffects) {
        for (token, open) in explains.sorted(by: { $0.key < $1.key }) {
            if open.sender.id == peer {
                explains[token] = nil
            } else if open.awaited.contains(peer) {
                explains[token]?.awaited.remove(peer)
                if open.awaited.count == 1 { finishExplain(token, into: &effects) }
            }
        }
    }

    private mutating func finishExplain(_ token: UInt64, into effects: inout GCSEffects) {
        guard let open = explains.removeValue(forKey: token) else { return }
        var lines = Array(open.lines.prefix(GCSLimits.explainLinesMax))
        if open.lines.count > lines.count { lines.append("… and \(open.lines.count - lines.count) more") }
        let isFound = !lines.isEmpty
        if !isFound {
            lines = [
                open.prefix.isEmpty
                    ? "nothing waits"
                    : "no task, actor, placement group or node that is known has an id that begins with "
                        + "'\(open.prefix)'; tasks that have ended are not kept"
            ]
        }
        if !open.awaited.isEmpty {
            lines.append("(\(open.awaited.count) processes did not answer in time; their tasks are not shown)")
        }
        answer(.explanation(Explanation(lines: lines, isFound: isFound)), open.sender, into: &effects)
    }

    // MARK: What is known here

    private func line(_ task: TaskExplanation) -> String {
        var parts = [task.sentence]
        if let lease = task.lease, let record = leases[lease], let reason = reason(of: record) {
            parts.append(reason.withRemedy)
        }
        if let actor = task.actor { parts.append(sentence(ofActor: actor)) }
        return "task \(task.name) (\(task.task.hex)): " + parts.joined(separator: "; ")
    }

    private func groupLines(_ prefix: String) -> [String] {
        var lines: [String] = []
        for id in groups.keys.sorted() where id.hex.hasPrefix(prefix) {
            guard let group = groups[id], !prefix.isEmpty || group.phase != .created else { continue }
            let reason = scheduler.pendingReason(of: id)?.withRemedy
            lines.append("\(group.title), \(group.spec.strategy.name): \(reason ?? "all of its bundles have a node")")
            guard lines.count < GCSLimits.explainLinesMax else { break }
        }
        guard !prefix.isEmpty else { return lines }
        return lines + deadGroups.all.filter { $0.spec.id.hex.hasPrefix(prefix) }.map(\.reason)
    }

    private func actorLines(_ prefix: String) -> [String] {
        var lines: [String] = []
        for id in actors.keys.sorted() where id.hex.hasPrefix(prefix) {
            guard let actor = actors[id], !prefix.isEmpty || actor.phase != .alive else { continue }
            lines.append("actor \(actor.title) (\(id.hex)): \(sentence(ofActor: id))")
            guard lines.count < GCSLimits.explainLinesMax else { break }
        }
        guard !prefix.isEmpty else { return lines }
        return lines
            + deadActors.all.filter { $0.id.hex.hasPrefix(prefix) }.map { state in
                "actor \(state.id.hex) is dead: \(state.error?.message ?? "its cause of death is not known")"
            }
    }

    private func nodeLines(_ prefix: String) -> [String] {
        nodeOrder.compactMap { id in
            guard let node = nodes[id], let drain = node.drain, id.hex.hasPrefix(prefix) else { return nil }
            return "node \(node.title) (\(id.hex)) is \(drain.sentence): it takes nothing new, and ends when it is idle"
                + (drain.deadline == nil ? "" : " or its deadline is over")
        }
    }

    private func sentence(ofActor id: ActorID) -> String {
        guard let actor = actors[id] else {
            return deadActors[id]?.error?.message
                ?? "its actor is not known here: it is not created yet, or ended long ago"
        }
        switch actor.stage {
        case .queued(let lease):
            return leases[lease].flatMap { reason(of: $0) }?.withRemedy ?? "its worker is ready"
        case .starting(_, let worker):
            return "its initialiser runs in a worker on node \(nodes[worker.node]?.title ?? worker.node.hex)"
        case .alive(_, let worker): return "it is alive on node \(nodes[worker.node]?.title ?? worker.node.hex)"
        case .backingOff:
            return "it is started again after a pause, because \(actor.error?.message ?? "its worker ended")"
        }
    }
}

extension PendingReason {
    /// The sentence, and what would resolve it.
    var withRemedy: String {
        switch code {
        case .infeasible: "\(sentence) (ask for less, or start a node that has it)"
        case .resourcesBusy: "\(sentence) (goes on when work there ends, or a node joins)"
        case .noNodes: "\(sentence) (start one with 'ray start --address')"
        case .nodeUnavailable, .workerStarting, .dependencies, .actorStarting, .placementGroup, .labels: sentence
        }
    }
}
