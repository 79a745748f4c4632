//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

/// What scripts do with generators, and with tasks that are cancelled.
extension WorkerProcess {
    func perform(stream operation: Operation, _ frame: Frame) {
        switch operation {
        case .cancel(let slots, let force):
            for reference in slots.compactMap({ frame.references[$0] }) {
                transact { core, effects in
                    // Only calls on actors cannot be cancelled by force, and there is none.
                    try? core.cancel(reference, force: force, recursive: true, at: cluster.now, into: &effects)
                }
            }
        case .next(let stream, let slot, let expected):
            guard let task = frame.references[stream]?.id.task else { return }
            let item = transact { core, effects in core.nextItem(of: task, into: &effects) }
            keep(item.map { [$0] } ?? [], slot, expected, frame)
        case .dropStream(let slot):
            guard let task = frame.references[slot]?.id.task else { return }
            transact { core, effects in core.dropStream(task, at: cluster.now, into: &effects) }
        default: break
        }
    }

    /// Goes on when the next item may be made.
    func admit(_ frame: Frame) {
        guard let task = frame.spec, (task.generator?.actorBackpressure ?? 0) > 0 else { return }
        wait(frame, .item)
        begin(frame) { core, effects in core.admit(1, of: task.id, into: &effects) }
    }

    /// Sends an item, and goes on when the next may be made.
    func yield(_ value: UInt64, _ bytes: Int, _ frame: Frame) {
        guard let task = frame.spec?.id else { return }
        wait(frame, .item)
        begin(frame) { core, effects in
            core.yield(SimulatedValue.object(value, bytes: bytes), from: task, into: &effects)
        }
    }

    /// Looks every few milliseconds whether the task is cancelled.
    func computeOn(_ frame: Frame) {
        if frame.isCancelled { return endCancelled(frame) }
        frame.next -= 1
        wait(frame, .time)
        cluster.add(.resume(self, frame: frame.number), microseconds: 5_000)
    }

    func endCancelled(_ frame: Frame) {
        end(frame, .failure(RayError(.taskCancelled, "it saw that it was cancelled")))
    }
}
