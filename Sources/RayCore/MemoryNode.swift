//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A part of a machine whose CPUs and memory are close to each other: a NUMA node.
package struct MemoryNode: Hashable, Sendable {
    /// The kernel's number for it.
    package var number: Int
    /// The kernel's numbers of its CPUs, ascending.
    package var cpus: [Int]

    package init(number: Int, cpus: [Int]) {
        self.number = number
        self.cpus = cpus
    }
}
