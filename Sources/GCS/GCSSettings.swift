//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What distinguishes one GCS from another.
package struct GCSSettings: Sendable {
    /// Where the GCS itself is reached.
    package var address: Address
    /// Name of the session.
    package var clusterName: String
    /// Seed of all random choices.
    package var seed: UInt64
    /// Whether anybody who reaches the address is let in without a token; `ray status` warns of it.
    package var isOpen = false
    /// What is recorded of tasks.
    package var trace = TraceSettings()
    /// A fault for the simulator to find: the scheduler grants some resources twice. Never set in real use.
    package var plantsGrantTwice = false
    /// Another: what a removed placement group reserved is not free again.
    package var plantsKeptBundles = false
    /// Another: a new start does not know where bundles were.
    package var plantsForgottenBundles = false
    /// Another: waits for placement groups have no limit.
    package var plantsEndlessWaits = false
    /// Whether changes are written to a journal.
    package var isDurable = false
    /// How long processes wait for this GCS when it is away; 0 if it does not come back.
    package var reconnectMilliseconds = 0
    /// How long after a new start nodes, drivers and workers may take to come back.
    package var recoveryMilliseconds = 10_000

    /// How long a file that nobody uses is kept after it was brought or asked for.
    package var fileGraceMilliseconds = 600_000
    /// Drivers hear of a node's spills when there are so many bytes, and whenever that has doubled; 0 for never.
    package var spillNoticeBytes = 2 << 30
    /// Up to which share of their use nodes are packed, from 0 to 1.
    package var spreadThreshold = 0.5

    package init(address: Address, clusterName: String, seed: UInt64) {
        self.address = address
        self.clusterName = clusterName
        self.seed = seed
    }
}

/// Named limits of the GCS; what goes beyond is refused with an error that names the limit.
package enum GCSLimits {
    package static let peersMax = 200_000
    package static let nodesMax = 20_000
    /// Dead nodes that are remembered.
    package static let deadNodesMax = 1_000
    /// Processes that are remembered after they were taken for dead.
    package static let goneProcessesMax = 10_000
    package static let jobsMax = 100_000
    /// Jobs that are over and remembered.
    package static let endedJobsMax = 1_000
    /// Drivers and workers that are gone and remembered.
    package static let endedWorkersMax = 1_000
    /// Rows of one list, and filters.
    package static let stateRowsMax = 10_000
    package static let stateFiltersMax = 20
    package static let leasesMax = 500_000
    package static let leasesPerOwnerMax = 20_000
    /// Different resources in one request.
    package static let resourcesPerRequestMax = 4_096
    /// Nodes in one request's locality; further ones are ignored.
    package static let localityNodesMax = 16
    /// How long the last calls of an actor without handles may take (Ray's `actor_graceful_shutdown_timeout_ms`).
    package static let actorDrainMilliseconds = 30_000
    package static let actorsMax = 200_000
    /// Dead actors that are remembered with their cause of death.
    package static let deadActorsMax = 1_000
    /// Dead actors of which only the id is remembered.
    package static let forgottenActorsMax = 100_000
    /// Actors that do not exist yet and are waited for.
    package static let awaitedActorsMax = 100_000
    /// Largest thrown value that is kept with a dead actor, in bytes.
    package static let errorPayloadBytesMax = 64 << 10
    /// Placement groups that are not removed, and all of their bundles.
    package static let groupsMax = 10_000
    package static let bundlesMax = 100_000
    /// Removed placement groups that are remembered.
    package static let deadGroupsMax = 1_000
    package static let groupsPerReplyMax = 1_000
    package static let groupWaitersMax = 10_000
    /// Longest wait for a group, in one message.
    package static let groupWaitMillisecondsMax = 86_400_000
    /// Longest time that a node may be draining.
    package static let drainMillisecondsMax = 366 * 86_400_000
    /// Questions why something waits that are open at a time, owners asked for each, and how long they have.
    package static let explainsMax = 100
    package static let explainOwnersMax = 1_000
    package static let explainMilliseconds = 1_000
    /// Things named in one answer.
    package static let explainLinesMax = 100
    /// Lists of objects that are made at a time, who is asked for each, how many objects are kept for it, how long the
    /// others have, and how many who did not answer are named.
    package static let objectListsMax = 4
    package static let objectHoldersMax = 2_000
    package static let listedObjectsMax = 100_000
    package static let objectListMilliseconds = 2_000
    package static let silentNamedMax = 5
    package static let keysMax = 1_000_000
    package static let valueBytesMax = 32 << 20
    /// All keys and values together, in bytes.
    package static let keyValueBytesMax = 1 << 30
    /// Keys in one answer, in bytes.
    package static let keysReplyBytesMax = 32 << 20
    package static let channelsMax = 10_000
    package static let subscriptionsPerPeerMax = 100_000
    package static let publishBytesMax = 8 << 20
    /// Workers of a node that nobody is warned of, and how many further ones there may be for each CPU.
    package static let workersNotWarnedOf = 8
    package static let workersPerCPUWarned = 4
    package static let filesMax = 100_000
    /// How often is looked for files that nobody uses.
    package static let fileCheckMilliseconds = 1_000
    /// Groups of waiting requests in one status.
    package static let demandsMax = 1_000
    /// Requests whose reason is looked at in one tick.
    package static let noticesPerTickMax = 100

    /// Longest pause between two ticks.
    package static let tickMilliseconds = 100
    /// How long nothing may go on for want of resources before Python is asked to collect garbage, which may hold actors;
    /// and how often that is asked (Ray's `global_gc_min_interval_s`).
    package static let stalledMilliseconds = 1_000
    package static let collectionMilliseconds = 30_000
    /// A node without a report for so long is dead.
    package static let nodeSilenceMilliseconds = 5_000
    /// After a pause of its own this long the GCS trusts no silence: it may have missed reports.
    package static let ownPauseMilliseconds = 1_000
    /// A request that waits longer is told why.
    package static let pendingNoticeMilliseconds = 1_000
    /// Time between two looks at why a request waits.
    package static let pendingAgainMilliseconds = 5_000
    /// A worker whose link is lost is killed if its raylet has not reported its end by then.
    package static let lostWorkerMilliseconds = 1_000
    /// First and longest pause before an actor that fails again and again is started again.
    package static let restartDelayMilliseconds = 100
    package static let restartDelayMillisecondsMax = 10_000
}
