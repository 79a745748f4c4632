//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

extension Cluster {
    /// Lets something fail, as far as there is something that may.
    func strike() {
        let isHeadAlone = options.killsMax == 0 && !options.networkFails
        if options.headDies, isHeadAlone || happens(perMille: 500) { return strikeHead() }
        if plan.workload == .spills, happens(perMille: 600) { return strikeDisk() }
        if plan.fallsSilent, happens(perMille: 400) { return silenceSomething() }
        let choice = random(0...99)
        switch choice {
        case ..<plan.cutPercent: cutSomething()
        case ..<(plan.cutPercent + (100 - plan.cutPercent) * 6 / 10):
            // Where much lies in stores their loss is the more telling fault.
            if [.shuffle, .generators].contains(plan.workload) { killNode() } else { killWorker() }
        case ..<(plan.cutPercent + (100 - plan.cutPercent) * 85 / 100): killNode()
        default: killDriver()
        }
    }

    private func struck(_ text: String) {
        lastFault = now
        report.faults.append("at event \(report.eventCount): \(text)")
        note("FAULT: \(text)")
    }

    private func cutSomething() {
        let candidates = links.filter { $0.isConnected && !$0.isSameNode }
        guard options.networkFails, !candidates.isEmpty else { return }
        let link = candidates[random(0...candidates.count - 1)]
        var blocked = happens(perMille: 200) ? random(500...3_000) : random(0...100)
        // Without its last node nothing in a cluster can end well.
        let isLastNode = link.ends.contains { $0.process.role == .raylet } && raylets.count(where: \.isAlive) == 1
        if options.partitionsLast, !isLastNode, happens(perMille: 500) { blocked = random(4_000...20_000) }
        struck(
            "the connection of \(link.ends[0].process.name) and \(link.ends[1].process.name) breaks for \(blocked) ms")
        if blocked >= 4_000 { killCounts.longCuts += 1 }
        cut(link, blockedMilliseconds: blocked)
    }

    /// Hosts do not hear each other, or one does not hear the other, or one is cut off from all, and nobody is told.
    private func silenceSomething() {
        let candidates = links.filter { $0.isConnected && !$0.isSameNode }
        guard options.networkFails, !candidates.isEmpty else { return }
        let link = candidates[random(0...candidates.count - 1)]
        let isCutOff = happens(perMille: 250)
        // Without its last node nothing in a cluster can end well.
        let isLastNode = link.ends.contains { $0.process.role == .raylet } && raylets.count(where: \.isAlive) == 1
        let isHeadCutOff = isCutOff && link.ends[0].process.role == .gcs
        let mayLast = options.partitionsLast && !isLastNode && !isHeadCutOff
        // What waits may be heard as long again after the end: twice the short ones, and the second in which a node
        // reports once, is less than any limit. Several of them may not be.
        let isLong = mayLast && happens(perMille: 500)
        let milliseconds = isLong ? random(3_000...20_000) : random(50...1_900)
        if isLong || silences.contains(where: { $0.lastEcho.advanced(milliseconds: 5_000) > now }) {
            killCounts.silences += 1
        }
        let (one, other) = (link.ends[0].process.host, link.ends[1].process.host)
        let directions: [(from: String?, to: String?)]
        switch (isCutOff, random(0...2)) {
        case (true, 0): directions = [(one, nil)]
        case (true, 1): directions = [(nil, one)]
        case (true, _): directions = [(one, nil), (nil, one)]
        case (false, 0): directions = [(one, other)]
        case (false, 1): directions = [(other, one)]
        case (false, _): directions = [(one, other), (other, one)]
        }
        let ways = directions.map { "\($0.from ?? "everybody") to \($0.to ?? "everybody")" }
        struck("nothing gets from \(ways.joined(separator: ", nor from ")) for \(milliseconds) ms")
        fallSilent(directions, milliseconds: milliseconds)
    }

    /// The head dies: between two inputs, or in the midst of what one led to.
    private func strikeHead() {
        guard let gcs, gcs.isAlive else { return }
        if happens(perMille: 600) { return gcs.die(afterEffects: random(0...12)) }
        killHead()
    }

    /// Ends the head; it is started again a little later.
    func killHead() {
        guard let gcs, gcs.isAlive else { return }
        killCounts.heads += 1
        struck("the head is killed")
        processGone(gcs, isSilent: false)
        add(.headStart, microseconds: happens(perMille: 300) ? random(0...15_000_000) : random(20_000...500_000))
    }

    /// A disk takes nothing for a while, or all too slowly.
    private func strikeDisk() {
        let victims = raylets.filter(\.isAlive)
        guard !victims.isEmpty else { return }
        let victim = victims[random(0...victims.count - 1)]
        let milliseconds = random(50...6_000)
        let end = now.advanced(milliseconds: milliseconds)
        if happens(perMille: 500) {
            killCounts.disks += 1
            victim.store.disk.fullUntil = end
            struck("the disk of \(victim.name) is full for \(milliseconds) ms")
        } else {
            victim.store.disk.slowUntil = end
            struck("the disk of \(victim.name) is slow for \(milliseconds) ms")
        }
    }

    private func killWorker() {
        let victims = processes.filter { $0.isAlive && $0.role == .worker }
        guard !victims.isEmpty, let victim = victims[random(0...victims.count - 1)] as? WorkerProcess else { return }
        kill(victim)
    }

    /// The end of a worker that something strikes.
    func kill(_ victim: WorkerProcess) {
        guard victim.isAlive else { return }
        killCounts.workers += 1
        struck("\(victim.name) is killed")
        kill(victim, signal: 9, by: "the fault")
    }

    /// Where processes read late, some of those that have just stored something are killed.
    func said(_ message: Message, by process: SimulatedProcess) {
        guard case .sealObject = message, options.readsLate, !plan.faultEvents.isEmpty, process.role == .worker,
            killCounts.workers < options.killsMax, happens(perMille: 100), let worker = process as? WorkerProcess
        else { return }
        add(.struck(worker), microseconds: random(0...1_000))
    }

    private func killNode() {
        let victims = raylets.filter(\.isAlive)
        guard victims.count > 1 else { return killWorker() }
        let victim = victims[random(0...victims.count - 1)]
        let isSilent = happens(perMille: 400)
        struck("\(victim.name) \(isSilent ? "vanishes with its machine" : "is killed")")
        kill(victim, isSilent: isSilent, because: "the fault")
        if happens(perMille: 500) { add(.nodeStart(likeNode: nil), microseconds: random(1_000...3_000_000)) }
    }

    private func killDriver() {
        let victims = processes.filter { $0.isAlive && $0.role == .driver }
        guard victims.count > 1, let victim = victims[random(0...victims.count - 1)] as? WorkerProcess else {
            return killWorker()
        }
        killCounts.drivers += 1
        struck("\(victim.name) is killed")
        kill(victim, signal: 9, by: "the fault")
    }
}
