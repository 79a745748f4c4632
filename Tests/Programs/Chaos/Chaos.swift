//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

/// A long job on a cluster of real processes that are killed and stopped meanwhile, by a seed; checks every result.
///
/// `SEED=1 SECONDS=120 raychaos` starts a head and three nodes on this machine, works, and ends with counts, or with 1
/// and the reason. Variables: `SEED` (by the clock), `SECONDS` (120), `STALL` (60): seconds without progress of one
/// part of the job that count as a hang.
@main struct Chaos {
    static func main() async throws {
        // Workers are this program, too, and stay in there.
        if ray.isWorker {
            try await ray.init()
            return
        }
        let settings = ChaosSettings()
        say("SEED=\(settings.seed) SECONDS=\(settings.seconds), in \(settings.folder)")
        let run = Chaos(settings: settings, cluster: ChaosCluster(settings))
        do {
            try await run.cluster.start()
            try await ray.init(address: run.cluster.address)
        } catch {
            await run.end("\(error)")
        }
        await run.end(await run.torment())
    }

    let settings: ChaosSettings
    let cluster: ChaosCluster
    private let tally = Tally()

    /// Works while things are killed; what went wrong first.
    private func torment() async -> String? {
        let end = ContinuousClock.now + .seconds(settings.seconds)
        return await withTaskGroup(of: String?.self) { group in
            for job in ChaosJob.allCases {
                group.addTask { await job.run(until: end, seed: settings.seed, tally) }
            }
            let tormentor = Tormentor(cluster, tally, seed: settings.seed)
            group.addTask { await tormentor.run(until: end) }
            group.addTask { await watch() }
            for await failure in group {
                // What hangs does not hear that it is cancelled, so that the process ends here.
                if let failure { await self.end(failure) }
            }
            return nil
        }
    }

    /// Says what came of it, and ends this process.
    private func end(_ failure: String?) async -> Never {
        if let failure {
            Self.say("FAILED: \(failure)")
            for line in await cluster.situation() { Self.say(line) }
        } else {
            await ray.shutdown()
        }
        Self.say(tally.counts(runs: Runs(settings.runsPath), lost: failure == nil ? 0 : 1))
        await cluster.end(keepsFolder: failure != nil)
        if failure == nil { exit(0) }
        Self.say("again: SEED=\(settings.seed) SECONDS=\(settings.seconds) make chaos; logs: \(settings.folder)")
        exit(1)
    }

    /// Shows progress; the part of the job that hangs, if one does.
    private func watch() async -> String? {
        let begin = ContinuousClock.now
        var nextLine = 10
        while !tally.isDone {
            guard (try? await Task.sleep(for: .milliseconds(500))) != nil else { return nil }
            let seconds = Int(begin.duration(to: .now).components.seconds)
            if seconds >= nextLine {
                Self.say("\(seconds) s: \(tally.progress)")
                nextLine = seconds + 10
            }
            if let stalled = tally.stalled(for: .seconds(settings.stallSeconds)) {
                return "no progress for \(settings.stallSeconds) s: \(stalled)"
            }
        }
        return nil
    }

    /// Prints a line at once, also into a pipe.
    static func say(_ text: String) {
        print(text)
        fflush(nil)
    }
}
