//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// The GPUs of a process, which it keeps as long as it lives.
package struct AssignedGPUs: Hashable, Sendable {
    /// Their numbers on the node, from 0; whole ones first.
    package var ids: [Int]
    /// What CUDA calls them; not in step with `ids` where a runtime environment has made CUDA's list shorter.
    package var names: [String]

    package init(ids: [Int] = [], names: [String] = []) {
        self.ids = ids
        self.names = names
    }
}
