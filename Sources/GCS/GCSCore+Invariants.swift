//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

extension GCSCore {
    /// What is wrong with the state, one sentence each; empty if all is well. O(everything).
    package func checkInvariants() -> [String] {
        var violations = scheduler.checkInvariants()
        checkNodes(&violations)
        checkLeases(&violations)
        checkActors(&violations)
        checkSubscriptions(&violations)
        checkGroups(&violations)
        checkTables(&violations)
        for (name, file) in files where !file.holders.allSatisfy(isLeft) {
            violations.append("file \(name) is held by who has ended")
        }
        if let violation = tasks.violation { violations.append(violation) }
        return violations
    }

    private func checkNodes(_ violations: inout [String]) {
        if nodeOrder.count != nodes.count || Set(nodeOrder) != Set(nodes.keys) {
            violations.append("the order of nodes is not the nodes")
        }
        let confirmed = nodes.filter { $0.value.isConfirmed }.map(\.key).sorted()
        if confirmed != scheduler.nodeIDs { violations.append("the scheduler has other nodes") }
        for id in nodes.keys where deadNodes[id] != nil { violations.append("node \(id) is alive and dead") }
    }

    private func checkLeases(_ violations: inout [String]) {
        for (id, record) in leases {
            let name = "lease \(id.hex.prefix(8))"
            if scheduler.grant(of: id)?.node != record.node {
                violations.append("\(name) is on another node than the scheduler says")
            }
            switch record.purpose {
            case .tasks:
                if ownerLeases[record.owner.worker]?.contains(id) != true {
                    violations.append("\(name) is unknown to its owner's list")
                }
                if peers[record.owner.worker].map(\.isGone) ?? (recovery == nil) {
                    violations.append("\(name) outlived its owner")
                }
            case .actor(let actor):
                if actors[actor]?.lease != id { violations.append("\(name) is for an actor that does not want it") }
            }
            if let worker = record.worker?.worker, workerLeases[worker] != id {
                violations.append("\(name) is unknown to its worker's entry")
            }
        }
        if scheduler.pendingCount + scheduler.leaseCount != leases.count {
            let count = scheduler.pendingCount + scheduler.leaseCount
            violations.append("the scheduler has \(count) leases, not \(leases.count)")
        }
        for (worker, id) in workerLeases where leases[id]?.worker?.worker != worker {
            violations.append("worker \(worker) serves a lease that does not exist")
        }
        for (owner, ids) in ownerLeases {
            let isSound = !ids.isEmpty && ids.allSatisfy { leases[$0]?.owner.worker == owner }
            if !isSound { violations.append("the leases of owner \(owner) are wrong") }
        }
    }

    private func checkActors(_ violations: inout [String]) {
        var counts: [JobID: Int] = [:]
        for (id, actor) in actors {
            counts[id.job, default: 0] += 1
            if unconfirmedActors.contains(id) { continue }
            if let lease = actor.lease, leases[lease]?.purpose != .actor(id) {
                violations.append("actor \(id) has no lease")
            }
            switch actor.stage {
            case .queued(let lease):
                if leases[lease]?.worker != nil { violations.append("actor \(id) waits though its worker is there") }
            case .starting(let lease, let worker), .alive(let lease, let worker):
                if leases[lease]?.worker != worker { violations.append("actor \(id) is in another worker") }
            case .backingOff:
                if !backingOffActors.contains(id) { violations.append("actor \(id) will never be started again") }
            }
            if deadActors[id] != nil { violations.append("actor \(id) is alive and dead") }
            let name = ActorName(namespace: actor.spec.namespace, name: actor.spec.name)
            if !actor.spec.name.isEmpty, actorNames[name] != id { violations.append("actor \(id) lost its name") }
            if actor.spec.lifetime == .job, creatorActors[actor.creator]?.contains(id) != true {
                violations.append("actor \(id) would outlive its creator")
            }
            if actor.spec.lifetime == .job, peers[actor.creator].map(\.isGone) ?? (recovery == nil) {
                violations.append("actor \(id) outlived its creator")
            }
            if actor.spec.restartsMax >= 0, actor.restartCount > actor.spec.restartsMax {
                violations.append("actor \(id) was started too often")
            }
        }
        for (name, id) in actorNames where actors[id]?.spec.name != name.name {
            violations.append("the name \(name.name) belongs to a dead actor")
        }
        for (id, job) in jobs {
            if job.actorCount != counts[id] ?? 0 { violations.append("job \(id) counts its actors wrongly") }
            if job.isEnded, job.actorCount == 0 { violations.append("job \(id) was not forgotten") }
        }
        for id in backingOffActors {
            guard case .backingOff? = actors[id]?.stage else {
                violations.append("actor \(id) would be started twice")
                continue
            }
        }
    }

