//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// What has been done and found so far.
final class Tally: Sendable {
    private struct State {
        var strikes: [Tormentor.Blow: Int] = [:]
        var nodeStarts = 0
        var results: [ChaosJob: Int] = [:]
        /// What each part of the job does at the moment, since when.
        var steps: [ChaosJob: (text: String, since: ContinuousClock.Instant)] = [:]
        var doneCount = 0
    }

    private let state = Mutex(State())

    func struck(_ blow: Tormentor.Blow) { state.withLock { $0.strikes[blow, default: 0] += 1 } }
    func startedNode() { state.withLock { $0.nodeStarts += 1 } }

    /// A part of the job begins with something.
    func step(_ job: ChaosJob, _ text: String) { state.withLock { $0.steps[job] = (text, .now) } }
    /// Results of a part of the job are right.
    func right(_ job: ChaosJob, _ count: Int) { state.withLock { $0.results[job, default: 0] += count } }

    /// A part of the job has come to its end.
    func done(_ job: ChaosJob) {
        state.withLock { state in
            state.steps[job] = nil
            state.doneCount += 1
        }
    }

    /// Whether all parts of the job have come to their end.
    var isDone: Bool { state.withLock { $0.doneCount == ChaosJob.allCases.count } }

    /// What one part of the job has been waiting for all that time.
    func stalled(for limit: Duration) -> String? {
        state.withLock { state in
            for job in ChaosJob.allCases {
                if let step = state.steps[job], step.since + limit < .now {
                    return "\(job.rawValue) waits for \(step.text)"
                }
            }
            return nil
        }
    }

    var progress: String {
        state.withLock { state in
            let results = ChaosJob.allCases.map { "\($0.rawValue) \(state.results[$0] ?? 0)" }
            return "right: \(results.joined(separator: ", ")); \(Self.strikes(state))"
        }
    }

    /// The last lines of a run.
    func counts(runs: Runs, lost: Int) -> String {
        state.withLock { state in
            let right = state.results.values.reduce(0, +)
            return """
                \(Self.strikes(state))
                nodes started again: \(state.nodeStarts), tasks tried again: \(runs.retried), \
                made again: \(runs.rebuilt), actors restarted: \(runs.restarted)
                results: \(right) right, \(lost) lost
                """
        }
    }

    private static func strikes(_ state: State) -> String {
        func count(_ blow: Tormentor.Blow) -> Int { state.strikes[blow] ?? 0 }
        return "killed: workers \(count(.killWorker)), raylets \(count(.killRaylet)), heads \(count(.killHead)); "
            + "stopped: workers \(count(.stopWorker)), raylets \(count(.stopRaylet) + count(.stopHeadRaylet)), "
            + "heads \(count(.stopHead))"
    }
}
