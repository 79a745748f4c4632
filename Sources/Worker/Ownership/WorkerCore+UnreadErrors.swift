//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Errors of tasks that nobody gets: they are told when the last reference to them goes, as in Ray.
///
///     fails ──▶ unread ──a get or wait, an argument, another process──▶ read
///       │         └──the last reference goes──▶ unreadError
///       └──nobody refers to it any more──▶ unreadError
extension WorkerCore {
    /// A result of a task of this process is an error. Generators have readers of their own, and who cancels knows.
    mutating func noteFailure(
        _ id: ObjectID, _ error: RayError, of task: PendingTask, into effects: inout WorkerEffects
    ) {
        guard error.type == .taskExecution || error.type == .workerDied, task.spec.generator == nil, !task.isRebuild,
            task.cancellation == .none
        else { return }
        guard objects[id] != nil else { return effects.append(.unreadError(error)) }
        unreadErrors[id] = clock
    }

    /// Whether there are some.
    package var hasUnreadErrors: Bool { !unreadErrors.isEmpty }

    /// Somebody has asked for these objects.
    package mutating func noteRead(_ ids: [ObjectID]) {
        guard !unreadErrors.isEmpty else { return }
        for id in ids where objects[id]?.exists == true { unreadErrors[id] = nil }
    }

    /// An object goes, and with it the error that may be its value.
    mutating func tellIfUnread(_ id: ObjectID, _ value: ObjectEntry.Value, into effects: inout WorkerEffects) {
        guard unreadErrors.removeValue(forKey: id) != nil, case .failed(let error) = value else { return }
        effects.append(.unreadError(error))
    }

    /// Tells those that nobody has asked for in so long: a console keeps references that its user has forgotten.
    package mutating func tellUnreadErrors(
        olderThan milliseconds: Int, at now: Instant, into effects: inout WorkerEffects
    ) {
        for id in unreadErrors.filter({ now.milliseconds(since: $0.value) >= milliseconds }).keys.sorted() {
            tellIfUnread(id, objects[id]?.value ?? .pending, into: &effects)
        }
    }
}
