//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc

/// Who may be at the other end of a Unix socket, by the user id that the kernel says.
package enum UnixPeer {
    /// Whether a process of `user` may call this one: only its own user, and root.
    package static func mayCall(_ user: Int64, own: UInt32 = getuid()) -> Bool { user == Int64(own) || user == 0 }

    /// Whether the process that listens there may be told the token: as for callers; and root calls whom it likes.
    ///
    /// Where folders are shared, somebody else may have put his own socket where ours is expected.
    package static func mayServe(_ user: Int64, own: UInt32 = getuid()) -> Bool { own == 0 || mayCall(user, own: own) }
}
