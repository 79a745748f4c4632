//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// What the GCS's core wants done, in this order.
package enum GCSEffect: Hashable, Sendable {
    /// Send a message to a peer that has a link, or to which `connect` came before.
    case send(Message, requestID: UInt64, to: WorkerID)
    /// Open a link unless there is one; a failure is told by `peerLost`.
    case connect(Address)
    /// End the link to a peer and tell it why; no `peerLost` need follow.
    case disconnect(WorkerID, reason: String)
    case log(GCSLogLevel, String)
    /// Delete a file of the archive by its hash, unless the core has got it again meanwhile.
    case deleteFile(String)
    /// Make these changes durable before anything that follows is done.
    case persist([JournalRecord])
}

/// How much a line of the log matters.
package enum GCSLogLevel: Hashable, Sendable {
    case info, warning, error
}

/// A buffer of effects in the order in which they are to be performed; reused between inputs.
package struct GCSEffects: Sendable {
    package private(set) var items: [GCSEffect] = []

    package init() {}

    /// Forgets all effects and keeps the memory.
    package mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    mutating func append(_ effect: GCSEffect) { items.append(effect) }

    mutating func insert(_ effect: GCSEffect, at index: Int) { items.insert(effect, at: index) }

    mutating func send(_ message: Message, requestID: UInt64 = 0, to peer: WorkerID) {
        items.append(.send(message, requestID: requestID, to: peer))
    }

    mutating func log(_ level: GCSLogLevel, _ text: String) { items.append(.log(level, text)) }
}
