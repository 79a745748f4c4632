//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// One node as the scheduler sees it, or the part of a node that a bundle of a placement group reserves.
struct SchedulerNode: Sendable {
    let id: NodeID
    let host: String
    let labels: [String: String]
    var total: ResourceSet
    /// The bundle that it is; nothing for a node itself.
    let bundle: BundleKey?
    /// The shares of the node's devices that a bundle has.
    let homeShares: [AcceleratorShare]
    /// What nobody holds: `total` less `reserved` and what every lease on the node holds at the moment.
    var available: ResourceSet { didSet { measureUtilisation() } }
    /// The share of the node's object store that primary copies fill, from 0 to 1.
    var storeUtilisation = 0.0 { didSet { measureUtilisation() } }
    /// The share in use of the most used critical resource (CPU, memory and the object store, as in Ray), from 0 to 1.
    private(set) var utilisation = 0.0
    var devices: AcceleratorInstances
    var leases: Set<LeaseID> = []
    /// Leases that want their CPU again, first come first served.
    var resumeQueue: [LeaseID] = []
    /// What actors hold at the moment: nobody should wait for it.
    var heldByActors = ResourceSet()
    /// What bundles of placement groups reserve.
    var reserved = ResourceSet()
    /// Whether it will leave: it takes nothing new.
    var isDraining = false
    /// How many leases hold nothing; used to spread those.
    var holdingNothingCount = 0

    init(id: NodeID, total: ResourceSet, labels: [String: String], host: String) {
        self.id = id
        self.host = host
        self.labels = labels
        var sound = ResourceSet()
        for entry in total.entries where entry.amount > .zero { sound[entry.name] = entry.amount }
        sound = AcceleratorInstances.capped(sound)
        self.total = sound
        available = sound
        devices = AcceleratorInstances(total: sound)
        bundle = nil
        homeShares = []
    }

    /// What a bundle reserves on `home`.
    init(bundle: BundleKey, resources: ResourceSet, shares: [AcceleratorShare], on home: SchedulerNode) {
        id = home.id
        host = home.host
        labels = home.labels
        total = resources
        available = resources
        devices = AcceleratorInstances(parts: shares, of: home.devices)
        self.bundle = bundle
        homeShares = shares
        isDraining = home.isDraining
    }

    var pool: PoolID { bundle.map { .bundle($0) } ?? .node(id) }

    var hasGPU: Bool { devices.has(.gpu) }

    /// Whether the node, when idle, has what `shape` asks for.
    func couldFit(_ shape: ResourceSet) -> Bool {
        total.contains(shape) && devices.couldHold(shape)
    }

    /// Whether the node has now what `shape` asks for.
    func fits(_ shape: ResourceSet) -> Bool {
        available.contains(shape) && devices.canGive(shape)
    }

    /// The accelerator of which `shape` cannot have what it asks for, though there is enough of it in pieces.
    func inPieces(_ shape: ResourceSet) -> String? {
        shape.accelerators.map(\.kind.resource).first { name in !devices.canGive(shape.filter { $0 == name }) }
    }

    // Kept, not computed when asked for: the policies read it of every node.
    private mutating func measureUtilisation() {
        var highest = storeUtilisation
        for name in [ResourceSet.cpu, ResourceSet.memory, ResourceSet.objectStoreMemory] {
            let total = total[name].units
            guard total > 0 else { continue }
            highest = max(highest, Double(total - available[name].units) / Double(total))
        }
        utilisation = highest
    }

    /// Whether leases that want `cpu` again can have it without an actor or a placement group ending first.
    func canResume(_ cpu: ResourceAmount) -> Bool {
        cpu <= total[ResourceSet.cpu] - heldByActors[ResourceSet.cpu] - reserved[ResourceSet.cpu]
    }
}
