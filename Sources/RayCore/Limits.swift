//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Named limits, checked before memory is taken or work is queued.
package enum Limits {
    /// Largest payload of one frame, in bytes.
    package static let framePayloadBytesMax = 64 << 20
    /// Results and puts up to this size travel inside messages (Ray's `max_direct_call_object_size`).
    package static let inlineObjectBytesMax = 100 << 10
    /// Values inside one message together (Ray's `task_rpc_inlined_bytes_limit`); the others go by reference or the store.
    package static let inlineBytesPerMessageMax = 10 << 20
    /// Largest error that is sent, in bytes: what is over it goes without what was thrown.
    package static let errorBytesMax = 32 << 20
    /// Size of one chunk of an object or executable between nodes, in bytes.
    package static let chunkBytes = 1 << 20
    /// Chunks of one object that are asked for at the same time.
    package static let chunksInFlightMax = 8
    /// Largest object, in bytes.
    package static let objectBytesMax = 1 << 44
    /// Longest name (actor, namespace, resource, key), in bytes.
    package static let nameBytesMax = 4096
    /// Variables of a runtime environment, with their names, in bytes; the kernel takes 128 KiB of one.
    package static let environmentBytesMax = 64 << 10
    /// Largest number of things or bytes that a message tells: 64 PiB, of which a hundred fit into a number.
    package static let numberMax = 1 << 56
    /// Most elements of a list in a message.
    package static let listCountMax = 1 << 20
    /// Tasks pushed to one worker ahead of their start.
    package static let tasksInFlightPerLeaseMax = 256
    /// Pause between two attempts to reach a head that is away.
    package static let headRetryMilliseconds = 50
    /// Most leases one owner asks for at a time, per shape.
    package static let leaseRequestsInFlightMax = 16
}
