//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Finding room for requests.
extension SchedulerCore {
    /// Grants all that can be granted now.
    mutating func place(at now: Instant, into effects: inout SchedulerEffects) {
        repeat {
            let changed = takeChangedNodes()
            for index in changed { resume(on: index, into: &effects) }
            placeGroups(changed: changed, into: &effects)
            guard !waitingClasses.isEmpty else { continue }
            updateReservation(at: now)
            placeOnce(changed: changed, at: now, into: &effects)
        } while !changedNodes.isEmpty
    }

    /// Whether the node may take a request of this class and arrival now.
    func accepts(_ node: SchedulerNode, _ key: RequestClass.Key, arrival: UInt64) -> Bool {
        guard !node.isDraining, node.fits(key.shape) else { return false }
        if !node.resumeQueue.isEmpty, key.shape[ResourceSet.cpu] > .zero, keepsCPUForResume(node) { return false }
        // What a task waits for is not kept out: without it the node would not drain.
        guard let reservation, reservation.pool == node.pool, !key.isUrgent else { return true }
        return !reservation.excludes(key.shape, arrival: arrival)
    }

    /// Whether the strategy of a class allows a node, be there room or not.
    func allows(_ key: RequestClass.Key, _ node: SchedulerNode) -> Bool {
        guard !node.isDraining else { return false }
        if let own = node.bundle {
            guard case .placementGroup(own.group, let number, _) = key.strategy else { return false }
            return number == nil || number == own.number
        }
        switch key.strategy {
        case .hybrid, .spread: return true
        case .placementGroup: return false
        case .labelled(let selectors, _): return selectors.contains { $0.matches(node.labels) }
        case .nodeAffinity(let target, let soft, _):
            return node.id == target
                || awaitedNodes[target] == nil
                    && NodeAffinityPolicy.mayUseOthers(soft: soft, target: self[target], shape: key.shape)
        }
    }

    /// Where requests of a class can go at all: indices of nodes, or of the bundles of a group in order of number.
    func indices(for key: RequestClass.Key) -> [Int] {
        switch key.strategy {
        case .nodeAffinity(let target, soft: false, _): return nodeIndices[target].map { [$0] } ?? []
        case .placementGroup(let id, let number, _):
            let numbers = number.map { [$0] } ?? Array((groups[id]?.nodes.indices ?? 0..<0))
            return numbers.compactMap { bundleIndices[BundleKey(group: id, number: $0)] }
        default: return Array(0..<nodeCount)
        }
    }

    /// Why a request can never be granted; nothing if it can, or may be when nodes join.
    func refusal(of request: LeaseRequest) -> (LeaseRefusal, String)? {
        switch request.strategy {
        case .hybrid, .spread, .labelled, .nodeAffinity(_, soft: true, _): return nil
        case .nodeAffinity(let target, soft: false, _):
            let name = "node \(target.hex), the only one it may use,"
            if awaitedNodes[target] == false { return nil }
            guard awaitedNodes[target] == nil else { return (.unschedulable, "\(name) is being drained") }
            guard let node = self[target] else { return (.unschedulable, "\(name) is not in the cluster") }
            guard !node.isDraining else { return (.unschedulable, "\(name) is being drained") }
            guard !node.couldFit(request.shape) else { return nil }
            let lacking = node.total.lacking(for: request.shape).first ?? request.shape.firstAccelerator
            let has = node.total[lacking] == .zero ? "no \(lacking)" : "only \(node.total[lacking]) \(lacking)"
            return (.unschedulable, "needs \(request.shape[lacking]) \(lacking); \(name) has \(has)")
        case .placementGroup(let id, let number, _):
            guard let group = groups[id] else { return (.groupRemoved, "placement group \(id.hex) was removed") }
            return group.flaw(shape: request.shape, bundle: number).map { (.unschedulable, $0) }
        }
    }

    /// The first request of a class; drops void places before it.
    mutating func firstRequest(of classID: Int) -> PendingRequest? {
        while let place = classes[classID]?.first {
            if let waiting = pending[place.id], waiting.arrival == place.arrival { return waiting }
            classes[classID]?.dropFirst()
        }
        return nil
    }

    /// Whether some node could take requests of a class when idle. O(nodes) after nodes changed, else O(1).
    mutating func isFeasible(_ classID: Int) -> Bool {
        guard let group = classes[classID] else { return false }
        if case .placementGroup = group.key.strategy {
            return indices(for: group.key).contains { allows(group.key, nodes[$0]) }
        }
        if group.feasibleEpoch == epoch { return group.isFeasible }
        let isFeasible = nodes[..<nodeCount].contains { $0.couldFit(group.key.shape) && allows(group.key, $0) }
        classes[classID]?.isFeasible = isFeasible
        classes[classID]?.feasibleEpoch = epoch
        return isFeasible
    }

    private mutating func takeChangedNodes() -> [Int] {
        let indices = changedNodes.compactMap { index(of: $0) }.sorted()
        changedNodes.removeAll(keepingCapacity: true)
        return indices
    }

