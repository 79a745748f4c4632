//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayNode

/// Finds the processes of sessions: those that are noted, and others that Ray's own Python has started.
package struct SessionProcesses {
    /// Paths of the sessions.
    package var sessions: Set<String>
    /// Addresses of their heads: Ray Client's servers name no session.
    package var heads: Set<String>

    package init(sessions: Set<String>, heads: Set<String>) {
        self.sessions = sessions
        self.heads = heads
    }

    /// The role of a process with this command line; nothing if it belongs to none of the sessions.
    package func role(_ words: [String]) -> String? {
        func value(_ names: String...) -> String? {
            for word in words {
                for name in names where word.hasPrefix("--\(name)=") { return String(word.dropFirst(name.count + 3)) }
            }
            return nil
        }
        let client = "ray.util.client.server"
        if words.contains(client) { return value("address").map { heads.contains($0) } == true ? client : nil }
        guard let session = value("session-dir", "session_dir"), sessions.contains(session) else { return nil }
        // Programs in Python are known by their script.
        let name = words.first { $0.hasSuffix(".py") && !$0.hasPrefix("-") } ?? words.first
        return name?.split(separator: "/").last.map(String.init)
    }

    /// Those of this user that run, each once.
    package static func running(under root: String) -> [RunningProcess] {
        let all = SessionDirectory.all(under: root)
        let addresses = all.map { $0.path + "/head_address" } + [pythonAddress(under: root)]
        let search = SessionProcesses(
            sessions: Set(all.map(\.path)),
            heads: Set(
                addresses.compactMap { readFile($0)?.split(whereSeparator: \.isWhitespace).first.map(String.init) }))
        var found = all.flatMap { $0.notedProcesses() }.map { RunningProcess(role: $0.role, processID: $0.processID) }
        var known = Set(found.map(\.processID))
        for name in listDirectory("/proc") {
            guard let processID = Int32(name), isOwn(processID), !known.contains(processID),
                let role = search.role(commandLine(processID))
            else { continue }
            known.insert(processID)
            found.append(RunningProcess(role: role, processID: processID))
        }
        return found.filter(\.isAlive)
    }

    /// Where Ray's own Python keeps the address of the cluster that was started last.
    package static func pythonAddress(under root: String) -> String { root + "/ray_current_cluster" }

    private static func isOwn(_ processID: Int32) -> Bool {
        var information = stat()
        return stat("/proc/\(processID)", &information) == 0 && information.st_uid == geteuid()
    }

    private static func commandLine(_ processID: Int32) -> [String] {
        (readBytes("/proc/\(processID)/cmdline") ?? []).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
