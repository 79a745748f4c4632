//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc

/// What a listener does when the kernel has no descriptor or no memory for a connection.
///
/// The connection stays in the queue and the listener ready, so that one that tried again at once would turn.
package enum Scarcity {
    /// How long a listener rests before it tries again.
    package static let restMilliseconds = 100

    /// Whether an error number of `accept` says so.
    package static func isMeant(by code: Int32) -> Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }
}
