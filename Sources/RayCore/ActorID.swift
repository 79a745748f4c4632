//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// An actor: 12 random bytes, then the 4 bytes of the job that created it.
package struct ActorID: Identifier {
    @usableFromInline package let word0: UInt64
    @usableFromInline package let word1: UInt64

    package static let byteCount = 16

    @inlinable package init(_ word0: UInt64, _ word1: UInt64) {
        self.word0 = word0
        self.word1 = word1
    }

    @inlinable package init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 16, "an ActorID has 16 bytes")
        word0 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        word1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    @inlinable package func store(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: word0.littleEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: word1.littleEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// The words, mixed into one.
    @inlinable package var digest: UInt64 {
        word0
            ^ (word1 &* 0x9e37_79b9_7f4a_7c15)
    }

    /// Orders by bytes, so that sorting does not depend on the machine.
    package static func < (lhs: ActorID, rhs: ActorID) -> Bool {
        if lhs.word0 != rhs.word0 { return lhs.word0.byteSwapped < rhs.word0.byteSwapped }
        if lhs.word1 != rhs.word1 { return lhs.word1.byteSwapped < rhs.word1.byteSwapped }
        return false
    }

    /// A fresh actor id in `job`.
    package static func random(job: JobID, using generator: inout some RandomNumberGenerator) -> ActorID {
        let low = generator.next() & 0xffff_ffff
        return ActorID(generator.next(), low | UInt64(job.value) << 32)
    }

    /// The job that created the actor.
    package var job: JobID { JobID(UInt32(truncatingIfNeeded: word1 >> 32)) }

    /// The actor part of a normal task's id: 12 bytes 0xff, then the job.
    package static func noActor(job: JobID) -> ActorID {
        ActorID(.max, 0xffff_ffff | UInt64(job.value) << 32)
    }
}
