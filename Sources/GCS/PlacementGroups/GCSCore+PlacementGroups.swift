//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// Placement groups as users see them; where the bundles go is the scheduler's business.
///
///     CreatePlacementGroup ──▶ pending ──all bundles placed──▶ created ──a node died──▶ rescheduling ──▶ created
///                                 └──────────┴── removed by hand, or with its job or actor ──┴──▶ removed
extension GCSCore {
    mutating func createGroup(
        _ given: PlacementGroupSpec, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        var spec = given
        if spec.namespace.isEmpty { spec.namespace = jobs[spec.id.job]?.namespace ?? "" }
        if groups[spec.id] == nil {
            var creator: ActorID?
            if let lease = workerLeases[sender.id], case .actor(let actor)? = leases[lease]?.purpose { creator = actor }
            if let error = flaw(of: spec, creator, sender) {
                let refused = PlacementGroupsFound(groups: [], error: error)
                return answer(.placementGroupsFound(refused), sender, into: &effects)
            }
            groupCount += 1
            groups[spec.id] = PlacementGroupRecord(spec: spec, creator: creator, number: groupCount)
            enterGroup(spec, creator)
            schedule(.groupAdded(spec), at: now, into: &effects)
        }
        let found = PlacementGroupsFound(groups: state(of: spec.id).map { [$0] } ?? [], error: nil)
        answer(.placementGroupsFound(found), sender, into: &effects)
    }

    /// Notes a group in the tables beside `groups`.
    mutating func enterGroup(_ spec: PlacementGroupSpec, _ creator: ActorID?) {
        groupBundleCount += spec.bundles.count
        if let creator, !spec.isDetached { actorGroups[creator, default: []].insert(spec.id) }
        guard !spec.name.isEmpty else { return }
        groupNames[PlacementGroupName(namespace: spec.namespace, name: spec.name)] = spec.id
    }

    private func flaw(of spec: PlacementGroupSpec, _ creator: ActorID?, _ sender: Sender) -> RayError? {
        if let flaw = spec.flaw { return RayError(.invalidArgument, flaw) }
        if let removed = deadGroups[spec.id] { return RayError(.taskPlacementGroupRemoved, removed.reason) }
        let endsWithNothing = creator == nil && !spec.isDetached && jobs[spec.id.job]?.isEnded ?? true
        guard acts(sender.id, for: spec.id.job), !endsWithNothing else {
            return jobIsGone(spec.id.job)
        }
        guard groups.count < GCSLimits.groupsMax,
            groupBundleCount + spec.bundles.count <= GCSLimits.bundlesMax
        else {
            return RayError(
                .systemError,
                "the cluster has \(groups.count) placement groups with \(groupBundleCount) bundles; remove some first")
        }
        let name = PlacementGroupName(namespace: spec.namespace, name: spec.name)
        if !spec.name.isEmpty, groupNames[name] != nil {
            return RayError(
                .systemError,
                "Failed to create placement group '\(spec.id.hex)' because name '\(spec.name)' already exists; look it "
                    + "up, choose another name, or remove it first")
        }
        return nil
    }

    mutating func removeGroup(
        _ id: PlacementGroupID, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard groups[id] != nil else {
            let error = RayError(.notFound, "placement group \(id.hex) is not known to this cluster")
            return confirm(deadGroups[id] == nil ? error : nil, sender, into: &effects)
        }
        removeGroup(id, because: "it was removed by ray.removePlacementGroup", at: now, into: &effects)
        confirm(nil, sender, into: &effects)
    }

    /// Ends a group; what ran or waited in it ends with an error that says why.
    mutating func removeGroup(
        _ id: PlacementGroupID, because cause: String, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let group = groups.removeValue(forKey: id) else { return }
        groupBundleCount -= group.spec.bundles.count
        let name = PlacementGroupName(namespace: group.spec.namespace, name: group.spec.name)
        if groupNames[name] == id { groupNames[name] = nil }
        if let creator = group.creator {
            actorGroups[creator]?.remove(id)
            if actorGroups[creator]?.isEmpty == true { actorGroups[creator] = nil }
        }
        let reason = "\(group.title) was removed: \(cause)"
        let nodes = Array(repeating: NodeID.none, count: group.spec.bundles.count)
        remember(PlacementGroupState(spec: group.spec, phase: .removed, nodes: nodes, reason: reason))
        effects.log(.info, reason)
        for waiter in group.waiters {
            let error = RayError(.taskPlacementGroupRemoved, reason)
            effects.send(.done(Done(error: error)), requestID: waiter.requestID, to: waiter.peer)
        }
        awaitedGroups.remove(id)
        if !settings.plantsKeptBundles { schedule(.groupRemoved(id), at: now, into: &effects) }
        // Actors between two starts have no lease that the scheduler could end.
        for actor in actors.filter({ $0.value.spec.creation.strategy.group == id }).map(\.key).sorted() {
            endActor(actor, RayError(.actorPlacementGroupRemoved, reason), at: now, into: &effects)
        }
    }

    /// Ends the groups that an actor created.
    mutating func removeGroups(createdBy actor: ActorID, at now: Instant, into effects: inout GCSEffects) {
        for id in (actorGroups[actor] ?? []).sorted() {
            removeGroup(id, because: "the actor that created it died", at: now, into: &effects)
        }
    }

    /// Ends the groups of a job, except detached ones and those of actors that live on.
    mutating func removeGroups(of job: JobID, at now: Instant, into effects: inout GCSEffects) {
        let ending = groups.filter { id, group in
            id.job == job && !group.spec.isDetached && group.creator.map { actors[$0] == nil } ?? true
        }
        for id in ending.map(\.key).sorted() {
            removeGroup(id, because: "the job that created it ended", at: now, into: &effects)
        }
    }

    // MARK: Scheduler

    mutating func groupPlaced(_ id: PlacementGroupID, into effects: inout GCSEffects) {
        // A node may have left while earlier decisions were carried out.
        guard let group = groups[id], scheduler.nodes(of: id)?.contains(.none) == false else { return }
        groups[id]?.phase = .created
        groups[id]?.places = scheduler.places(of: id)
        groups[id]?.waiters = []
        awaitedGroups.remove(id)
        effects.log(.info, "\(group.title) has all of its \(group.spec.bundles.count) bundles")
        for waiter in group.waiters {
            effects.send(.done(Done(error: nil)), requestID: waiter.requestID, to: waiter.peer)
        }
    }

    mutating func groupLost(_ id: PlacementGroupID, into effects: inout GCSEffects) {
        // Others may have been found while earlier decisions were carried out.
        guard let group = groups[id], group.phase == .created, scheduler.nodes(of: id)?.contains(.none) != false
        else { return }
        groups[id]?.phase = .rescheduling
        groups[id]?.places = scheduler.places(of: id)
        effects.log(.warning, "\(group.title) lost bundles with a node; others are looked for")
    }

    /// The work of a lease ends with its group.
    mutating func leaseRevoked(
        _ id: LeaseID, _ group: PlacementGroupID, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let record = leases[id] else { return }
        forgetLease(id, .killWorker, into: &effects)
        let reason = removalReason(of: group)
        switch record.purpose {
        case .tasks: end(record, RayError(.taskPlacementGroupRemoved, reason), at: now, into: &effects)
        case .actor(let actor):
            endActor(actor, RayError(.actorPlacementGroupRemoved, reason), at: now, into: &effects)
        }
    }

    /// Why a group is no more, in a sentence.
    func removalReason(of id: PlacementGroupID) -> String {
        deadGroups[id]?.reason ?? "placement group \(id.hex) was removed, or never existed"
    }
}