    /// So long urgent requests go before others. A task that waits finds workers for what it waits for, and not behind tasks
    /// that would wait in their turn, each in a process of its own; and nobody else waits for ever.
    private static let urgentMilliseconds = 1_000

    /// Tries classes in order of their oldest request, urgent ones first; each until it finds no room.
    private mutating func placeOnce(changed: [Int], at now: Instant, into effects: inout SchedulerEffects) {
        var heads: [(arrival: UInt64, classID: Int, isUrgent: Bool)] = []
        for id in waitingClasses where isWorthTrying(id, changed: changed) {
            if let first = firstRequest(of: id) {
                heads.append((first.arrival, id, classes[id]?.key.isUrgent == true))
            }
        }
        var isUrgentTurn = now.milliseconds(since: ordinaryGrantAt) < Self.urgentMilliseconds
        func rank(_ index: Int) -> (Int, UInt64) {
            (heads[index].isUrgent == isUrgentTurn ? 0 : 1, heads[index].arrival)
        }
        while let next = heads.indices.min(by: { rank($0) < rank($1) }) {
            let classID = heads[next].classID
            guard let waiting = firstRequest(of: classID) else {
                heads.remove(at: next)
                continue
            }
            guard let index = choose(for: waiting, changed: changed) else {
                classes[classID]?.isStuck = true
                refuseWhatDoesNotWait(classID, into: &effects)
                heads.remove(at: next)
                continue
            }
            if waiting.request.strategy.isSpread { classes[classID]?.lastSpread = nodes[index].id }
            grant(waiting, on: index, into: &effects)
            if !heads[next].isUrgent {
                ordinaryGrantAt = now
                isUrgentTurn = true
            }
            if let first = firstRequest(of: classID) {
                heads[next].arrival = first.arrival
            } else {
                heads.remove(at: next)
            }
        }
    }

    /// Refuses the requests of a class that found no room on the only node that they may use, and are not to wait for it.
    private mutating func refuseWhatDoesNotWait(_ classID: Int, into effects: inout SchedulerEffects) {
        guard case .nodeAffinity(let target, soft: false, waits: false)? = classes[classID]?.key.strategy,
            awaitedNodes[target] == nil
        else { return }
        let reason =
            "node \(target.hex), the only one it may use, has no room now, and it is not to wait for any "
            + "(_fail_on_unavailable)"
        refuseAll(of: classID, .unschedulable, reason, into: &effects)
    }

    private func isWorthTrying(_ classID: Int, changed: [Int]) -> Bool {
        guard let group = classes[classID] else { return false }
        return !group.isStuck || changed.contains { nodes[$0].fits(group.key.shape) }
    }

    private func choose(for waiting: PendingRequest, changed: [Int]) -> Int? {
        guard let group = classes[waiting.classID] else { return nil }
        if !group.isStuck, let index = idleNode(for: waiting, group.key) { return index }
        let indices = group.isStuck ? changed : indices(for: group.key)
        var candidates = indices.filter {
            accepts(nodes[$0], group.key, arrival: waiting.arrival) && allows(group.key, nodes[$0])
        }
        if case .labelled(let selectors, _) = group.key.strategy, selectors.count > 1 {
            candidates = preferred(candidates, by: selectors)
        }
        guard !candidates.isEmpty else { return nil }
        if case .placementGroup = group.key.strategy {
            // As with nodes: bundles with GPUs are for those that want one, as long as there are others.
            let wantsGPU = waiting.request.shape[ResourceSet.gpu] != .zero
            return candidates.first { wantsGPU || !nodes[$0].hasGPU } ?? candidates.first
        }
        if group.key.strategy.isSpread {
            return SpreadPolicy.choose(after: group.lastSpread, from: candidates, in: nodes)
        }
        return hybridPolicy.choose(for: waiting.request, from: candidates, in: nodes)
    }

    /// Those that fulfil the first selector that any of them fulfils.
    private func preferred(_ candidates: [Int], by selectors: [LabelSelector]) -> [Int] {
        for selector in selectors {
            let matching = candidates.filter { selector.matches(nodes[$0].labels) }
            if !matching.isEmpty { return matching }
        }
        return []
    }

    /// What the hybrid policy would choose where a node scores 0, found without looking at all nodes.
    private func idleNode(for waiting: PendingRequest, _ key: RequestClass.Key) -> Int? {
        let request = waiting.request
        guard key.strategy == .hybrid, request.locality.isEmpty, !key.held.isEmpty else { return nil }
        let wantsGPU = key.shape[ResourceSet.gpu] > .zero
        func isIdle(_ index: Int) -> Bool {
            hybridPolicy.score(nodes[index]) == 0 && (wantsGPU || !nodes[index].hasGPU)
                && accepts(nodes[index], key, arrival: waiting.arrival)
        }
        if let index = nodeIndices[request.ownerNode], isIdle(index) { return index }
        return (0..<nodeCount).first(where: isIdle)
    }
}
