//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
package import RayCore

/// Where the machine shows its devices and memory nodes: `/dev`, `/proc` and `/sys`, or a folder that holds the like.
package struct DeviceTree: Hashable, Sendable {
    /// In front of all paths; empty for the machine itself.
    package let root: String

    /// The tree under this folder.
    package init(root: String) { self.root = root }

    /// The machine's own tree, or what `RAY_device_root` names; for tests of what a machine does not have.
    package init(_ variable: (String) -> String?) { root = variable("RAY_device_root") ?? "" }

    /// NVIDIA's management library; in a tree only that of the tree, if it has one.
    package var managementLibrary: String { root.isEmpty ? "libnvidia-ml.so.1" : root + "/lib/libnvidia-ml.so.1" }

    /// The text of a file.
    func text(_ path: String) -> String? { readFile(root + path) }

    /// The names in a folder, in order.
    func names(_ path: String) -> [String] { listDirectory(root + path).sorted() }

    // MARK: Memory nodes

    /// The memory nodes with CPUs that this process may use; empty where there are not at least two.
    package func memoryNodes() -> [MemoryNode] {
        var cpus = [Int32](repeating: 0, count: 1024)
        let count = ray_allowed_cpus(&cpus, Int32(cpus.count))
        return memoryNodes(allowed: Set(cpus.prefix(Int(count)).map { Int($0) }))
    }

    /// The memory nodes with some of these CPUs; empty where there are not at least two.
    package func memoryNodes(allowed: Set<Int>) -> [MemoryNode] {
        let folder = "/sys/devices/system/node"
        let numbers = names(folder).compactMap { $0.hasPrefix("node") ? Int($0.dropFirst(4)) : nil }.sorted()
        let nodes = numbers.compactMap { number -> MemoryNode? in
            let cpus = Self.list(text("\(folder)/node\(number)/cpulist") ?? "").filter(allowed.contains)
            return cpus.isEmpty ? nil : MemoryNode(number: number, cpus: cpus)
        }
        return nodes.count > 1 ? nodes : []
    }

    /// Reads the kernel's notation, `0-3,8`, ascending; what is no number in it is left out.
    package static func list(_ text: String) -> [Int] {
        var numbers: Set<Int> = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, first >= 0, first <= last,
                last < 1 << 16
            else { continue }
            numbers.formUnion(first...last)
        }
        return numbers.sorted()
    }
}
