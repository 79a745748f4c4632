//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayObjectStore
internal import RayWire

extension Cluster {
    /// Some time after the last driver ended nothing is left of what they did.
    func checkQuiescence() {
        guard doneAt != nil else { return fail("the run ended before its drivers did: no event was left") }
        let living = raylets.filter(\.isAlive)
        for raylet in living {
            if raylet.store.core.used != 0 || raylet.store.core.sealedCount != 0 {
                let objects = raylet.store.objects.map(\.short).joined(separator: ", ")
                fail(
                    "the store of \(raylet.name) still has \(raylet.store.core.sealedCount) objects, "
                        + "\(raylet.store.core.used) bytes: \(objects)"
                )
            }
            if !raylet.store.disk.files.isEmpty {
                fail("\(raylet.store.disk.files.count) files are left on the disk of \(raylet.name)")
            }
            if !raylet.store.pins.isEmpty {
                fail("\(raylet.store.pins.count) objects of \(raylet.name) are still read")
            }
            for (_, worker) in raylet.workers.sorted(by: { $0.key < $1.key }) where worker.isAlive {
                fail("\(worker.name) of \(raylet.name) still lives")
            }
        }
        guard let gcs else { return }
        let status = gcs.status
        let reservations = gcs.reservations
        if reservations.bundles != 0 { fail("\(reservations.bundles) bundles are still reserved at the end") }
        if reservations.groups != 0 { fail("\(reservations.groups) placement groups outlived their jobs") }
        for node in status.nodes where node.isAlive {
            if node.available != node.info.total {
                fail("\(node.info.name) has \(node.available) of \(node.info.total) available at the end")
            }
        }
        let known = Set(status.nodes.filter(\.isAlive).map(\.info.address.worker))
        for raylet in living where !known.contains(raylet.id) { fail("the GCS does not know \(raylet.name)") }
        if known.count != living.count { fail("the GCS knows \(known.count) nodes, not \(living.count)") }
        if status.jobs != 0 { fail("\(status.jobs) jobs still run") }
        if status.actorsAlive + status.actorsPending != 0 { fail("actors outlived their jobs") }
        if !status.demands.isEmpty { fail("requests for leases wait for nobody") }
    }
}
