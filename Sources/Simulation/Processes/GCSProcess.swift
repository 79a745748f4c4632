//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayGCS
internal import RayWire

/// The head: a `GCSCore` and its network.
final class GCSProcess: SimulatedProcess {
    private var core: GCSCore
    private var effects = GCSEffects()

    init(cluster: Cluster) {
        let address = Address(node: .none, worker: .gcs, host: "head", port: 6379, socketPath: "")
        var settings = GCSSettings(address: address, clusterName: "simulation", seed: cluster.plan.seed)
        settings.plantsGrantTwice = cluster.options.plantedFault == .grantTwice
        core = GCSCore(settings: settings)
        super.init(cluster: cluster, address: address, role: .gcs, name: "gcs")
    }

    func start() { wantTick(at: core.nextWake) }

    /// The cluster as the GCS sees it.
    var status: ClusterStatus { core.clusterStatus() }

    override func receive(_ message: Message, requestID: UInt64, from peer: WorkerID) {
        step(.message(message, requestID: requestID, from: peer))
    }

    override func peerUp(_ peer: SimulatedProcess) {
        step(.peerUp(peer.id, role: peer.role, address: peer.address))
    }

    override func peerLost(_ peer: WorkerID, _ reason: String) { step(.peerLost(peer, reason: reason)) }
    override func ticked() { step(.tick) }

    private func step(_ input: GCSInput) {
        core.receive(input, at: cluster.now, into: &effects)
        for effect in effects.items {
            switch effect {
            case .send(let message, let requestID, let peer):
                cluster.oracle.sentByGCS(message, to: peer, in: cluster)
                send(message, requestID: requestID, to: peer)
            case .connect(let address): cluster.connect(self, to: address)
            case .disconnect(let peer, let reason): cluster.disconnect(self, from: peer, reason: reason)
            case .log(_, let text): cluster.note("gcs: \(text)")
            }
        }
        effects.removeAll()
        if let violation = core.checkInvariants().first { cluster.fail("gcs: \(violation)") }
        wantTick(at: core.nextWake)
    }
}
