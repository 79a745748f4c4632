//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Synchronization

/// What threads sleep on until something has happened.
///
/// Who waits reads `current`, then looks for what it waits for, and sleeps only as long as the count stays at what it
/// read: an event between the look and the sleep is not missed. What is looked at has a lock of its own.
///
/// Unchecked: the pointer never changes, the word is atomic, and the kernel compares it before it puts a thread to sleep.
package final class EventCount: @unchecked Sendable {
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    /// Nothing has happened.
    package init() {
        word = .allocate(capacity: 1)
        word.initialize(to: Atomic(0))
    }

    deinit {
        word.deinitialize(count: 1)
        word.deallocate()
    }

    /// How much has happened; to be read before looking.
    package var current: UInt32 { word.pointee.load(ordering: .sequentiallyConsistent) }

    /// Something has happened, and so many of those who wait look again.
    package func raise(waking count: Int32 = .max) {
        word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        ray_futex_wake(futex, count)
    }

    /// Sleeps until something has happened since `seen` was read, up to `milliseconds`; may return for no reason.
    package func wait(after seen: UInt32, milliseconds: Int) {
        ray_futex_wait(futex, seen, UInt64(UInt32(clamping: milliseconds)) * 1_000)
    }

    private var futex: UnsafeMutablePointer<UInt32> {
        UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self)
    }
}
