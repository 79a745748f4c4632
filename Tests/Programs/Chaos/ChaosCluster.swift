//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Synchronization

/// A head without CPUs and three nodes on this machine, as `ray start` makes them; the job's driver is at the head.
final class ChaosCluster: Sendable {
    /// The nodes that may be killed as a whole.
    static let nodes = ["first", "second", "third"]

    let settings: ChaosSettings
    let address: String
    private let port: UInt16
    private let clientPort: UInt16
    private let programs: String

    init(_ settings: ChaosSettings) {
        self.settings = settings
        // Two runs on one machine do not meet, whatever their seeds.
        port = 20_000 + UInt16(getpid() % 10_000)
        clientPort = port + 10_000
        address = "127.0.0.1:\(port)"
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        let own = path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
        programs = String(decoding: own[..<(own.lastIndex(of: UInt8(ascii: "/")) ?? 0)], as: UTF8.self)
    }

    // MARK: Start and end

    /// Starts head and nodes.
    ///
    /// - Throws: `ChaosError` with what a command printed if it fails.
    func start() async throws {
        mkdir(settings.folder, 0o700)
        setenv("RAY_TMPDIR", settings.folder, 1)
        setenv("RAY_gcs_storage_path", settings.folder + "/storage", 1)
        setenv("HOME", settings.folder, 1)
        try await ray(
            [
                "start", "--head", "--port=\(port)", "--ray-client-server-port=\(clientPort)", "--num-cpus=0",
                "--object-store-memory=134217728",
            ], node: "head", within: .seconds(30))
        for node in Self.nodes { try await start(node) }
    }

    /// Starts a node.
    ///
    /// - Throws: `ChaosError` with what the command printed if it fails.
    func start(_ node: String) async throws {
        try await ray(
            [
                "start", "--address=\(address)", "--num-cpus=2", "--node-ip-address=127.0.0.1", "--node-name=\(node)",
                "--object-store-memory=134217728",
            ], node: node, within: .seconds(60))
    }

    /// Ends everything; the folder stays if somebody wants to look into it.
    func end(keepsFolder: Bool) async {
        _ = try? await ray(["stop"], node: "stop", within: .seconds(30))
        for process in processes() { kill(process.id, SIGKILL) }
        if !keepsFolder { _ = try? await run("/bin/rm", ["-rf", settings.folder], node: "", within: .seconds(30)) }
    }

    /// What the cluster says that it waits for.
    func situation() async -> [String] {
        await resumeAll()
        var lines: [String] = []
        for command in [["status", "-v"], ["list", "nodes"], ["list", "actors"]] {
            lines.append("--- ray \(command.joined(separator: " "))")
            do {
                let output = try await ray(command, node: "question", within: .seconds(15))
                lines += output.split(separator: "\n").filter { !$0.contains(" DEAD ") }.map(String.init)
            } catch {
                lines.append("\(error)")
            }
        }
        return lines
    }

    /// Lets all go on that were stopped.
    func resumeAll() async { for process in processes() { kill(process.id, SIGCONT) } }

    // MARK: Processes

    /// A process of the cluster.
    struct Process {
        var id: pid_t
        /// `gcs_server`, `raylet`, or a worker's program.
        var name: String
        /// `head` or one of `nodes`.
        var node: String
        var isWorker: Bool
    }

    /// The processes of the cluster, by id.
    func processes() -> [Process] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var found: [Process] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let id = pid_t(name), id != getpid(), let process = process(id) else { continue }
            found.append(process)
        }
        return found.sorted { $0.id < $1.id }
    }

    private func process(_ id: pid_t) -> Process? {
        let variables = Self.bytes("/proc/\(id)/environ").split(separator: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard variables.contains("RAY_TMPDIR=\(settings.folder)") else { return nil }
        let node = variables.first { $0.hasPrefix("CHAOS_NODE=") }?.dropFirst("CHAOS_NODE=".count) ?? ""
        let name = String(decoding: Self.bytes("/proc/\(id)/comm").dropLast(), as: UTF8.self)
        return Process(
            id: id, name: name, node: String(node), isWorker: variables.contains("SWIFT_RAY_ROLE=worker"))
    }

    static func bytes(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&part, 1, part.count, file), count > 0 { all += part[..<count] }
        return all
    }

    // MARK: Commands

    @discardableResult
    private func ray(_ arguments: [String], node: String, within limit: Duration) async throws -> String {
        try await run(programs + "/ray", arguments, node: node, within: limit)
    }

    private static let commandCount = Atomic(0)

    /// Runs a command to its end; what it printed.
    private func run(
        _ path: String, _ arguments: [String], node: String, within limit: Duration
    ) async throws -> String {
        let number = Self.commandCount.wrappingAdd(1, ordering: .relaxed).newValue
        let output = "\(settings.folder)/command-\(number)"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let pairs = Self.environment(adding: "CHAOS_NODE=\(node)").map { strdup($0) } + [nil]
        defer { for text in words + pairs { free(text) } }
        var id: pid_t = 0
        guard posix_spawn(&id, path, &actions, nil, words, pairs) == 0 else {
            throw ChaosError(text: "\(path) cannot be started")
        }
        let command = "\(path) \(arguments.joined(separator: " "))"
        let end = ContinuousClock.now + limit
        var status: Int32 = 0
        while waitpid(id, &status, WNOHANG) == 0 {
            guard ContinuousClock.now < end else {
                kill(id, SIGKILL)
                waitpid(id, &status, 0)
                throw ChaosError(text: "'\(command)' did not end within \(limit): \(Self.text(output))")
            }
            // A run that is over must not leave the command behind.
            _ = try? await Task.sleep(for: .milliseconds(20))
        }
        guard status == 0 else { throw ChaosError(text: "'\(command)' failed: \(Self.text(output))") }
        return Self.text(output)
    }

    private static func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }

    private static func environment(adding variable: String) -> [String] {
        var pairs = [variable]
        var next = environ
        while let pair = next.pointee {
            pairs.append(String(cString: pair))
            next += 1
        }
        return pairs
    }
}

/// Why a run cannot go on.
struct ChaosError: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
}
