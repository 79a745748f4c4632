//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import RayNode
import RayRaylet
import Testing

/// What the memory monitor reads in trees of files as kernels show them.
@Suite("The memory of a container or machine") struct MemoryMonitorTests {
    private static let gibibyte = 1 << 30
    /// How a group of version 1 says that it has no limit.
    private static let unlimited = "9223372036854771712\n"

    /// What is read in a tree of these files, with the source below the tree.
    private func read(_ files: [String: String]) throws -> (usedBytes: Int, limitBytes: Int, source: String)? {
        let folder = try TemporaryFolder()
        for (path, text) in files {
            let file = URL(fileURLWithPath: folder.path + path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
        guard let reading = MemoryMonitor(root: folder.path).read() else { return nil }
        #expect(reading.source.hasPrefix(folder.path) && reading.users.isEmpty)
        return (reading.usedBytes, reading.limitBytes, String(reading.source.dropFirst(folder.path.utf8.count)))
    }

    private func meminfo(gibibytes total: Int, available: Int) -> String {
        "MemTotal:       \(total << 20) kB\nMemFree:         5 kB\nMemAvailable:    \(available << 20) kB\n"
    }

    /// A group's files of version 1.
    private func legacy(_ path: String, limit: String, used: Int, cached: Int) -> [String: String] {
        let folder = "/sys/fs/cgroup/memory" + path
        return [
            folder + "/memory.limit_in_bytes": limit, folder + "/memory.usage_in_bytes": "\(used)\n",
            folder + "/memory.stat": "cache 9\ninactive_file 1\ntotal_inactive_file \(cached)\n",
        ]
    }

    private static let legacyGroups = "9:memory:/pod/box\n3:cpu,cpuacct:/pod/box\n1:name=systemd:/x\n"

    private func expect(
        _ reading: (usedBytes: Int, limitBytes: Int, source: String)?, used: Int, limit: Int, source: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(reading?.usedBytes == used, sourceLocation: location)
        #expect(reading?.limitBytes == limit, sourceLocation: location)
        #expect(reading?.source == source, sourceLocation: location)
    }

    @Test("Without groups the machine's own figures count: what is available is not used") func host() throws {
        let reading = try read(["/proc/meminfo": meminfo(gibibytes: 8, available: 3)])
        expect(reading, used: 5 * Self.gibibyte, limit: 8 * Self.gibibyte, source: "/proc/meminfo")
    }

    @Test("A group of version 1 counts its use without the inactive page cache, its children's too")
    func version1() throws {
        var files = legacy("/pod/box", limit: "\(2 << 30)\n", used: 1_500, cached: 500)
        files["/proc/self/cgroup"] = Self.legacyGroups
        files["/proc/meminfo"] = meminfo(gibibytes: 8, available: 3)
        files.merge(legacy("", limit: Self.unlimited, used: 7 << 30, cached: 0)) { $1 }
        expect(
            try read(files), used: 1_000, limit: 2 * Self.gibibyte, source: "/sys/fs/cgroup/memory/pod/box")
    }

    @Test("Of nested groups of version 1 the one counts that is nearest to its limit") func nested() throws {
        var files = legacy("/pod/box", limit: "1000\n", used: 500, cached: 0)
        files.merge(legacy("/pod", limit: "2000\n", used: 1_900, cached: 100)) { $1 }
        files["/proc/self/cgroup"] = Self.legacyGroups
        expect(try read(files), used: 1_800, limit: 2_000, source: "/sys/fs/cgroup/memory/pod")
    }

    @Test("In a container of version 1 the group's own files are at the top") func container() throws {
        var files = legacy("", limit: "4000\n", used: 100, cached: 200)
        files["/proc/self/cgroup"] = Self.legacyGroups
        // More cache than use is possible, since the two are read one after the other.
        expect(try read(files), used: 0, limit: 4_000, source: "/sys/fs/cgroup/memory")
    }

    @Test("Where both versions are mounted, and version 1 has the memory, that one counts") func hybrid() throws {
        var files = legacy("/pod/box", limit: "1000\n", used: 10, cached: 0)
        files["/proc/self/cgroup"] = Self.legacyGroups + "0::/user.slice\n"
        expect(try read(files), used: 10, limit: 1_000, source: "/sys/fs/cgroup/memory/pod/box")
    }

    @Test("A group of version 2 counts likewise; \"max\" is no limit") func version2() throws {
        var files = [
            "/proc/self/cgroup": "0::/pod/box\n", "/sys/fs/cgroup/pod/box/memory.max": "max\n",
            "/sys/fs/cgroup/pod/box/memory.current": "900\n", "/sys/fs/cgroup/pod/memory.max": "1000\n",
            "/sys/fs/cgroup/pod/memory.current": "950\n",
            "/sys/fs/cgroup/pod/memory.stat": "anon 1\ninactive_file 50\n",
            "/proc/meminfo": meminfo(gibibytes: 8, available: 3),
        ]
        expect(try read(files), used: 900, limit: 1_000, source: "/sys/fs/cgroup/pod")
        files["/sys/fs/cgroup/pod/memory.max"] = "max\n"
        expect(try read(files), used: 5 * Self.gibibyte, limit: 8 * Self.gibibyte, source: "/proc/meminfo")
    }

    @Test("A limit above what the machine has is none") func largeLimit() throws {
        var files = legacy("/pod/box", limit: "\(16 << 30)\n", used: 1_500, cached: 500)
        files["/proc/self/cgroup"] = Self.legacyGroups
        files["/proc/meminfo"] = meminfo(gibibytes: 8, available: 3)
        expect(try read(files), used: 5 * Self.gibibyte, limit: 8 * Self.gibibyte, source: "/proc/meminfo")
    }

    @Test("Files that are missing or make no sense give no reading, and no trap") func garbage() throws {
        #expect(try read([:]) == nil)
        var files = legacy("/pod/box", limit: "much\n", used: 1, cached: 0)
        files["/proc/self/cgroup"] = ":::\n\n9:memory\n" + Self.legacyGroups
        files["/proc/meminfo"] = "MemTotal: lots\nMemAvailable:\n"
        #expect(try read(files) == nil)
    }
}
