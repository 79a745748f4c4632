//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// How far the disk may be behind what is written to a file, so that its end does not have to wait for long.
///
/// Bytes go to the disk while further ones come. Waiting for each piece would have the disk empty its cache each time, four
/// times as slow; waiting only at the end would hold up the head for as long as a slow disk takes for all of it.
package struct WriteBehind: Sendable {
    /// What may be under way.
    package static let bytesMax = 8 << 20
    private var awaited = 0

    /// Nothing is written.
    package init() {}

    /// The bytes before `end` are written: those that are to be waited for before it goes on.
    package mutating func awaited(after end: Int) -> Range<Int> {
        let due = max(awaited, end - Self.bytesMax)
        defer { awaited = due }
        return awaited..<due
    }
}
