//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A link between two processes: two `LinkCore`s and the connection between them, if there is one now.
final class SimulatedLink {
    /// One side of the link. Side 0 dials.
    struct End {
        var process: SimulatedProcess
        var core: LinkCore
        var decoder = FrameDecoder(payloadBytesMax: Limits.framePayloadBytesMax, initialCapacity: 4096)
        /// Number of the connection that this side uses; 0 for none.
        var epoch = 0
        /// Whether this side's process knows the link.
        var isAttached: Bool
        /// Whether `peerUp` was reported.
        var isReported = false
        /// Nothing arrives here before this: connections keep the order of bytes.
        var lastArrival = Instant.zero
        /// The tick that is in the queue.
        var tickAt = Instant.distantFuture
        /// How many bytes of the next frame still come through after the connection was cut; nothing if it was not.
        var cutBytes: Int?
        /// Whether something came that is to be read together with what follows it.
        var isReadDue = false
        /// Number of the latest message that went out, and whether the next one is lost with the connection.
        var highestSent: UInt64 = 0
        var losesNext = false
    }

    let number: Int
    let isSameNode: Bool
    var ends: [End]
    /// Number of the last connection.
    var epoch = 0
    /// Attempts to connect fail before this.
    var blockedUntil = Instant.zero
    var isDialing = false
    /// The message after which the side that gets it loses its next one.
    var answeredSequence: (side: Int, sequence: UInt64)?

    init(
        number: Int, isSameNode: Bool, dialing: SimulatedProcess, target: SimulatedProcess,
        configurations: [LinkCore.Configuration], at now: Instant
    ) {
        self.number = number
        self.isSameNode = isSameNode
        ends = [
            End(process: dialing, core: LinkCore(configurations[0], at: now), isAttached: true),
            End(process: target, core: LinkCore(configurations[1], at: now), isAttached: false),
        ]
    }

    var isConnected: Bool { ends[0].epoch != 0 && ends[0].epoch == ends[1].epoch }
}
