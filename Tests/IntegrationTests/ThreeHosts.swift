//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

/// A head and two nodes as on three machines: each has a network and session folders of its own, with a cable to one
/// switch that can be pulled out.
///
///     head 10.77.0.1 ─veth─┐
///     second 10.77.0.2 ────┼─ bridge (hub)
///     third 10.77.0.3 ─────┘
final class ThreeHosts {
    static let names = ["head", "second", "third"]
    static let reason: Comment = "wants the right to make network namespaces, bridges and pairs of interfaces"

    /// Whether this machine lets the tests make such hosts.
    static let arePossible: Bool = {
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        probe.arguments = [
            "-nm", "/bin/sh", "-c",
            "mount -t tmpfs none /mnt && ip link add hub type bridge && ip link add one type veth peer name two",
        ]
        probe.standardError = FileHandle.nullDevice
        guard access("/usr/bin/unshare", X_OK) == 0, (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    let sandbox: Sandbox
    /// The processes that hold the namespaces, by name; `hub` is the switch.
    private var keepers: [String: Child] = [:]
    private let environment: [String: String]
    /// The head's address at the moment; nodes and programs know it by name.
    private(set) var headHost = "10.77.0.1"

    var address: String { "head.test:6379" }

    /// Starts a node of one CPU on each host.
    init(_ sandbox: Sandbox) async throws {
        self.sandbox = sandbox
        environment = [
            "RAY_AUTH_TOKEN": String(repeating: "0123456789abcdef", count: 4),
            "RAY_gcs_storage_path": sandbox.folder + "/storage",
        ]
        try FileManager.default.createDirectory(atPath: sandbox.folder + "/ray", withIntermediateDirectories: true)
        for name in ["hub"] + Self.names {
            keepers[name] = try sandbox.start(
                "/usr/bin/unshare",
                [
                    "-nm", "/bin/sh", "-c",
                    "mount -t tmpfs none '\(sandbox.folder)/ray' && echo '\(headHost) head.test' "
                        + "> '\(sandbox.folder)/ray/hosts' && mount --bind '\(sandbox.folder)/ray/hosts' /etc/hosts "
                        + "&& ip link set lo up && echo there && exec sleep 1000",
                ])
        }
        for (name, keeper) in keepers {
            let isThere = try await eventually(within: .seconds(10)) { keeper.output.contains("there") }
            try #require(isThere, "\(name): \(keeper.everything)")
        }
        try await shell("hub", "ip link add hub type bridge && ip link set hub up")
        for (index, name) in Self.names.enumerated() {
            let process = try #require(keepers[name]).processID
            try await shell(
                "hub",
                "ip link add \(name) type veth peer name eth0 netns \(process) && ip link set \(name) master hub up")
            try await shell(name, "ip addr add 10.77.0.\(index + 1)/24 dev eth0 && ip link set eth0 up")
        }
        try await start("head")
        try await start("second")
        try await start("third")
    }

    /// Starts the node of a host.
    func start(_ name: String) async throws {
        let index = try #require(Self.names.firstIndex(of: name)) + 1
        let isHead = name == "head"
        let place = isHead ? ["--head", "--port=6379"] : ["--address=\(address)"]
        let node = try await run(
            name,
            [Sandbox.programs + "/ray", "start"] + place + [
                "--node-ip-address=\(isHead ? headHost : "10.77.0.\(index)")", "--num-cpus=1", "--node-name=\(name)",
                "--object-store-memory=134217728",
            ])
        try #require(node.exitCode == 0, "\(node.everything)")
    }

    /// Kills the head's node and starts it again at another address, behind the same name and with its journal.
    func moveHead() async throws {
        for process in sandbox.processes where process.environment.contains("TEST_HOST=head") {
            if process.name == "raylet" || process.name == "gcs_server" { kill(process.processID, SIGKILL) }
        }
        headHost = "10.77.0.9"
        try await shell("head", "ip addr flush dev eth0 && ip addr add \(headHost)/24 dev eth0")
        for name in Self.names { try await shell(name, "echo '\(headHost) head.test' > /etc/hosts") }
        try await start("head")
    }

    /// Pulls a host's cable out, or puts it back.
    func setCable(of name: String, isIn: Bool) async throws {
        try await shell("hub", "ip link set \(name) \(isIn ? "up" : "down")")
    }

    /// Whether what one host sends to another gets there; the other way is not touched.
    func setRoute(from source: String, to target: String, isThere: Bool) async throws {
        let index = try #require(Self.names.firstIndex(of: target)) + 1
        try await shell(source, "ip route \(isThere ? "del" : "add") blackhole 10.77.0.\(index)/32")
    }

    /// Starts a program on a host, as a driver that joins the cluster.
    func startProgram(_ arguments: [String], on name: String = "head") throws -> Child {
        var variables = environment
        variables["RAY_ADDRESS"] = address
        return try sandbox.start(
            "/usr/bin/nsenter", try entry(name) + [Sandbox.programs + "/raytestprogram"] + arguments,
            environment: variables)
    }

    /// What `ray status` says on the head's host.
    func status() async throws -> String {
        try await run("head", [Sandbox.programs + "/ray", "status"]).output
    }

    /// Whether `ray status` comes to say something.
    func status(within limit: Duration, _ condition: (String) -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            if condition(try await status()) { return true }
        }
        return false
    }

    /// The ends of a host's logs.
    func logs(of name: String) async throws -> String {
        try await run(name, ["/bin/sh", "-c", "tail -n 20 '\(sandbox.folder)'/ray/*/logs/raylet*"]).output
    }

    /// The raylet of a host, if it runs.
    func raylet(of name: String) -> ProcessEntry? {
        sandbox.roles("raylet").first { $0.environment.contains("TEST_HOST=\(name)") }
    }

    /// Ends nodes and hosts.
    func stop() async throws {
        for name in Self.names.reversed() {
            let stop = try await run(name, [Sandbox.programs + "/ray", "stop"])
            #expect(stop.exitCode == 0, "\(stop.everything)")
        }
        let left = sandbox.processes.filter { $0.name == "raylet" || $0.name == "gcs_server" || $0.isWorker }
        #expect(left.isEmpty, "'ray stop' has left \(left)")
        for keeper in keepers.values { keeper.send(SIGKILL) }
    }

    private func entry(_ name: String) throws -> [String] {
        ["-t", "\(try #require(keepers[name]).processID)", "-n", "-m", "--"]
    }

    private func run(_ name: String, _ command: [String]) async throws -> Child {
        var variables = environment
        variables["TEST_HOST"] = name
        let child = try sandbox.start("/usr/bin/nsenter", try entry(name) + command, environment: variables)
        try await child.end(within: .seconds(40))
        return child
    }

    private func shell(_ name: String, _ line: String) async throws {
        let child = try await run(name, ["/bin/sh", "-c", line])
        try #require(child.exitCode == 0, "\(name): \(line)\n\(child.everything)")
    }
}
