//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayRaylet

/// Reads how much memory this container or machine uses: cgroup version 2, then 1, then the host.
///
/// All paths are below `root`, so that a test can make a tree of its own; what single processes use is always real.
package struct MemoryMonitor: Sendable {
    private let root: String
    /// The group as this process's own entry names it.
    private let unified: String?
    private let legacy: String?

    /// - Parameter root: "" for the machine's own files.
    package init(root: String) {
        self.root = root
        let lines = (readFile(root + "/proc/self/cgroup") ?? "").split(separator: "\n").map(String.init)
        unified = lines.first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) }
        legacy = lines.lazy.map { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false) }
            .first { $0.count == 3 && $0[1].split(separator: ",").contains("memory") }.map { String($0[2]) }
    }

    /// What is used now, without the users; nothing if the machine does not say.
    package func read() -> MemoryReading? {
        let host = readHost()
        guard let group = readUnified() ?? readLegacy() else { return host }
        guard let host, host.limitBytes <= group.limitBytes else { return group }
        return host
    }

    /// The reading with all processes that it can see, the largest first.
    func withUsers(_ reading: MemoryReading) -> MemoryReading {
        var reading = reading
        let all = listDirectory("/proc").compactMap { Int32($0) }.compactMap(Self.user)
        reading.users = all.sorted { $0.bytes > $1.bytes }
        return reading
    }

    private static func user(_ processID: Int32) -> MemoryReading.User? {
        guard let fields = readFile("/proc/\(processID)/statm")?.split(separator: " "), fields.count > 1,
            let pages = Int(fields[1]), pages > 0
        else { return nil }
        let command = (readFile("/proc/\(processID)/cmdline") ?? "").split(separator: "\0").joined(separator: " ")
        return MemoryReading.User(
            processID: processID, bytes: pages * Int(sysconf(Int32(_SC_PAGESIZE))), command: String(command.prefix(100))
        )
    }

    // MARK: Sources

    /// The group's own limit or that of one around it, whichever is nearest to being reached.
    private func readUnified() -> MemoryReading? {
        guard let unified else { return nil }
        return nearest(
            unified, in: root + "/sys/fs/cgroup", limit: "memory.max", usage: "memory.current",
            inactive: "inactive_file")
    }

    private func readLegacy() -> MemoryReading? {
        guard let legacy else { return nil }
        return nearest(
            legacy, in: root + "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
            inactive: "total_inactive_file")
    }

    private func nearest(
        _ path: String, in mount: String, limit: String, usage: String, inactive: String
    ) -> MemoryReading? {
        var found: MemoryReading?
        var rest = path.split(separator: "/").map(String.init)
        while true {
            let folder = ([mount] + rest).joined(separator: "/")
            // Without a limit the file says "max", or a number close to the largest.
            if let limitBytes = number(folder + "/" + limit), limitBytes > 0, limitBytes < Int.max / 2,
                let usedBytes = number(folder + "/" + usage)
            {
                let cached = readFile(folder + "/memory.stat").flatMap { Self.value(inactive, in: $0) } ?? 0
                let reading = MemoryReading(
                    usedBytes: max(0, usedBytes - cached), limitBytes: limitBytes, source: folder)
                if found.map({ share(of: $0) < share(of: reading) }) ?? true { found = reading }
            }
            guard !rest.isEmpty else { return found }
            rest.removeLast()
        }
    }

    private func share(of reading: MemoryReading) -> Double {
        Double(reading.usedBytes) / Double(max(1, reading.limitBytes))
    }

    private func readHost() -> MemoryReading? {
        guard let text = readFile(root + "/proc/meminfo"), let total = Self.value("MemTotal:", in: text),
            let available = Self.value("MemAvailable:", in: text)
        else { return nil }
        return MemoryReading(
            usedBytes: max(0, total - available) * 1_024, limitBytes: total * 1_024, source: root + "/proc/meminfo")
    }

    private func number(_ path: String) -> Int? { readFile(path).flatMap { Int($0.filter { !$0.isWhitespace }) } }

    /// The number behind `name` in lines of names and numbers.
    private static func value(_ name: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let fields = line.split(whereSeparator: \.isWhitespace)
            if fields.count >= 2, fields[0] == name { return Int(fields[1]) }
        }
        return nil
    }
}
