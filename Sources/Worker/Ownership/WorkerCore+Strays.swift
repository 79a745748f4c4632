//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Copies of this process's objects that nobody told it of.
///
/// A worker that dies after it sealed a result and before its answer leaves the result behind. It must not go before
/// the task is through: a later try on the same node finds it there and uses it. So the nodes of lost tries are noted
/// with the task, then with its results, and what is there goes with them. The head passes it on: it has links to all
/// raylets, and this process need not know their addresses.
extension WorkerCore {
    /// Items that the worker of a generator may have made and not said so when it died.
    private static let unsaidItemsMax = 16
    private static let unsentStraysMax = 1_000

    /// The worker at which these tasks were is gone.
    mutating func noteLostTry(of ids: some Sequence<TaskID>, at node: NodeID) {
        for id in ids where tasks[id]?.strays.contains(node) == false { tasks[id]?.strays.append(node) }
    }

    /// A task is through: what its lost tries have left goes with the results that are held, and else at once.
    mutating func settleStrays(of task: PendingTask, into effects: inout WorkerEffects) {
        guard !task.strays.isEmpty else { return }
        var ids = task.spec.returnIDs
        if task.spec.generator != nil, let made = streams[task.spec.id]?.produced {
            ids += (made..<made + Self.unsaidItemsMax).map { .generatorItem(task.spec.id, index: $0) }
        }
        strew(ids, at: task.strays, into: &effects)
    }

    /// Copies of these objects may be on these nodes, too.
    mutating func strew(_ ids: [ObjectID], at nodes: [NodeID], into effects: inout WorkerEffects) {
        guard !nodes.isEmpty else { return }
        var unwanted: [ObjectID] = []
        for id in ids {
            switch objects[id]?.value {
            case .stored?, .pending?: references.strays[id, default: []] += nodes
            case .inline?, .failed?, nil: unwanted.append(id)
            }
        }
        freeStrays(unwanted, at: nodes, into: &effects)
    }

    /// Has nodes free what they may have of these objects.
    mutating func freeStrays(_ ids: [ObjectID], at nodes: [NodeID], into effects: inout WorkerEffects) {
        let living = nodes.filter { deadNodes[$0] == nil }
        guard !ids.isEmpty, !living.isEmpty, fatal == nil else { return }
        let message = FreeStrays(objects: ids, nodes: living)
        if headAwaySince == nil {
            effects.send(.freeStrays(message), to: WorkerID.gcs)
        } else if references.unsentStrays.count < Self.unsentStraysMax {
            references.unsentStrays.append(message)
        }
    }

    /// The head is back: what it could not be told.
    mutating func sayStrays(into effects: inout WorkerEffects) {
        for message in references.unsentStrays {
            // What was made again meanwhile stays.
            freeStrays(message.objects.filter { objects[$0] == nil }, at: message.nodes, into: &effects)
        }
        references.unsentStrays = []
    }
}
