//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc

/// Kills and stops processes of a cluster, by a seed, and starts nodes again that are gone.
///
/// What comes next, when, and which of those present it meets is drawn from the seed; who is present is not.
struct Tormentor: Sendable {
    /// What is done to whom.
    enum Blow: String, CaseIterable {
        case killWorker, killRaylet, killHead, stopWorker, stopRaylet, stopHead, stopHeadRaylet

        /// How often it comes, beside the others.
        var weight: Int {
            switch self {
            case .killWorker: 10
            case .killRaylet: 3
            case .killHead, .stopWorker, .stopRaylet: 2
            case .stopHead, .stopHeadRaylet: 1
            }
        }
    }

    /// The head's raylet starts it again five times a minute.
    private static let headKillsPerMinuteMax = 4

    private let cluster: ChaosCluster
    private let tally: Tally
    private let seed: UInt64

    init(_ cluster: ChaosCluster, _ tally: Tally, seed: UInt64) {
        self.cluster = cluster
        self.tally = tally
        self.seed = seed
    }

    /// Torments until a few seconds before the end; says why if a node cannot be started again.
    func run(until end: ContinuousClock.Instant) async -> String? {
        await withTaskGroup(of: String?.self) { group in
            group.addTask {
                await strike(until: end - .seconds(5))
                return nil
            }
            for node in ChaosCluster.nodes { group.addTask { await keep(node, until: end) } }
            for await reason in group {
                if let reason {
                    group.cancelAll()
                    return reason
                }
            }
            return nil
        }
    }

    private func strike(until end: ContinuousClock.Instant) async {
        var generator = SeededGenerator(state: seed)
        var headKills: [ContinuousClock.Instant] = []
        while ContinuousClock.now < end {
            let pause = Int.random(in: 300...2_500, using: &generator)
            let choice = Int.random(in: 0..<Blow.allCases.map(\.weight).reduce(0, +), using: &generator)
            let index = Int.random(in: 0..<1_000_000, using: &generator)
            // Some are over before anybody takes the process for lost, others are not.
            let isLong = Int.random(in: 0..<3, using: &generator) == 0
            let stop = Int.random(in: isLong ? 5_500...9_000 : 200...3_000, using: &generator)
            guard (try? await Task.sleep(for: .milliseconds(pause))) != nil else { return }
            let blow = Self.blow(choice)
            headKills.removeAll { $0 + .seconds(60) < .now }
            if blow == .killHead {
                guard headKills.count < Self.headKillsPerMinuteMax else { continue }
                headKills.append(.now)
            }
            await perform(blow, index: index, stopMilliseconds: stop)
        }
    }

    private static func blow(_ choice: Int) -> Blow {
        var rest = choice
        for blow in Blow.allCases {
            rest -= blow.weight
            if rest < 0 { return blow }
        }
        return .killWorker
    }

    private func perform(_ blow: Blow, index: Int, stopMilliseconds: Int) async {
        let all = cluster.processes()
        let candidates =
            switch blow {
            case .killWorker, .stopWorker: all.filter(\.isWorker)
            case .killRaylet, .stopRaylet: all.filter { $0.name == "raylet" && $0.node != "head" }
            case .killHead, .stopHead: all.filter { $0.name == "gcs_server" }
            case .stopHeadRaylet: all.filter { $0.name == "raylet" && $0.node == "head" }
            }
        guard !candidates.isEmpty else { return }
        let victim = candidates[index % candidates.count]
        tally.struck(blow)
        switch blow {
        case .killWorker, .killRaylet, .killHead: kill(victim.id, SIGKILL)
        case .stopWorker, .stopRaylet, .stopHead, .stopHeadRaylet:
            // The driver is at the head's node and ends with it, so that one is never away for long.
            let milliseconds = blow == .stopHeadRaylet ? min(stopMilliseconds, 2_500) : stopMilliseconds
            kill(victim.id, SIGSTOP)
            _ = try? await Task.sleep(for: .milliseconds(milliseconds))
            kill(victim.id, SIGCONT)
        }
    }

    /// Starts a node whenever its raylet is gone.
    private func keep(_ node: String, until end: ContinuousClock.Instant) async -> String? {
        while ContinuousClock.now < end {
            guard (try? await Task.sleep(for: .milliseconds(700))) != nil else { return nil }
            let isThere = cluster.processes().contains { $0.name == "raylet" && $0.node == node }
            if isThere { continue }
            for attempt in 1...4 {
                do {
                    try await cluster.start(node)
                    tally.startedNode()
                    break
                } catch {
                    // The head may have been killed, or be stopped, just now.
                    if attempt == 4 { return "node \(node) cannot be started again: \(error)" }
                    if (try? await Task.sleep(for: .seconds(1))) == nil { return nil }
                }
            }
        }
        return nil
    }
}
