//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// A lease as a node serves it.
func held(
    _ lease: LeaseID, actor: ActorID? = nil, worker index: UInt64 = 1, in bundle: BundleKey? = nil, cpus: Double = 1,
    on node: UInt64 = 0
) -> HeldLease {
    HeldLease(
        lease: lease, job: JobID(1), owner: address(actor == nil ? driver(1) : .gcs, on: 0),
        held: ResourceSet([(ResourceSet.cpu, cpus)]), actor: actor,
        worker: address(worker(index), on: node),
        processID: Int32(100 + index), bundle: bundle)
}

/// Processes that come back after a new start.
extension GCSHarness {
    mutating func rejoinNode(_ leases: [HeldLease], of index: UInt64 = 0, cpus: Double = 4) {
        give(.peerUp(raylet(index), role: .raylet, address: address(raylet(index), on: index)))
        let message = RejoinNode(
            info: info(index, cpus: cpus), clusterName: "session_1", leases: leases, jobs: [JobID(1)], owners: [])
        send(.rejoinNode(message), from: raylet(index))
    }

    mutating func rejoinDriver(
        leases: [LeaseID] = [], on index: UInt64 = 0, requests: [LeaseID] = [], abandoned: [LeaseID] = []
    ) {
        give(.peerUp(driver(1), role: .driver, address: address(driver(1), on: 0)))
        let owned = leases.map { OwnedWorker(lease: $0, node: node(index)) }
        let message = Rejoin(
            job: JobID(1), clusterName: "session_1", leases: owned, requests: requests, abandoned: abandoned)
        send(.rejoin(message), from: driver(1))
        #expect(sent(.rejoined(Rejoined()), to: driver(1)))
    }

    mutating func rejoinWorker(_ index: UInt64) {
        give(.peerUp(worker(index), role: .worker, address: address(worker(index), on: 0)))
        send(.rejoin(Rejoin(job: JobID(1), clusterName: "", leases: [], requests: [])), from: worker(index))
    }
}
