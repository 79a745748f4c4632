//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

extension GCSCore {
    mutating func registerNode(
        _ info: NodeInfo, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        let id = NodeID(raylet: sender.id)
        if let dead = deadNodes[id] { return shutDown(id, dead.deathReason, into: &effects) }
        var error: RayError?
        if sender.role != .raylet || info.address.node != id {
            error = RayError(
                .invalidArgument, "node \(info.address.node) was registered by \(sender.id), which is not its raylet")
        } else if nodes[id] == nil, nodes.count >= GCSLimits.nodesMax {
            error = RayError(.systemError, "the cluster has \(nodes.count) nodes, its maximum")
        }
        // The answer goes out first: a raylet expects it before its first lease.
        var reply = registered
        reply.error = error
        answer(.nodeRegistered(reply), sender, into: &effects)
        guard error == nil else { return }
        if nodes[id]?.isConfirmed != true { enterNode(id, info, adopted: [], at: now, into: &effects) }
    }

    /// An owner does not know what its lost tries have left on nodes: their raylets do.
    func freeStrays(_ message: FreeStrays, into effects: inout GCSEffects) {
        let free = Message.freeObjects(FreeObjects(objects: message.objects))
        for id in Set(message.nodes).sorted() where nodes[id]?.isConfirmed == true {
            tell(WorkerID(raylet: id), free, into: &effects)
        }
    }

    /// What a raylet is told when its node is taken.
    var registered: NodeRegistered {
        NodeRegistered(
            clusterName: settings.clusterName, reconnectMilliseconds: settings.reconnectMilliseconds)
    }

    /// Puts a node to use, with the leases that it serves already.
    mutating func enterNode(
        _ id: NodeID, _ info: NodeInfo, adopted: [AdoptedLease], at now: Instant, into effects: inout GCSEffects
    ) {
        var info = info
        info.address.worker = WorkerID(raylet: id)
        // The label that Ray gives every node, so that a selector can name one.
        info.labels.removeAll { $0.key == NodeLabel.nodeID }
        info.labels.append(NodeLabel(key: NodeLabel.nodeID, value: id.hex))
        let labels = Dictionary(info.labels.map { ($0.key, $0.value) }) { first, _ in first }
        if info.isHead { endFormerHead(before: id, at: now, into: &effects) }
        if nodes[id] == nil {
            nodeCount += 1
            nodeOrder.append(id)
        }
        var record = NodeRecord(info: info, number: nodes[id]?.number ?? nodeCount, at: now)
        record.drain = nodes[id]?.drain
        record.isStoreKnown = nodes[id] == nil
        nodes[id] = record
        effects.log(.info, "node \(record.title) joined with \(info.total)")
        let added = SchedulerInput.nodeAdded(
            id, total: info.total, labels: labels, host: info.address.host, adopted: adopted)
        schedule(added, at: now, into: &effects)
    }

    /// The head's machine was started again: its node of before is gone for good.
    private mutating func endFormerHead(before head: NodeID, at now: Instant, into effects: inout GCSEffects) {
        for id in nodeOrder
        where id != head && nodes[id]?.info.isHead == true && nodes[id]?.isConfirmed == false {
            nodeDied(id, reason: "the head's node was started again", at: now, into: &effects)
        }
    }

    mutating func nodeReported(
        _ report: NodeReport, _ sender: Sender, at now: Instant, into effects: inout GCSEffects
    ) {
        let id = NodeID(raylet: sender.id)
        guard nodes[id] != nil else {
            if let dead = deadNodes[id] { shutDown(id, dead.deathReason, into: &effects) }
            return
        }
        nodes[id]?.lastReport = now
        nodes[id]?.storeUsed = report.storeUsed
        nodes[id]?.info.storeCapacity = report.storeCapacity
        nodes[id]?.objectCount = report.objectCount
        nodes[id]?.isStoreKnown = true
        nodes[id]?.workerCount = report.workerCount
        warnOfWorkers(on: id, at: now, into: &effects)
        guard nodes[id]?.storePrimary != report.storePrimary else { return }
        nodes[id]?.storePrimary = report.storePrimary
        let utilisation = Double(report.storePrimary) / Double(max(1, report.storeCapacity))
        schedule(.storeUsed(id, utilisation: utilisation), at: now, into: &effects)
    }

    /// What the node's store wrote to disk and read back.
    mutating func spillReported(_ report: SpillReport, _ sender: Sender, into effects: inout GCSEffects) {
        guard let id = node(of: sender), let node = nodes[id] else { return }
        nodes[id]?.spill = report
        let limit = settings.spillNoticeBytes
        guard limit > 0, report.spilledBytes >= max(limit, 2 * node.noticedSpillBytes) else { return }
        nodes[id]?.noticedSpillBytes = report.spilledBytes
        let notice =
            "Spilled \(report.spilledBytes >> 20) MiB, \(report.objectCount) objects are on disk. "
            + "Set RAY_verbose_spill_logs=0 to disable this message."
        for job in jobs.keys.sorted() {
            guard let record = jobs[job], !record.isEnded else { continue }
            let lines = LogLines(
                job: job, host: node.info.address.host, processID: node.info.processID, name: "raylet", isError: true,
                lines: [notice])
            tell(record.info.driver.worker, .logLines(lines), into: &effects)
        }
    }

    /// The raylet kills a worker, or that ends itself since its task was cancelled by force: that is the reason of the end
    /// that the raylet reports next.
    mutating func workerKilled(_ killed: WorkerKilled, _ sender: Sender) {
        if sender.role == .worker, killed.worker == sender.id {
            return noteOrder(sender.id, .intendedSystemExit, killed.error.message)
        }
        guard let id = node(of: sender), let node = nodes[id], node.killed.count < GCSLimits.demandsMax else { return }
        var error = killed.error
        error.node = id.hex
        error.host = node.info.address.host
        nodes[id]?.killed[killed.worker] = error
    }

