//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What distinguishes workers: only leases with the same key can use one.
struct PoolKey: Hashable, Sendable {
    var job: JobID
    var program: Program
    /// A process sees the devices that it was started with.
    var acceleratorIDs: [AcceleratorID]
    /// A process has the variables and the folder that it was started with.
    var environment: RuntimeEnvironmentSpec?
    /// A process stays on the memory node that it was started on.
    var isOnOneMemoryNode: Bool
}

/// A lease that the GCS assigned to this node.
///
///     waiting ──▶ serving ──▶ (released, or its worker exited)
///        └──────▶ (failed, or released before a worker was there)
struct Lease: Sendable {
    var id: LeaseID
    var key: PoolKey
    /// Who asked for it; the control store for actors.
    var owner: Address
    /// What it holds on the node.
    var held: ResourceSet
    /// The bundle that it takes that from.
    var bundle: BundleKey?
    /// The actor that lives in the worker; such a worker is never used again.
    var actor: ActorID?
    /// The start token of the worker that serves it; nothing while it waits.
    var worker: UInt64?
}
