//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What the head must not do yet: effects behind changes that the journal has not made durable.
///
///     appended ──begin──▶ committing ──committed──▶ durable: what was held behind it is performed
///                             └──too much held, or too long──▶ trouble: the head ends, and another one goes on
///
/// One commit is under way at a time, so that the next one takes all that came meanwhile.
package struct HeldEffects<Effect> {
    /// Effects that wait, at most.
    private let countMax: Int
    /// How long one commit may take.
    private let commitMillisecondsMax: Int
    /// Changes that were given to the journal, and of these the durable ones.
    private var appendedCount: UInt64 = 0
    private var durableCount: UInt64 = 0
    private var isCommitting = false
    /// How long the commit under way has been seen to last.
    private var waitedMilliseconds = 0
    private var lastLook = Instant.zero
    /// In order, each with the changes that it follows.
    private var effects: [(count: UInt64, effect: Effect)] = []

    /// Nothing is held.
    package init(countMax: Int = 1_000_000, commitMillisecondsMax: Int = 120_000) {
        self.countMax = countMax
        self.commitMillisecondsMax = commitMillisecondsMax
    }

    /// The journal was given a batch of changes.
    package mutating func appended() { appendedCount += 1 }

    /// Keeps an effect if changes before it are not durable; otherwise it may be performed at once.
    package mutating func hold(_ effect: Effect) -> Bool {
        guard appendedCount > durableCount else { return false }
        effects.append((appendedCount, effect))
        return true
    }

    /// Begins a commit if one is due: how many changes it makes durable.
    package mutating func begin() -> UInt64? {
        guard appendedCount > durableCount, !isCommitting else { return nil }
        isCommitting = true
        waitedMilliseconds = 0
        return appendedCount
    }

    /// A commit has ended well: what may be performed now.
    package mutating func committed(_ count: UInt64) -> [Effect] {
        isCommitting = false
        durableCount = count
        let ready = effects.prefix { $0.count <= count }.map(\.effect)
        effects.removeFirst(ready.count)
        return ready
    }

    /// Why it cannot go on like this, if so. To be asked often: a long pause between two looks means that this process
    /// stood still, not the disk.
    package mutating func trouble(at now: Instant) -> String? {
        if isCommitting { waitedMilliseconds += min(1_000, max(0, now.milliseconds(since: lastLook))) }
        lastLook = now
        guard effects.count > countMax || isCommitting && waitedMilliseconds >= commitMillisecondsMax else {
            return nil
        }
        return "the journal's disk stands still: \(effects.count) messages have waited for it for "
            + "\(waitedMilliseconds / 1_000) s; see what is wrong with it, or set RAY_gcs_storage_path to another folder"
    }
}
