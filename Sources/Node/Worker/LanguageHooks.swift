//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// What a language that runs on a worker wants to be told; each is called on any thread, outside all locks.
package struct LanguageHooks: Sendable {
    /// Free what nobody refers to any more, where the language does that late.
    package var collectGarbage: @Sendable () -> Void = {}
    /// A task of this process failed, and nobody has asked for its result nor ever can.
    package var unreadError: @Sendable (RayError) -> Void = { _ in }
    /// Something came on a channel that this process subscribed to.
    package var published: @Sendable (Published) -> Void = { _ in }

    package init() {}
}
