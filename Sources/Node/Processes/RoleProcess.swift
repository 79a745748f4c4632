//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
internal import Logging
internal import RayCore
internal import RayTransport
internal import RayWire

/// Runs this process as the role that its environment names, and ends it. Called before `main`; see role.c.
@c(ray_role_main) func rayRoleMain() { RoleProcess.run() }

/// The life of a role process: settings, server, readiness, end.
enum RoleProcess {
    static func run() -> Never {
        guard let (role, settings) = RoleSettings.ofThisProcess() else { exit(2) }
        // Any thread that lets the signals through would end the process.
        SignalWait.block()
        // Children of this process are not roles.
        _ = KillPoint.current  // Reads the role.
        unsetenv(RoleSettings.roleVariable)
        unsetenv(RoleSettings.settingsVariable)
        writeFile("/proc/self/comm", String(role.prefix(15)))
        signal(SIGPIPE, SIG_IGN)
        ray_raise_descriptor_limit()
        LoggingSystem.bootstrap { StreamLogHandler.standardOutput(label: $0) }
        do throws(RayError) {
            try watchParent(role, settings)
            switch role {
            case "gcs_server": try runGCS(settings)
            case "raylet": try runRaylet(settings)
            default: throw RayError(.invalidArgument, "there is no role '\(role)'")
            }
        } catch {
            RoleSettings.report("error \(error.message)")
            writeError("\(role): \(error.message)\n")
            exit(1)
        }
        exit(0)
    }

    /// Roles that were started by a driver for itself end with it. The head then removes the driver's session, when
    /// the others, which see the same, had a moment to end. Ray's Python keeps its sessions, for their logs.
    private static func watchParent(_ role: String, _ settings: RoleSettings) throws(RayError) {
        let session = settings["session"] ?? ""
        let isRemoving = role == "gcs_server" && !session.isEmpty && !notesItself(settings)
        do throws(TransportError) {
            _ = try ParentWatch.startFromEnvironment {
                guard isRemoving else { return }
                usleep(300_000)
                SessionDirectory(path: session).remove()
            }
        } catch {
            throw RayError(.systemError, "\(error)")
        }
    }

    private static func runGCS(_ settings: RoleSettings) throws(RayError) {
        var configuration = GCSConfiguration(
            sessionDirectory: settings["session"] ?? "", host: settings["host"] ?? "127.0.0.1",
            port: settings.port("port") ?? 0)
        configuration.clientPort = settings.port("client_port")
        configuration.listensOnLoopback = settings["loopback"] == "1"
        configuration.token = settings["token"] ?? ""
        configuration.tokenSource = settings["token_source"] ?? ""
        configuration.storageDirectory = settings["storage"] ?? ""
        configuration.isStorageOwn = settings["storage_own"] == "1"
        if let seconds = environment("RAY_gcs_rpc_server_reconnect_timeout_s").flatMap({ Double($0) }), seconds >= 0 {
            configuration.reconnectMilliseconds = Int(min(seconds, 1_000_000) * 1_000)
        }
        let grace = "RAY_RUNTIME_ENV_TEMPORARY_REFERENCE_EXPIRATION_S"
        if let seconds = environment(grace).flatMap({ Double($0) }), seconds >= 0 {
            configuration.fileGraceMilliseconds = Int(min(seconds, 1_000_000_000) * 1_000)
        }
        try RayletConfiguration.read("verbose_spill_logs", environment, in: 0...1e15) {
            configuration.spillNoticeBytes = Int($0)
        }
        try RayletConfiguration.read("scheduler_spread_threshold", environment, in: 0...1) {
            configuration.spreadThreshold = $0
        }
        configuration.trace = try TraceSettings(environment)
        let server = try GCSServer(configuration: configuration)
        var ready = "ready port=\(server.port)"
        if let port = server.clientPort { ready += " client_port=\(port)" }
        note("gcs_server", settings, headHost: configuration.host, port: String(server.port))
        if let path = settings["port_file"] { try writePort(server.port, path) }
        RoleSettings.report(ready)
        let reason = server.run()
        guard !server.hasFailed else { throw RayError(.systemError, reason) }
    }

    /// Ray's own Python notes nothing of the processes that it starts: they do so themselves, so that our commands and
    /// `ray.init(address: "auto")` find its clusters, too.
    private static func note(_ role: String, _ settings: RoleSettings, headHost: String, port: String) {
        guard notesItself(settings) else { return }
        let session = SessionDirectory(path: settings["session"] ?? "")
        session.note(role: role, processID: getpid())
        session.note(headHost: headHost, port: port)
    }

    private static func notesItself(_ settings: RoleSettings) -> Bool { settings["notes_itself"] == "1" }

    /// Ray's Python waits for this file to appear, whole.
    private static func writePort(_ port: UInt16, _ path: String) throws(RayError) {
        guard writeFile(path + ".tmp", "\(port)"), rename(path + ".tmp", path) == 0 else {
            throw RayError(.systemError, "the port cannot be written to \(path)")
        }
    }

    private static func runRaylet(_ settings: RoleSettings) throws(RayError) {
        guard let node = settings["node"].flatMap({ NodeID(hex: $0) }), let store = settings.integer("store") else {
            throw RayError(.invalidArgument, "the raylet's settings are damaged")
        }
        var configuration = RayletConfiguration(
            sessionDirectory: settings["session"] ?? "", nodeID: node, nodeName: settings["name"] ?? "",
            host: settings["host"] ?? "127.0.0.1",
            gcsAddress: "\(settings["gcs_host"] ?? ""):\(settings["gcs_port"] ?? "")",
            gcsSocketPath: settings["gcs_socket"] ?? "", token: settings["token"] ?? "",
            tokenSource: settings["token_source"] ?? "", resources: settings.resources, storeCapacity: store)
        configuration.port = settings.port("port") ?? 0
        configuration.isHead = settings["head"] == "1"
        configuration.labels = (settings["labels"] ?? "").split(separator: ",").compactMap { item in
            guard let equals = item.firstIndex(of: "=") else { return nil }
            return NodeLabel(key: String(item[..<equals]), value: String(item[item.index(after: equals)...]))
        }
        configuration.spillDirectory = settings["spill_directory"]
        configuration.expectedProgram = settings.program
        try configuration.tune(environment)
        if let text = settings["head_settings"] {
            configuration.headRole = RoleSettings(text: text)
        }
        let server = try RayletServer(configuration: configuration)
        let port = server.address.port
        note("raylet", settings, headHost: settings["gcs_host"] ?? "", port: settings["gcs_port"] ?? "")
        let reason = server.run { RoleSettings.report("ready port=\(port)") }
        // Without effect if it was ready before.
        RoleSettings.report("error the node cannot join: \(reason)")
    }
}
