//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

/// Looking placement groups up, and waiting for them.
extension GCSCore {
    mutating func queryGroups(_ query: QueryPlacementGroups, _ sender: Sender, into effects: inout GCSEffects) {
        var found = PlacementGroupsFound(groups: [], error: nil)
        if let id = query.group {
            found.groups = (state(of: id) ?? deadGroups[id]).map { [$0] } ?? []
            if found.groups.isEmpty {
                found.error = RayError(.notFound, "placement group \(id.hex) is not known to this cluster")
            }
        } else if !query.name.isEmpty {
            var namespace = query.namespace
            if namespace.isEmpty { namespace = peers[sender.id]?.job.flatMap { jobs[$0]?.namespace } ?? "" }
            let id = groupNames[PlacementGroupName(namespace: namespace, name: query.name)]
            found.groups = id.flatMap { state(of: $0) }.map { [$0] } ?? []
            if found.groups.isEmpty {
                found.error = RayError(
                    .notFound,
                    "Failed to look up placement group with name: \(query.name). It may not have been created, may "
                        + "have been removed, or is in another namespace than '\(namespace)'")
            }
        } else {
            let living = groups.keys.sorted().prefix(GCSLimits.groupsPerReplyMax).compactMap { state(of: $0) }
            found.groups = living + deadGroups.all.suffix(GCSLimits.groupsPerReplyMax - living.count)
        }
        answer(.placementGroupsFound(found), sender, into: &effects)
    }

    /// A group that is not removed, as users see it.
    func state(of id: PlacementGroupID) -> PlacementGroupState? {
        guard let group = groups[id] else { return nil }
        let none = Array(repeating: NodeID.none, count: group.spec.bundles.count)
        return PlacementGroupState(
            spec: group.spec, phase: group.phase, nodes: scheduler.nodes(of: id) ?? none,
            reason: scheduler.pendingReason(of: id)?.sentence ?? "")
    }

    mutating func awaitGroup(
        _ wanted: AwaitPlacementGroup, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        guard let group = groups[wanted.group] else {
            return confirm(
                RayError(.taskPlacementGroupRemoved, removalReason(of: wanted.group)), sender, into: &effects)
        }
        guard group.phase != .created else { return confirm(nil, sender, into: &effects) }
        guard group.waiters.count < GCSLimits.groupWaitersMax else {
            return confirm(
                RayError(.systemError, "too many processes wait for \(group.title)"), sender, into: &effects)
        }
        let milliseconds = min(max(0, wanted.milliseconds), GCSLimits.groupWaitMillisecondsMax)
        groups[wanted.group]?.waiters.append(
            PlacementGroupRecord.Waiter(
                peer: sender.id, requestID: sender.requestID, deadline: now.advanced(milliseconds: milliseconds)))
        awaitedGroups.insert(wanted.group)
    }

    /// Answers those who have waited long enough.
    mutating func expireGroupWaits(at now: Instant, into effects: inout GCSEffects) {
        for id in awaitedGroups.sorted() where !settings.plantsEndlessWaits {
            guard let group = groups[id] else { continue }
            let expired = group.waiters.filter { $0.deadline <= now }
            guard !expired.isEmpty else { continue }
            let reason = scheduler.pendingReason(of: id)?.sentence ?? "waits for its turn"
            let error = RayError(.getTimeout, "\(group.title) is not ready in time: it \(reason)")
            for waiter in expired {
                effects.send(.done(Done(error: error)), requestID: waiter.requestID, to: waiter.peer)
            }
            keepWaiters(of: id) { $0.deadline > now }
        }
    }

    /// A peer is gone: nobody waits there any more.
    mutating func stopGroupWaits(of peer: WorkerID) {
        for id in awaitedGroups.sorted() { keepWaiters(of: id) { $0.peer != peer } }
    }

    private mutating func keepWaiters(
        of id: PlacementGroupID, where isKept: (PlacementGroupRecord.Waiter) -> Bool
    ) {
        groups[id]?.waiters.removeAll { !isKept($0) }
        if groups[id]?.waiters.isEmpty ?? true { awaitedGroups.remove(id) }
    }
}
