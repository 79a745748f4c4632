//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A process that owns objects (driver or worker): 28 bytes; a driver's begin with its job id.
package struct WorkerID: WideIdentifier {
    @usableFromInline package let word0: UInt64
    @usableFromInline package let word1: UInt64
    @usableFromInline package let word2: UInt64
    @usableFromInline package let tail: UInt32

    @inlinable package init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ tail: UInt32) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.tail = tail
    }

    /// The worker id of the driver of `job`: the job id, then 0xff.
    package static func driver(job: JobID) -> WorkerID {
        WorkerID(UInt64(job.value) | 0xffff_ffff << 32, .max, .max, .max)
    }
}
