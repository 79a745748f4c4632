//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A process of the cluster: a core with what drives it.
class SimulatedProcess {
    unowned let cluster: Cluster
    var address: Address
    let role: ProcessRole
    let name: String
    var isAlive = true
    /// Whether its machine is gone with it, so that nobody even hears that connections end.
    var isSilent = false
    /// The links that this process knows, by peer.
    var links: [WorkerID: SimulatedLink] = [:]
    /// The tick that is in the queue.
    private var tickAt = Instant.distantFuture

    var id: WorkerID { address.worker }
    var host: String { address.host }

    init(cluster: Cluster, address: Address, role: ProcessRole, name: String) {
        self.cluster = cluster
        self.address = address
        self.role = role
        self.name = name
    }

    func receive(_ message: Message, requestID: UInt64, from peer: WorkerID) {}
    /// All messages that came together were given.
    func messagesEnd() {}
    func peerUp(_ peer: SimulatedProcess) {}
    func peerLost(_ peer: WorkerID, _ reason: String) {}
    /// The time that was wanted by `wantTick`, or an earlier one, has come.
    func ticked() {}

    func tick() {
        guard cluster.now >= tickAt else { return }
        tickAt = .distantFuture
        ticked()
    }

    /// Has `ticked` called at `time`, at the latest.
    func wantTick(at time: Instant) {
        guard time < tickAt, time != .distantFuture else { return }
        let soon = Instant(nanoseconds: cluster.now.nanoseconds + 1_000)
        tickAt = max(time, soon)
        cluster.queue.add(.processTick(self), at: tickAt)
    }

    func send(_ message: Message, requestID: UInt64 = 0, to peer: WorkerID) {
        cluster.send(message, requestID: requestID, from: self, to: peer)
    }
}
