//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Why tasks of this process have not ended, for who asks through the GCS.
extension WorkerCore {
    /// Tasks in one answer.
    private static let explanationsMax = 100

    /// Answers with the tasks whose id, or whose actor's id, begins with `prefix`; all that wait if it is empty.
    mutating func explain(_ question: ExplainTasks, into effects: inout WorkerEffects) {
        var found: [TaskExplanation] = []
        for id in tasks.keys.sorted() {
            guard let task = tasks[id], matches(task, question.prefix) else { continue }
            found.append(explanation(of: task))
            guard found.count < Self.explanationsMax else { break }
        }
        effects.send(.tasksExplained(TasksExplained(token: question.token, tasks: found)), to: WorkerID.gcs)
    }

    private func matches(_ task: PendingTask, _ prefix: String) -> Bool {
        guard prefix.isEmpty else {
            if task.spec.id.hex.hasPrefix(prefix) { return true }
            guard case .actorCreation(let actor) = task.spec.kind else { return false }
            return actor.hex.hasPrefix(prefix)
        }
        switch task.phase {
        case .waiting, .queued: return true
        case .pushed(let lease): return leases[lease]?.inFlight.first != task.spec.id
        case .called, .orphaned: return false
        }
    }

    private func explanation(of task: PendingTask) -> TaskExplanation {
        var explanation = TaskExplanation(
            task: task.spec.id, name: task.spec.displayName, sentence: "", lease: nil, actor: nil)
        switch task.phase {
        case .waiting: explanation.sentence = dependencySentence(of: task.spec)
        case .queued:
            if case .actorCall(let actor, _) = task.spec.kind {
                explanation.actor = actor
                let ahead = actors[actor]?.callsAhead(of: task.spec.id) ?? 0
                explanation.sentence =
                    ahead == 0
                    ? "waits for its actor" : "waits for its actor, behind \(ahead) other calls"
            } else {
                explanation.lease = shapes.first { $0.queue.contains(task.spec.id) }?.requests.first
                explanation.sentence = "waits for a worker"
            }
        case .pushed(let id):
            let ahead = leases[id]?.inFlight.firstIndex(of: task.spec.id) ?? 0
            let worker = "worker process \(leases[id]?.processID ?? 0)"
            explanation.sentence =
                ahead == 0
                ? "runs in \(worker), or fetches its arguments there" : "waits at \(worker) behind \(ahead) other tasks"
        case .called:
            if case .actorCall(let actor, _) = task.spec.kind { explanation.actor = actor }
            explanation.sentence = "was sent to its actor and has not ended"
        case .orphaned: explanation.sentence = "its worker died, and the cause is awaited"
        }
        return explanation
    }

    /// Which arguments are missing, and who makes them.
    private func dependencySentence(of spec: TaskSpec) -> String {
        var missing: [String] = []
        for case .reference(let reference) in spec.arguments where objects[reference.id]?.exists == false {
            var text = "object \(reference.id.hex)"
            if let maker = tasks[reference.id.task] {
                text += ", which task \(maker.spec.displayName) (\(maker.spec.id.hex)) makes"
            } else if let owner = objects[reference.id]?.owner {
                text += ", which worker \(owner.worker.hex) owns"
            }
            if !missing.contains(text) { missing.append(text) }
        }
        guard let first = missing.first else { return "its arguments have just become ready" }
        return "waits for \(first)" + (missing.count == 1 ? "" : ", and for \(missing.count - 1) other objects")
    }
}
