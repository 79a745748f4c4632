//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore

/// The folder of one cluster session on one machine, laid out as Ray's.
///
///     <temporary>/session_<date>_<time>_<pid>/      0700
///         logs/        one file per process
///         links/       Unix sockets
///         programs/    executables by content
///         processes/   <role>-<pid>: what `stop` and the next `start` clear
///     <temporary>/session_latest -> session_…
package struct SessionDirectory: Sendable {
    /// Absolute path.
    package let path: String

    package init(path: String) { self.path = path }

    package var logs: String { path + "/logs" }
    /// Sockets; a folder that Ray's own Python, which opens its `sockets` to everybody, does not know.
    package var sockets: String { path + "/links" }
    package var programs: String { path + "/programs" }
    package var processes: String { path + "/processes" }
    /// The last component, which names the session.
    package var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Where sessions are kept: `--temp-dir`, else `RAY_TMPDIR`, else `/tmp/ray`.
    package static func temporaryRoot(given: String? = nil) -> String {
        if let given, !given.isEmpty { return given }
        if let value = environment("RAY_TMPDIR"), !value.isEmpty { return value + "/ray" }
        return "/tmp/ray"
    }

    /// Creates a new session's folders, readable by their user only.
    package static func create(under root: String) throws(RayError) -> SessionDirectory {
        let session = SessionDirectory(path: root + "/session_" + timestamp() + "_\(getpid())")
        try makeDirectories(root)
        try makeSafe(root)
        for folder in [session.path, session.logs, session.sockets, session.programs, session.processes] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw failure("create", folder) }
        }
        return session
    }

    /// Whether the owner of a root of sessions may be trusted not to put a session of his own in the place of `user`'s,
    /// with sockets that hear its token and programs that it runs.
    ///
    /// Where everybody may make folders, as in `/tmp`, it matters who was there first. Root does what it likes.
    package static func trusts(owner: UInt32, parentMode: UInt32, user: UInt32 = geteuid()) -> Bool {
        owner == user || owner == 0 || user == 0 || parentMode & 0o002 == 0
    }

    /// Sees to it that others cannot rename what this user has in `root`.
    private static func makeSafe(_ root: String) throws(RayError) {
        let name = String(root.reversed().drop { $0 == "/" }.reversed())
        let slash = name.lastIndex(of: "/")
        let folder = slash.map { $0 == name.startIndex ? "/" : String(name[..<$0]) } ?? "."
        var (entry, parent, status) = (stat(), stat(), stat())
        guard lstat(name, &entry) == 0, stat(folder, &parent) == 0, stat(root, &status) == 0 else {
            throw failure("open", root)
        }
        guard trusts(owner: entry.st_uid, parentMode: parent.st_mode) else {
            throw RayError(
                .systemError,
                "\(root) belongs to another user, who could take over the session; choose another folder with --temp-dir "
                    + "or RAY_TMPDIR")
        }
        // Ray's own Python opens it to everybody. It stays open, but what is in it stays with who made it.
        guard status.st_uid == geteuid(), status.st_mode & 0o022 != 0, status.st_mode & 0o1000 == 0 else { return }
        chmod(root, status.st_mode & 0o7777 | 0o1000)
    }

    /// The folder of all sessions.
    private var root: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }

    /// Points `session_latest` at this session.
    package func becomeLatest() {
        let link = root + "/session_latest"
        let temporary = link + ".\(getpid())"
        unlink(temporary)
        if symlink(name, temporary) == 0 { rename(temporary, link) }
    }

    /// Removes the folder and everything in it. If `session_latest` leads there, the newest session that lives gets it.
    package func remove() {
        removeTree(path)
        let link = root + "/session_latest"
        guard access(link, F_OK) != 0, unlink(link) == 0 else { return }
        Self.all(under: root).last { !$0.notedProcesses().isEmpty }?.becomeLatest()
    }

    /// Removes the sockets, which lead nowhere when the session's processes have ended.
    package func removeSockets() {
        for name in listDirectory(sockets) { removeTree(sockets + "/" + name) }
    }

    /// Notes a process, so that `stop` finds it: its file holds pid and start time.
    package func note(role: String, processID: Int32) {
        // A session of Ray's own Python has no such folder before.
        mkdir(processes, 0o700)
        let text = "\(processID) \(processStartTime(processID) ?? 0)\n"
        writeFile(processes + "/\(role)-\(processID)", text)
    }

    /// The processes noted that still live, with their roles.
    package func notedProcesses() -> [(role: String, processID: Int32)] {
        listDirectory(processes).sorted().compactMap { name in
            guard let text = readFile(processes + "/" + name) else { return nil }
            let fields = text.split(whereSeparator: \.isWhitespace)
            guard fields.count == 2, let processID = Int32(fields[0]), let start = UInt64(fields[1]),
                processStartTime(processID) == start, let dash = name.lastIndex(of: "-")
            else { return nil }
            return (String(name[..<dash]), processID)
        }
    }

    /// Notes where the cluster's head is, for those who look for a cluster on this machine.
    package func note(headHost: String, port: String) { writeFile(path + "/head_address", "\(headHost):\(port)\n") }

    /// The sessions under `root`, newest last.
    package static func all(under root: String) -> [SessionDirectory] {
        listDirectory(root).filter { $0.hasPrefix("session_") && $0 != "session_latest" }.sorted()
            .map { SessionDirectory(path: root + "/" + $0) }
    }

    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var seconds = now.tv_sec
        var parts = tm()
        localtime_r(&seconds, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)]
        let time = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)]
        return padded(date[0], 4) + "-" + padded(date[1], 2) + "-" + padded(date[2], 2) + "_"
            + time.map { padded($0, 2) }.joined(separator: "-") + "_" + padded(now.tv_nsec / 1000, 6)
    }
}

/// Creates a folder and those above it.
private func makeDirectories(_ path: String) throws(RayError) {
    var partial = path.hasPrefix("/") ? "" : "."
    for component in path.split(separator: "/") {
        partial += "/" + component
        if mkdir(partial, 0o700) != 0, errno != EEXIST { throw failure("create", partial) }
    }
}

private func failure(_ action: String, _ path: String) -> RayError {
    RayError(
        .systemError,
        "cannot \(action) \(path): \(String(cString: strerror(errno))); choose another folder with --temp-dir or RAY_TMPDIR"
    )
}
