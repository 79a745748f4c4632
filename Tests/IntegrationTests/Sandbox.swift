//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

/// The folder, ports and processes of one test; all of them are gone after it.
final class Sandbox {
    /// A folder of the test's own; sessions and the home folder are in it.
    let folder: String
    private var children: [Child] = []
    private var isSocketAllowed = false

    private init(folder: String) { self.folder = folder }

    /// Runs `body` in a fresh sandbox and records what is left afterwards: processes, sockets.
    static func run(
        folder: String? = nil, _ location: SourceLocation = #_sourceLocation,
        _ body: (Sandbox) async throws -> Void
    ) async throws {
        let folder = folder ?? "/tmp/rt-\(String(UInt32.random(in: .min ... .max), radix: 36))"
        let sandbox = Sandbox(folder: folder)
        try FileManager.default.createDirectory(atPath: folder + "/home", withIntermediateDirectories: true)
        let memory = SharedMemory.present(in: [])
        var failure: (any Error)?
        do { try await body(sandbox) } catch { failure = error }
        // A task that was cancelled cannot wait; what is left is then killed at once.
        let left = (try? await sandbox.leftovers(within: .seconds(failure == nil ? 10 : 0))) ?? sandbox.processes
        if failure == nil, !left.isEmpty {
            Issue.record("left running: \(left)\n\(sandbox.logs)", sourceLocation: location)
        }
        let kept = SharedMemory.present(in: sandbox.processes).subtracting(memory)
        if failure == nil, !kept.isEmpty {
            Issue.record("shared memory left: \(kept.sorted())", sourceLocation: location)
        }
        for process in sandbox.processes { kill(process.processID, SIGKILL) }
        if failure == nil, !sandbox.isSocketAllowed {
            let sockets = sandbox.sockets
            if !sockets.isEmpty { Issue.record("sockets left: \(sockets)", sourceLocation: location) }
        }
        try? FileManager.default.removeItem(atPath: folder)
        if let failure { throw failure }
    }

    /// Sockets may stay behind: nobody was left to remove them, and the next start does.
    func allowSockets() { isSocketAllowed = true }

    // MARK: Programs

    /// Where the executables under test are.
    static let programs: String = {
        if let given = ProcessInfo.processInfo.environment["RAY_TEST_BIN"], !given.isEmpty { return given }
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        if access(own + "/raytestprogram", X_OK) == 0, access(own + "/ray", X_OK) == 0 { return own }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/.build/release"
    }()

    /// Runs one of the project's programs to its end.
    func run(
        _ program: String, _ arguments: String..., environment: [String: String] = [:],
        within limit: Duration = .seconds(40)
    ) async throws -> Child {
        let child = try start(program, arguments, environment: environment)
        try await child.end(within: limit)
        return child
    }

    /// Starts one of the project's programs.
    func start(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Child {
        let path = program.hasPrefix("/") ? program : Self.programs + "/" + program
        try #require(access(path, X_OK) == 0, "\(path) is missing; build the release first, or set RAY_TEST_BIN")
        var variables = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": folder + "/home",
            "RAY_TMPDIR": folder,
        ]
        variables.merge(environment) { $1 }
        let outputPath = "\(folder)/output-\(children.count)"
        let errorPath = "\(folder)/errors-\(children.count)"
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // The threads of the tests block signals; programs start as from a shell.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Self.startsSession | Int16(POSIX_SPAWN_SETSIGMASK))
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let pairs = variables.filter { !$0.value.isEmpty }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + pairs { free(text) } }
        var processID: pid_t = 0
        let code = posix_spawn(&processID, path, &actions, &attributes, words, pairs)
        try #require(code == 0, "\(path) cannot be started: \(String(cString: strerror(code)))")
        let child = Child(processID: processID, outputPath: outputPath, errorPath: errorPath)
        children.append(child)
        return child
    }

    /// `POSIX_SPAWN_SETSID`, which Swift does not import: a signal to the tests' group does not reach the program.
    private static let startsSession: Int16 = 0x80

    // MARK: What is there

    /// The processes of this test.
    var processes: [ProcessEntry] {
        for child in children { _ = child.isRunning }
        return ProcessEntry.all(with: "RAY_TMPDIR=\(folder)")
    }

    /// The processes left when they have had some time to go.
    func leftovers(within limit: Duration) async throws -> [ProcessEntry] {
        _ = try await eventually(within: limit) { processes.isEmpty }
        return processes
    }

    /// The processes of a role: `raylet` or `gcs_server`.
    func roles(_ name: String) -> [ProcessEntry] { processes.filter { $0.name == name } }
    /// The workers.
    var workers: [ProcessEntry] { processes.filter(\.isWorker) }

    /// The sockets in the folder.
    var sockets: [String] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.filter { name in
            var information = stat()
            return lstat(folder + "/" + name, &information) == 0 && information.st_mode & S_IFMT == S_IFSOCK
        }.sorted()
    }

    /// The ends of the session's logs.
    var logs: String {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.contains("/logs/") }.sorted().map { name in
            let text = String(
                decoding: FileManager.default.contents(atPath: folder + "/" + name) ?? Data(), as: UTF8.self)
            return text.isEmpty ? "" : "--- \(name)\n\(text.suffix(1500))\n"
        }.joined()
    }

    /// A file's text when it exists.
    func file(_ name: String, within limit: Duration = .seconds(20)) async throws -> String {
        let path = folder + "/" + name
        let isThere = try await eventually(within: limit) { access(path, R_OK) == 0 }
        try #require(isThere, "\(path) was not written within \(limit)")
        return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// A port that nobody uses at the moment.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isBound)
        return UInt16(bigEndian: address.sin_port)
    }
}
