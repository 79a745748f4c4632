//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Synchronization

/// Something that is there once.
final class OneItem: Sendable {
    private let isTaken = Atomic(false)

    /// Whether the caller is the first one.
    func take() -> Bool { !isTaken.exchange(true, ordering: .relaxed) }
}
