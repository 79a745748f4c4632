//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// An object: the 24 bytes of the task that made it, then a 32-bit little-endian index.
///
/// Index space of a task with N declared returns, as in Ray 2.60: 1…N returns, N+1…N+100,000,000
/// generator items, from N+100,000,001 on `put`.
package struct ObjectID: WideIdentifier {
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

    /// Generator items that one task can make (`max_num_generator_returns`): the gap before puts.
    package static let generatorReturnsMax: UInt32 = 100_000_000

    /// The id of return value `index` (from 0) of `task`.
    package static func taskReturn(_ task: TaskID, index: Int) -> ObjectID {
        ObjectID(task.word0, task.word1, task.word2, UInt32(index + 1))
    }

    /// The id of item `index` (from 0) that the generator `task` makes, which declares one return.
    package static func generatorItem(_ task: TaskID, index: Int) -> ObjectID {
        ObjectID(task.word0, task.word1, task.word2, UInt32(index + 2))
    }

    /// The object that stands for the handles of `actor` where references are counted: 8 × 0xff, then the actor.
    package static func actorHandle(_ actor: ActorID) -> ObjectID {
        ObjectID(.max, actor.word0, actor.word1, 1)
    }

    /// The actor whose handles the object stands for, if it does.
    package var actorOfHandle: ActorID? {
        word0 == .max && tail == 1 ? ActorID(word1, word2) : nil
    }

    /// The id of put number `count` (from 1) of `task`, which declares `returns` values.
    ///
    /// The first byte of the task part is the attempt number, so a retry never meets the puts of the
    /// attempt before it (ray-core-semantics, section 0).
    package static func put(_ task: TaskID, returns: Int, attempt: Int, count: UInt32) -> ObjectID {
        let word0 = task.word0 & ~0xff | UInt64(UInt8(truncatingIfNeeded: attempt))
        return ObjectID(word0, task.word1, task.word2, UInt32(returns) + generatorReturnsMax + count)
    }

    /// The task part; for a put its first byte is the attempt number.
    package var task: TaskID { TaskID(word0, word1, word2) }

    /// The index part.
    package var index: UInt32 { tail }

    /// The job in which the object was made.
    package var job: JobID { task.job }
}
