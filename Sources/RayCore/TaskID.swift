//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A task: 8 random bytes, then the 16 bytes of its actor (12 × 0xff and the job for normal tasks).
package struct TaskID: Identifier {
    @usableFromInline package let word0: UInt64
    @usableFromInline package let word1: UInt64
    @usableFromInline package let word2: UInt64

    package static let byteCount = 24

    @inlinable package init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
    }

    @inlinable package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 24, "a TaskID has 24 bytes")
        word0 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        word1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        word2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    }

    @inlinable package func store(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: word0.littleEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: word1.littleEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: word2.littleEndian, toByteOffset: 16, as: UInt64.self)
    }

    /// The words, mixed into one.
    @inlinable package var digest: UInt64 {
        word0
            ^ (word1 &* 0x9e37_79b9_7f4a_7c15)
            ^ (word2 &* 0x9e37_79b9_7f4a_7c15)
    }

    /// Orders by bytes, so that sorting does not depend on the machine.
    package static func < (lhs: TaskID, rhs: TaskID) -> Bool {
        if lhs.word0 != rhs.word0 { return lhs.word0.byteSwapped < rhs.word0.byteSwapped }
        if lhs.word1 != rhs.word1 { return lhs.word1.byteSwapped < rhs.word1.byteSwapped }
        if lhs.word2 != rhs.word2 { return lhs.word2.byteSwapped < rhs.word2.byteSwapped }
        return false
    }

    /// A fresh id for a normal task of `job`.
    package static func normalTask(job: JobID, using generator: inout some RandomNumberGenerator) -> TaskID {
        actorTask(.noActor(job: job), using: &generator)
    }

    /// A fresh id for a call on `actor`.
    package static func actorTask(_ actor: ActorID, using generator: inout some RandomNumberGenerator) -> TaskID {
        TaskID(generator.next(), actor.word0, actor.word1)
    }

    /// The id of the driver's own "task": 20 × 0xff, then the job.
    package static func driver(job: JobID) -> TaskID {
        TaskID(.max, .max, 0xffff_ffff | UInt64(job.value) << 32)
    }

    /// The actor part: a real actor's id, or `ActorID.noActor` for a normal task.
    package var actor: ActorID { ActorID(word1, word2) }

    /// The job in which the task runs.
    package var job: JobID { actor.job }
}
