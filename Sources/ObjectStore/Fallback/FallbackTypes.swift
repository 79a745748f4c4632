//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// When an object gets room in the fallback file.
package struct FallbackPolicy: Hashable, Sendable {
    /// How long neither eviction nor spilling helps before the file is taken.
    package var graceMilliseconds = 2_000
    /// When the disk is asked again after it had no room.
    package var retryMilliseconds = 1_000
    /// Bytes that the file never exceeds, whatever the disk has.
    package var capacity = 1 << 46

    package init() {}
}

/// What is in the fallback file, and who waits for its disk.
struct FallbackState: Sendable {
    /// Ranges of the file, which are whole pages.
    var allocator: RangeAllocator
    /// Since when nothing helps those who wait for room; nothing while anything does.
    var fullSince: Instant?
    /// The disk has no room.
    var trouble: DiskState.Trouble?
    /// Requests that have a range for which the disk sets blocks aside.
    var reserving: [EntryHandle: ObjectStoreCore.Request] = [:]

    init(_ policy: FallbackPolicy?) { allocator = RangeAllocator(capacity: policy?.capacity ?? 0) }
}

/// A range of the fallback file that a thread of its own prepares or gives back.
package struct FallbackRange: Sendable {
    /// The file.
    package let file: FallbackFile
    /// Bytes of it.
    package let bytes: Range<Int>
}
