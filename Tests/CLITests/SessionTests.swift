//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCLI
import RayCore
import Testing

@Suite("Sessions on this machine")
struct SessionTests {
    private let old = AddressLookup.LocalHead(address: HostAddress(host: "127.0.0.1", port: 7000), token: "old")
    private let new = AddressLookup.LocalHead(address: HostAddress(host: "10.0.0.5", port: 6379), token: "new")

    @Test("The address given wins over the environment's, and that over a session's")
    func order() throws {
        let given = try AddressLookup(given: "a:1", environment: "b:2", localHeads: [old])
        #expect(given.address == HostAddress(host: "a", port: 1))
        #expect(given.sessionToken.isEmpty)
        let environment = try AddressLookup(given: nil, environment: "b:2", localHeads: [old])
        #expect(environment.address == HostAddress(host: "b", port: 2))
        let local = try AddressLookup(given: nil, environment: "auto", localHeads: [old, new])
        #expect(local.address == new.address)
        #expect(local.sessionToken == "new")
    }

    @Test("A loopback address finds the local head that listens on another address with that port")
    func loopback() throws {
        let lookup = try AddressLookup(given: nil, environment: "127.0.0.1:6379", localHeads: [old, new])
        #expect(lookup.address == new.address)
        #expect(lookup.sessionToken == "new")
    }

    @Test("Processes that Ray's own Python has started are known by their command lines")
    func commandLines() {
        let search = SessionProcesses(sessions: ["/tmp/ray/session_a"], heads: ["127.0.0.1:6379"])
        let client = ["python", "setup_worker.py", "-m", "ray.util.client.server", "--address=127.0.0.1:6379"]
        for (words, role) in [
            (["/site/raylet", "--head", "--session_dir=/tmp/ray/session_a"], "raylet"),
            (["/site/gcs_server", "--session-dir=/tmp/ray/session_a"], "gcs_server"),
            (["/bin/python", "-u", "/site/log_monitor.py", "--session-dir=/tmp/ray/session_a"], "log_monitor.py"),
            (client, "ray.util.client.server"),
        ] { #expect(search.role(words) == role) }
        for words in [
            [], ["raylet"], ["raylet", "--session_dir=/tmp/ray/session_b"],
            ["vim", "/tmp/ray/session_a/logs/raylet.out"],
            ["sh", "-c", "raylet --session_dir=/tmp/ray/session_a"],
            Array(client.dropLast()) + ["--address=127.0.0.1:7000"], Array(client.dropLast()),
        ] { #expect(search.role(words) == nil, "\(words)") }
    }

    @Test("Without any address the error says how to start or name a cluster")
    func nothing() throws {
        let error = try #require(throws: RayError.self) {
            try AddressLookup(given: nil, environment: nil, localHeads: [])
        }
        #expect(CommandFailure(error).exitCode == 1)
        #expect(error.message.contains("ray start --head"))
    }

    @Test("IPv6 addresses have brackets on command lines and need none in a session's file")
    func ipv6() throws {
        #expect(try HostAddress(parsing: "[::1]:6379") == HostAddress(host: "::1", port: 6379))
        #expect(HostAddress(line: "::1:6379") == HostAddress(host: "::1", port: 6379))
        #expect(HostAddress(host: "::1", port: 6379).description == "[::1]:6379")
        #expect(throws: UsageError.self) { try HostAddress(parsing: "::1:6379") }
        #expect(HostAddress(line: "") == nil)
    }

    @Test("Of ended sessions the latest ten keep their logs; young and living ones are left alone")
    func cleanup() {
        var sessions = (0..<15).map {
            SessionCleanup.Candidate(path: "s\($0)", isLive: $0 == 3, ageSeconds: 1000)
        }
        sessions[14].ageSeconds = 5
        let cleanup = SessionCleanup(sessions)
        #expect(cleanup.removed == ["s0", "s1", "s2"])
        #expect(cleanup.reducedToLogs == (4..<14).map { "s\($0)" })
    }

    @Test("The report of a head on loopback says how others reach it")
    func loopbackReport() {
        var report = StartReport(
            isHead: true, nodeHost: "127.0.0.1", head: HostAddress(host: "127.0.0.1", port: 6379), clientPort: 10001,
            session: "/tmp/ray/s", tokenSource: "~/.ray/auth_token", temporaryRoot: nil, isBlocking: false)
        #expect(report.text.hasPrefix("Local node IP: 127.0.0.1\n"))
        #expect(report.text.contains("Ray runtime started."))
        #expect(
            report.text.contains(
                "To add another node to this Ray cluster, run\n    ray start --address='127.0.0.1:6379'"))
        #expect(report.text.contains("listens on loopback only"))
        #expect(report.text.contains("token, which is kept in ~/.ray/auth_token"))
        #expect(report.text.hasSuffix("To terminate the Ray runtime, run\n    ray stop"))
        report.nodeHost = "10.0.0.5"
        report.tokenSource = nil
        #expect(!report.text.contains("loopback"))
        #expect(report.text.contains("Warning: this cluster asks for no token."))
    }
}