    private func checkSubscriptions(_ violations: inout [String]) {
        for (id, actor) in actors where !actor.subscribers.allSatisfy({ peers[$0]?.actors.contains(id) == true }) {
            violations.append("actor \(id) has a subscriber that is gone")
        }
        for (id, waiting) in awaitedActors.mapValues(\.subscribers) {
            if waiting.isEmpty || !waiting.allSatisfy({ peers[$0]?.actors.contains(id) == true }) {
                violations.append("actor \(id) is awaited by a peer that is gone")
            }
            if actors[id] != nil { violations.append("actor \(id) is awaited though it exists") }
        }
        for (id, peer) in peers {
            for actor in peer.actors {
                guard actors[actor]?.subscribers.contains(id) != true,
                    awaitedActors[actor]?.subscribers.contains(id) != true
                else { continue }
                violations.append("peer \(id) follows actor \(actor) which does not know it")
            }
            if peer.channels.contains(where: { channels[$0]?.contains(id) != true }) {
                violations.append("peer \(id) is not in its channels")
            }
        }
        for (name, members) in channels where members.isEmpty || members.contains(where: { peers[$0] == nil }) {
            violations.append("channel \(name) has members that are gone")
        }
    }

    private func checkGroups(_ violations: inout [String]) {
        if groupBundleCount != groups.values.reduce(0, { $0 + $1.spec.bundles.count }) {
            violations.append("bundles are counted wrongly")
        }
        for (id, group) in groups {
            guard let nodes = scheduler.nodes(of: id) else {
                violations.append("the scheduler does not know \(group.title)")
                continue
            }
            if (group.phase == .created) == nodes.contains(.none) {
                violations.append("\(group.title) is \(group.phase) with the nodes \(nodes)")
            }
            let name = PlacementGroupName(namespace: group.spec.namespace, name: group.spec.name)
            if !group.spec.name.isEmpty, groupNames[name] != id { violations.append("\(group.title) lost its name") }
            if group.waiters.isEmpty == awaitedGroups.contains(id) {
                violations.append("\(group.title) is wrongly listed among those that are awaited")
            }
            if let creator = group.creator, !group.spec.isDetached, actorGroups[creator]?.contains(id) != true {
                violations.append("\(group.title) would outlive its actor")
            }
            if deadGroups[id] != nil { violations.append("\(group.title) is removed and is not") }
        }
        for (name, id) in groupNames where groups[id]?.spec.name != name.name {
            violations.append("the name \(name.name) belongs to a removed group")
        }
        for (actor, ids) in actorGroups where actors[actor] == nil || ids.isEmpty {
            violations.append("\(ids.count) groups outlived actor \(actor)")
        }
        for actor in actors.values {
            if let group = actor.spec.creation.strategy.group, groups[group] == nil {
                violations.append("\(actor.title) outlived its placement group")
            }
        }
    }

    private func checkTables(_ violations: inout [String]) {
        let values = keyValues.namespaces.values
        let bytes = values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.key.bytes.count + $1.value.count } }
        if bytes != keyValues.byteCount { violations.append("the key-value store counts its bytes wrongly") }
        if values.reduce(0, { $0 + $1.count }) != keyValues.keyCount { violations.append("keys are counted wrongly") }
        if deadActors.count > GCSLimits.deadActorsMax || deadNodes.count > GCSLimits.deadNodesMax {
            violations.append("too many dead are remembered")
        }
    }
}
