//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What a process keeps until its job ends, because references to it left inside values.
struct EscapeCount: Sendable {
    var objects = 0
    var bytes = 0
    /// Whether the GCS has not been told of the present figures.
    var isChanged = false

    mutating func add(bytes: Int) {
        objects += 1
        grow(bytes: bytes)
    }

    /// The value of an object that is kept has come.
    mutating func grow(bytes: Int) {
        self.bytes += bytes
        isChanged = true
    }
}
