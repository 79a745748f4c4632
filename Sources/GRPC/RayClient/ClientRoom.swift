//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// Room in the object store for one object, which is written as it comes.
package protocol ClientRoom: Sendable {
    /// How it stands now.
    var standing: RoomStanding { get }
    /// Waits until it is granted or refused, `milliseconds` at most.
    func wait(milliseconds: Int)
    /// Writes a part of the object; it is granted, and the part lies within.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int)
    /// What was written in a part of it; nothing once it is sealed or given back.
    func read(at offset: Int, count: Int) -> ByteBuffer?
    /// All is written: the object's id, which counts as one reference. Nothing if it is refused.
    func seal() -> ObjectKey?
    /// The object is not wanted any more.
    func abort()
}

/// How room in the object store stands.
package enum RoomStanding: Equatable, Sendable {
    /// It was asked for.
    case awaited
    case granted
    /// There is none.
    case refused
}
