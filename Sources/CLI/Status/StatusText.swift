//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
package import RayWire

/// The text of `ray status`, in the shape that Ray's has.
package struct StatusText: Sendable {
    private let status: ClusterStatus
    private let isVerbose: Bool
    private static let rule = String(repeating: "-", count: 63)

    package init(_ status: ClusterStatus, isVerbose: Bool) {
        self.status = status
        self.isVerbose = isVerbose
    }

    /// The whole text without a final line break; `time` is put into its heading.
    package func text(at time: String) -> String {
        var lines = ["======== Autoscaler status: \(time) ========", "Node status", Self.rule]
        lines += nodeLines + ["", "Resources", Self.rule] + usageLines
        lines += ["From request_resources:", " (none)", "Pending Demands:"] + demandLines
        lines += ["", "Cluster", Self.rule] + clusterLines
        if isVerbose { for node in sorted(alive) { lines += [""] + verboseLines(node) } }
        return lines.joined(separator: "\n")
    }

    private var alive: [NodeStatus] { status.nodes.filter(\.isAlive) }

    private func sorted(_ nodes: [NodeStatus]) -> [NodeStatus] {
        nodes.sorted { ($0.info.isHead ? 0 : 1, $0.info.address.node) < ($1.info.isHead ? 0 : 1, $1.info.address.node) }
    }

    private func isActive(_ node: NodeStatus) -> Bool {
        node.info.total.entries.contains { Self.isCounted($0.name) && node.available[$0.name] != $0.amount }
    }

    private var nodeLines: [String] {
        let active = sorted(alive.filter(isActive))
        let idle = sorted(alive.filter { !isActive($0) })
        let dead = sorted(status.nodes.filter { !$0.isAlive })
        var lines = ["Active:"]
        lines += active.isEmpty ? [" (no active nodes)"] : active.map { " 1 \(Self.name($0))" }
        if !idle.isEmpty { lines += ["Idle:"] + idle.map { " 1 \(Self.name($0))" } }
        lines += ["Pending:", " (no pending nodes)", "Recent failures:"]
        lines += dead.isEmpty ? [" (no failures)"] : dead.map { " \(Self.name($0)): \(Self.reason($0))" }
        return lines
    }

    private var usageLines: [String] {
        let total = alive.reduce(ResourceSet()) { $0 + $1.info.total }
        let available = alive.reduce(ResourceSet()) { $0 + $1.available }
        let store = (alive.reduce(0) { $0 + $1.storeUsed }, alive.reduce(0) { $0 + $1.info.storeCapacity })
        return ["Total Usage:"] + Self.usage(total: total, available: available, store: store) + [""]
    }

    private var demandLines: [String] {
        let demands = status.demands.map {
            " \(Self.shape($0.shape)): \($0.count)+ pending tasks/actors (\($0.reason.sentence))"
        }
        let groups = status.groups.map { kind in
            let bundles = kind.bundles.map { "\(Self.shape($0.shape)) * \($0.count)" }.joined(separator: ", ")
            return " \(bundles) (\(kind.strategy)): \(kind.count)+ pending placement groups (\(kind.reason.sentence))"
        }
        return demands.isEmpty && groups.isEmpty ? [" (no resource demands)"] : demands + groups
    }

    private var clusterLines: [String] {
        var lines = [
            " \(status.jobs) jobs running",
            " \(status.actorsAlive) actors alive, \(status.actorsPending) pending, \(status.actorsDead) dead",
        ]
        let spill = status.spill
        if spill.spilledBytes > 0 {
            lines.append(
                " \(Self.bytes(Double(spill.spilledBytes))) spilled to disk, "
                    + "\(Self.bytes(Double(spill.restoredBytes))) restored; \(spill.objectCount) objects "
                    + "(\(Self.bytes(Double(spill.bytesOnDisk)))) on disk now")
        }
        return lines + status.warnings.map { " Warning: \($0)" }
    }

    private func verboseLines(_ node: NodeStatus) -> [String] {
        let info = node.info
        var lines = ["Node: \(Self.name(node))\(info.isHead ? " (head)" : "")"]
        lines.append(" Id: \(info.address.node.hex)")
        lines.append(
            " Address: \(HostAddress(host: info.address.host, port: info.address.port)), pid \(info.processID)")
        if !info.labels.isEmpty {
            lines.append(" Labels: " + info.labels.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ", "))
        }
        lines.append(" Usage:")
        lines += Self.usage(
            total: info.total, available: node.available, store: (node.storeUsed, info.storeCapacity)
        ).map { " " + $0 }
        lines.append(" Workers: \(node.workerCount)")
        lines.append(" Objects: \(node.objectCount)")
        lines.append(" Session: \(info.sessionDirectory)")
        return lines
    }

    // MARK: Words

    /// A node without a name of its own goes by its address, which many nodes of one machine share.
    private static func name(_ node: NodeStatus) -> String {
        let isNamed = !node.info.name.isEmpty && node.info.name != node.info.address.host
        return isNamed ? node.info.name : "node_\(node.info.address.node.hex)"
    }

    private static func reason(_ node: NodeStatus) -> String {
        node.deathReason.isEmpty ? "died, reason unknown" : node.deathReason
    }

    /// The store is counted from its own report; what names a node is of no interest in a sum.
    private static func isCounted(_ name: String) -> Bool {
        name != ResourceSet.objectStoreMemory && !name.hasPrefix("node:")
    }

    private static func usage(
        total: ResourceSet, available: ResourceSet, store: (used: Int, capacity: Int)
    ) -> [String] {
        var lines = total.entries.filter { isCounted($0.name) }.map { entry in
            let used = entry.amount - available[entry.name]
            return " \(amount(used, of: entry.name))/\(amount(entry.amount, of: entry.name)) \(entry.name)"
        }
        lines.append(
            " \(bytes(Double(store.used)))/\(bytes(Double(store.capacity))) \(ResourceSet.objectStoreMemory)")
        return lines
    }

    private static func amount(_ amount: ResourceAmount, of name: String) -> String {
        name == ResourceSet.memory ? bytes(amount.value) : "\(amount.value)"
    }

    private static func shape(_ shape: ResourceSet) -> String {
        "{" + shape.entries.map { "'\($0.name)': \($0.amount.value)" }.joined(separator: ", ") + "}"
    }

    /// "0B", "1.20GiB": as Ray writes memory.
    package static func bytes(_ count: Double) -> String {
        let units = [("TiB", 1_099_511_627_776.0), ("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)]
        for (unit, size) in units where count >= size {
            let hundredths = Int((count / size * 100).rounded())
            let fraction = hundredths % 100
            return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)\(unit)"
        }
        return "\(Int(count))B"
    }
}