    /// Declares nodes dead that have been silent for too long.
    mutating func endSilentNodes(at now: Instant, into effects: inout GCSEffects) {
        if let lastTick, now.milliseconds(since: lastTick) >= GCSLimits.ownPauseMilliseconds {
            // This process itself was stopped: reports may wait unread.
            for id in nodeOrder { nodes[id]?.lastReport = now }
            return
        }
        for id in nodeOrder {
            guard let node = nodes[id], node.isConfirmed else { continue }
            let silence = now.milliseconds(since: node.lastReport)
            guard silence >= GCSLimits.nodeSilenceMilliseconds else { continue }
            nodeDied(id, reason: "no report for \(silence / 1_000) s", isSudden: true, at: now, into: &effects)
            shutDown(id, "no report for \(silence / 1_000) s", into: &effects)
        }
    }

    /// Removes a node for good; what ran there is lost.
    ///
    /// - Parameter isSudden: whether nobody wanted it, so that all drivers are to know.
    mutating func nodeDied(
        _ id: NodeID, reason: String, isSudden: Bool = false, at now: Instant, into effects: inout GCSEffects
    ) {
        guard var node = nodes.removeValue(forKey: id) else { return }
        if let drain = node.drain, !reason.contains("drained") {
            node.deathReason = "\(reason), while it was \(drain.sentence)"
        } else {
            node.deathReason = reason
        }
        (node.end, node.endMessage) = end(of: node, reason, isSudden: isSudden, at: now)
        node.diedAt = now
        node.workerCount = 0
        nodeOrder.removeAll { $0 == id }
        remember(node, as: id)
        effects.log(.warning, "node \(node.title) left: \(reason)")
        announceDeath(of: id, node, into: &effects)
        if isSudden { warn(ofDeath: id, node, at: now, into: &effects) }
        let workers = peers.filter { $0.value.role == .worker && $0.value.address.node == id && !$0.value.isGone }
        schedule(.nodeRemoved(id, reason: node.deathReason), at: now, into: &effects)
        let error = RayError(
            .nodeDied, "node \(id.hex) (\(node.info.address.host)) left the cluster: \(node.deathReason)", node: id.hex,
            host: node.info.address.host)
        endUnconfirmedActors(on: id, error, at: now, into: &effects)
        let gone = workers.keys.sorted()
        guard !gone.isEmpty else { return }
        for worker in gone { noteEnd(of: worker, .systemError, error.message, at: now) }
        processesGone(gone, at: now, into: &effects)
        for worker in gone { effects.append(.disconnect(worker, reason: "node \(node.title) was declared dead")) }
    }

    /// As in Ray a node that is drained and dies before its deadline has died of something else.
    private func end(
        of node: NodeRecord, _ reason: String, isSudden: Bool, at now: Instant
    ) -> (end: NodeEnd, message: String) {
        if let drain = node.drain, reason.contains("drained") || drain.deadline.map({ $0 <= now }) ?? false {
            return (drain.isPreemption ? .preempted : .idle, drain.message)
        }
        return (isSudden ? .unexpected : .expected, reason)
    }

    private func warn(ofDeath id: NodeID, _ node: NodeRecord, at now: Instant, into effects: inout GCSEffects) {
        // For Ray's tools in its words.
        let words =
            "The node with node id: \(id.hex) and address: \(node.info.address.host) and node name: \(node.info.name) has "
            + "been marked dead: \(node.deathReason). Its machine or raylet crashed, was killed, or is not reached"
        let report = ErrorReport(
            "node_removed", words, job: nil, key: Array(id.hex.utf8), reportedAt: now.nanoseconds)
        self.report(report, into: &effects)
    }

    /// Tells users when a node has many more worker processes than CPUs.
    private mutating func warnOfWorkers(on id: NodeID, at now: Instant, into effects: inout GCSEffects) {
        guard let node = nodes[id] else { return }
        let cpus = max(1, Int(node.info.total[ResourceSet.cpu].value))
        let multiple = (node.workerCount - GCSLimits.workersNotWarnedOf) / cpus
        guard multiple >= node.warnsOfWorkersAt else { return }
        nodes[id]?.warnsOfWorkersAt = multiple + max(1, multiple / 4)
        let words =
            "WARNING: \(node.workerCount) worker processes run on node \(node.title) with \(cpus) CPUs. Actors have a process "
            + "each, tasks that wait in get() make room for others, and those that ask for a part of a CPU run side by side"
        report(
            ErrorReport("worker_pool_large", words, job: nil, key: Array(id.hex.utf8), reportedAt: now.nanoseconds),
            into: &effects)
    }

    /// Tells owners which objects they have lost, and raylets where nothing is to be fetched any more.
    private func announceDeath(of id: NodeID, _ node: NodeRecord, into effects: inout GCSEffects) {
        let message = Message.nodeDied(NodeDied(node: id, name: node.title, reason: node.deathReason))
        for (peer, record) in peers.sorted(by: { $0.key < $1.key }) {
            guard record.role != .commandLine, record.role != .gcs, record.address.node != id else { continue }
            tell(peer, message, into: &effects)
        }
    }

    /// The node whose raylet sent a message, if it lives.
    func node(of sender: Sender) -> NodeID? {
        let id = NodeID(raylet: sender.id)
        return nodes[id] == nil ? nil : id
    }

    func shutDown(_ id: NodeID, _ reason: String, into effects: inout GCSEffects) {
        let order = ShutDownNode(reason: "this node was declared dead: \(reason); start it again to rejoin")
        tell(WorkerID(raylet: id), .shutDownNode(order), into: &effects)
    }
}
