//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// What one raylet is and its limits.
package struct RayletSettings: Sendable {
    /// The node as it joins.
    package var info: NodeInfo
    /// Idle workers that are kept, and workers that may start at the same time.
    package var cpuCount: Int
    /// Where the control store is; resolved anew at each attempt if it is a name.
    package var gcs = Address.none
    /// First number for start tokens and requests; a driver makes it random.
    package var firstNumber: UInt64
    /// A worker must have reported within this time of its start, if its program or environment says nothing else.
    package var startMillisecondsMax = 10_000
    /// A killed process must be gone within this time, else its lease is answered without its last lines.
    package var killMillisecondsMax = 5_000
    /// What a process said before it ended must be read within this time: something that it started may keep the other end
    /// of its link open.
    package var lastWordsMillisecondsMax = 1_000
    /// Starts that fail one after the other before all leases that wait for the program fail.
    package var startFailuresMax = 3
    /// Idle workers beyond the number of CPUs end after this time.
    package var idleMillisecondsMax = 5_000
    /// A worker that was told to end is killed after this time.
    package var exitMillisecondsMax = 2_000
    package var chunkBytes = Limits.chunkBytes
    package var chunksInFlightMax = Limits.chunksInFlightMax
    /// One piece of an object must arrive within this time.
    package var chunkMillisecondsMax = 30_000
    /// A link to another raylet must be up within this time.
    package var connectMillisecondsMax = 10_000
    /// Bytes of objects that are pulled at the same time; one object may be larger.
    package var fetchBytesMax = 256 << 20
    package var reportMilliseconds = 1_000
    package var memory = MemorySettings()
    /// An executable that was brought here is deleted when nobody has used it for so long: as the head does with those that
    /// nobody holds.
    package var programIdleMilliseconds = 600_000
    /// A package must be fetched and unpacked within this time (Ray's `setup_timeout_seconds`).
    package var packageMillisecondsMax = 600_000
    /// Bytes of unpacked packages beyond which those are deleted that no process uses.
    package var packageCacheBytesMax = 10 << 30
    /// The machine's memory nodes, over which workers are spread; fewer than two mean nothing.
    package var memoryNodes: [MemoryNode] = []
    /// What is recorded of transfers and spills.
    package var trace = TraceSettings()
    /// A fault for the simulation to find: owners are not told of copies.
    package var plantsSilentCopies = false
    /// Another: what a process said before its end is not waited for.
    package var plantsHastyEnd = false

    /// Settings with the usual limits.
    package init(info: NodeInfo, cpuCount: Int, firstNumber: UInt64 = 1) {
        self.info = info
        self.cpuCount = max(1, cpuCount)
        self.firstNumber = max(1, firstNumber)
    }

    /// Workers that may be starting at the same time.
    package var workersStartingMax: Int { max(2, cpuCount) }
}
