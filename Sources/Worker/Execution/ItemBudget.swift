//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What the generators of an actor have made and nobody has read, of which there is one limit for all of them.
///
///     ask ──▶ granted: its next items count ──▶ made ──▶ read: they count no longer
///      └────▶ waits in its turn ──▶ granted, once fewer items count than the limit says
///     ends ──▶ items that it has not made count no longer; those that nobody has read count until their owner says that
///              they are read, or never will be
///
/// Nothing counts for ever: a call gives all that it has not made back at its end, however that comes, and what it has made
/// is counted as its owner says, who is asked at that end and goes with all that it owns.
package struct ItemBudget: Sendable {
    /// A try of a call that has ended.
    package struct Try: Hashable, Sendable {
        package var task: TaskID
        package var attempt: Int

        package init(task: TaskID, attempt: Int) {
            self.task = task
            self.attempt = attempt
        }
    }

    /// A question that is answered when there is room.
    package struct Question: Hashable, Sendable {
        package var token: UInt64
        /// Items that the function yields together.
        package var count: Int
        /// The limit of all generators.
        package var limit: Int

        package init(token: UInt64, count: Int, limit: Int) {
            self.token = token
            self.count = count
            self.limit = limit
        }
    }

    /// A call that runs.
    private struct Running: Sendable {
        /// Items that it has made or may make, from the first one on, and those that its reader has asked for.
        var granted = 0
        var consumed = 0
        /// How many may count beyond the limit when it asks.
        var excess = 0
        var question: Question?

        var unread: Int { max(0, granted - consumed) }
        /// Whether somebody may read further items.
        var hasReader: Bool { consumed < Int(UInt32.max) }
    }

    private var running: [TaskID: Running] = [:]
    private var ended: [Try: (caller: WorkerID, unread: Int)] = [:]
    /// Calls that wait, the first first.
    private var waiting: [TaskID] = []

    /// Nothing counts.
    package init() {}

    /// So many items count.
    package var unread: Int {
        running.values.reduce(0) { $0 + $1.unread } + ended.values.reduce(0) { $0 + $1.unread }
    }

    /// A call that has made `made` items, of which the reader has asked for `consumed`, wants to make the next ones: whether
    /// it may. If not, `grants` says when.
    ///
    /// Those that it yields together may go over the limit, as in Ray: more than that would never fit otherwise.
    package mutating func ask(_ question: Question, by task: TaskID, made: Int, consumed: Int) -> Bool {
        withdraw(task)
        var call = running[task] ?? Running()
        // What was granted before and did not come is given back.
        call.granted = made
        call.consumed = max(call.consumed, consumed)
        running[task] = call
        if grant(question, to: task) { return true }
        running[task]?.question = question
        waiting.append(task)
        return false
    }

    /// The reader of a call that runs has asked for so many items.
    package mutating func read(_ task: TaskID, upTo count: Int) {
        guard let consumed = running[task]?.consumed else { return }
        running[task]?.consumed = max(consumed, count)
    }

    /// A call may ask for so many items beyond the limit.
    package mutating func exceed(by count: Int, for task: TaskID) { running[task]?.excess = count }

    /// Whether a call waits for room.
    package func isWaiting(_ task: TaskID) -> Bool { running[task]?.question != nil }

    /// A call does not want to make further items any more; the question that it waited for.
    @discardableResult package mutating func withdraw(_ task: TaskID) -> UInt64? {
        guard let question = running[task]?.question else { return nil }
        running[task]?.question = nil
        waiting.removeAll { $0 == task }
        return question.token
    }

    /// A call has ended, after so many items; whether some of them are unread and count still.
    package mutating func end(_ call: Try, made: Int, caller: WorkerID, isCallerLost: Bool) -> Bool {
        withdraw(call.task)
        guard var last = running.removeValue(forKey: call.task) else { return false }
        last.granted = min(last.granted, made)
        guard last.unread > 0, !isCallerLost else { return false }
        ended[call] = (caller, last.unread)
        return true
    }

    /// The owner of a call that has ended says how many of its items are unread.
    package mutating func hear(_ unread: Int, of call: Try, from peer: WorkerID) {
        guard let known = ended[call], known.caller == peer else { return }
        ended[call] = unread > 0 ? (peer, min(known.unread, unread)) : nil
    }

    /// Nobody is left to read what calls of a process have made.
    package mutating func callerLost(_ caller: WorkerID) { ended = ended.filter { $0.value.caller != caller } }

    /// The calls that may go on now, in the order in which they have asked, each with its question's token.
    package mutating func grants() -> [(task: TaskID, token: UInt64)] {
        var granted: [(task: TaskID, token: UInt64)] = []
        for task in waiting {
            guard let question = running[task]?.question, grant(question, to: task) else { continue }
            running[task]?.question = nil
            granted.append((task, question.token))
        }
        if !granted.isEmpty { waiting.removeAll { running[$0]?.question == nil } }
        return granted
    }

    private mutating func grant(_ question: Question, to task: TaskID) -> Bool {
        guard let call = running[task], unread < question.limit + call.excess || !call.hasReader else { return false }
        running[task]?.granted += question.count
        return true
    }
}
