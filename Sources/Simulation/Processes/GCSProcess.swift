//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayGCS
internal import RayWire

/// The head: a `GCSCore`, its journal and its network. Each start of it is a process of its own.
final class GCSProcess: SimulatedProcess {
    private var core: GCSCore
    private var effects = GCSEffects()
    private let journal: MemoryJournal
    /// Dies when so many more effects were performed.
    private var effectsLeft: Int?

    /// - Parameter journal: what the head before this one has left.
    init(cluster: Cluster, journal: MemoryJournal) throws(RayError) {
        self.journal = journal
        let address = Address(node: .none, worker: .gcs, host: "head", port: 6379, socketPath: "")
        let seed = cluster.plan.seed &+ UInt64(cluster.killCounts.heads)
        var settings = GCSSettings(address: address, clusterName: "simulation", seed: seed)
        settings.plantsGrantTwice = cluster.options.plantedFault == .grantTwice
        settings.plantsKeptBundles = cluster.options.plantedFault == .keepBundles
        settings.plantsForgottenBundles = cluster.options.plantedFault == .forgetBundles
        settings.plantsEndlessWaits = cluster.options.plantedFault == .endlessWait
        settings.isDurable = cluster.options.headDies
        settings.reconnectMilliseconds = cluster.reconnectMilliseconds
        core = try GCSCore(settings: settings, records: journal.recover(), at: cluster.now)
        super.init(cluster: cluster, address: address, role: .gcs, name: "gcs")
    }

    func start() { wantTick(at: core.nextWake) }

    /// Has the head die in the midst of what it does: after so many more effects.
    func die(afterEffects count: Int) { effectsLeft = count }

    /// The cluster as the GCS sees it.
    var status: ClusterStatus { core.clusterStatus() }

    /// Placement groups that are not removed, and bundles that nodes reserve.
    var reservations: (groups: Int, bundles: Int) { core.reservations }

    func hasNode(_ id: NodeID) -> Bool { core.hasNode(id) }

    func isOverdrawn(_ lease: LeaseID) -> Bool { core.isOverdrawn(lease) }

    override func receive(_ message: Message, requestID: UInt64, from peer: WorkerID) {
        step(.message(message, requestID: requestID, from: peer))
    }

    override func peerUp(_ peer: SimulatedProcess) {
        step(.peerUp(peer.id, role: peer.role, address: peer.address))
    }

    override func peerLost(_ peer: WorkerID, _ reason: String) { step(.peerLost(peer, reason: reason)) }
    override func ticked() { step(.tick) }

    private func step(_ input: GCSInput) {
        guard isAlive else { return }
        core.receive(input, at: cluster.now, into: &effects)
        if let violation = core.checkInvariants().first { cluster.fail("gcs: \(violation)") }
        for effect in effects.items {
            if let left = effectsLeft {
                guard left > 0 else { return cluster.killHead() }
                effectsLeft = left - 1
            }
            perform(effect)
        }
        effects.removeAll()
        wantTick(at: core.nextWake)
    }

    private func perform(_ effect: GCSEffect) {
        switch effect {
        case .send(let message, let requestID, let peer):
            cluster.oracle.sentByGCS(message, to: peer, in: cluster)
            send(message, requestID: requestID, to: peer)
        case .connect(let address): cluster.connect(self, to: address)
        case .disconnect(let peer, let reason): cluster.disconnect(self, from: peer, reason: reason)
        case .log(_, let text): cluster.note("gcs: \(text)")
        case .deleteFile: break  // Programs of the simulation are no files.
        case .persist(let records): journal.append(records)
        }
    }
}
