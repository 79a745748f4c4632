//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// The modes in which a cluster can be started, each with real processes.
    @Suite("Security modes")
    struct Security {
        /// Starts a head in a way, asks for its state as somebody without its files, with and without a token, and
        /// ends it.
        private func check(
            _ variables: [String: String], stranger: [String: String] = [:], isAllowed: Bool,
            _ body: (Sandbox, _ status: String) throws -> Void = { _, _ in }
        ) async throws {
            try await Sandbox.run { sandbox in
                let file = sandbox.folder + "/token"
                try Data("from a file\n".utf8).write(to: URL(fileURLWithPath: file))
                func resolved(_ values: [String: String]) -> [String: String] {
                    values.mapValues { $0 == "FILE" ? file : $0 }
                }
                let port = try Sandbox.freePort()
                let head = try sandbox.start(
                    "ray",
                    [
                        "start", "--head", "--port=\(port)", "--ray-client-server-port=\(try Sandbox.freePort())",
                        "--num-cpus=1", "--object-store-memory=67108864",
                    ], environment: resolved(variables))
                try await head.end()
                #expect(head.exitCode == 0, "\(head.everything)")
                let elsewhere = ["HOME": sandbox.folder + "/other", "RAY_TMPDIR": sandbox.folder + "/elsewhere"]
                let status = try await sandbox.run(
                    "ray", "status", "--address", "127.0.0.1:\(port)",
                    environment: elsewhere.merging(resolved(stranger)) { $1 })
                #expect((status.exitCode == 0) == isAllowed, "\(status.everything)")
                if !isAllowed { #expect(status.errors.contains("RAY_AUTH_TOKEN"), "\(status.everything)") }
                try body(sandbox, status.output)
                let stop = try await sandbox.run("ray", "stop")
                #expect(stop.exitCode == 0, "\(stop.everything)")
            }
        }

        private func mode(of path: String) -> mode_t {
            var information = stat()
            return lstat(path, &information) == 0 ? information.st_mode & 0o777 : 0
        }

        @Test(
            "By hand, without a mode or with 'token', a token is made that only its user can read",
            .timeLimit(.minutes(1)), arguments: ["", "token"])
        func generated(_ name: String) async throws {
            try await check(["RAY_AUTH_MODE": name], isAllowed: false) { sandbox, _ in
                #expect(mode(of: sandbox.folder + "/home/.ray/auth_token") == 0o600)
                #expect(mode(of: sandbox.folder + "/ray/session_latest/auth_token") == 0o600)
            }
        }

        @Test("RAY_AUTH_MODE=disabled wants no token", .timeLimit(.minutes(1)))
        func disabled() async throws {
            try await check(["RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": "unused"], isAllowed: true)
        }

        @Test("A token is found in RAY_AUTH_TOKEN and RAY_AUTH_TOKEN_PATH", .timeLimit(.minutes(1)))
        func found() async throws {
            let given = ["RAY_AUTH_TOKEN": "from a file"]
            try await check(["RAY_AUTH_TOKEN_PATH": "FILE"], stranger: given, isAllowed: true)
            try await check(given, stranger: ["RAY_AUTH_TOKEN_PATH": "FILE"], isAllowed: true)
            try await check(given, stranger: ["RAY_AUTH_TOKEN": "another"], isAllowed: false)
        }

        @Test(
            "Under the operator a head answers on loopback too, and wants a token only if it was given one",
            .timeLimit(.minutes(1)))
        func operated() async throws {
            let operated = ["RAY_USAGE_STATS_KUBERAY_IN_USE": "1"]
            try await check(operated, isAllowed: true)
            let given = operated.merging(["RAY_AUTH_TOKEN": "secret"]) { $1 }
            try await check(given, isAllowed: false)
            try await check(given, stranger: ["RAY_AUTH_TOKEN": "secret"], isAllowed: true)
        }

        @Test(
            "With Ray's variables for TLS two nodes run a program, and who has none hears what is missing",
            .timeLimit(.minutes(2)))
        func tls() async throws {
            let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
            let tls = [
                "RAY_USE_TLS": "1", "RAY_TLS_SERVER_CERT": folder + "/Fixtures/TLS/node.pem",
                "RAY_TLS_SERVER_KEY": folder + "/Fixtures/TLS/node.key",
                "RAY_TLS_CA_CERT": folder + "/Fixtures/TLS/authority.pem",
            ]
            try await Sandbox.run { sandbox in
                let address = "127.0.0.1:\(try Sandbox.freePort())"
                let client = "127.0.0.1:\(try Sandbox.freePort())"
                let head = try await sandbox.run(
                    "ray", "start", "--head", "--port=\(address.split(separator: ":")[1])",
                    "--ray-client-server-port=\(client.split(separator: ":")[1])", "--num-cpus=1",
                    "--object-store-memory=67108864", environment: tls)
                #expect(head.exitCode == 0, "\(head.everything)")
                let node = try await sandbox.run(
                    "ray", "start", "--address=\(address)", "--num-cpus=1", "--node-ip-address=127.0.0.1",
                    "--object-store-memory=67108864", environment: tls)
                #expect(node.exitCode == 0, "\(node.everything)")
                let placement = try await sandbox.run(
                    "raytestprogram", "placement", environment: tls.merging(["RAY_ADDRESS": address]) { $1 })
                #expect(placement.exitCode == 0, "\(placement.everything)\n\(sandbox.logs)")
                let outside = try await sandbox.run("raytestprogram", "address", "ray://\(client)", environment: tls)
                #expect(outside.exitCode == 0, "\(outside.everything)")
                let plain = try await sandbox.run("ray", "status", "--address", address)
                #expect(plain.exitCode == 1 && plain.errors.contains("RAY_USE_TLS=1"), "\(plain.everything)")
                let half = try await sandbox.run(
                    "ray", "status", "--address", address, environment: ["RAY_USE_TLS": "1"])
                #expect(half.exitCode == 1 && half.errors.contains("RAY_TLS_SERVER_CERT"), "\(half.everything)")
                let stop = try await sandbox.run("ray", "stop", environment: tls)
                #expect(stop.exitCode == 0, "\(stop.everything)")
            }
        }

        @Test("Where nobody listens, commands say so within two seconds", .timeLimit(.minutes(1)))
        func nobody() async throws {
            try await Sandbox.run { sandbox in
                let address = "127.0.0.1:\(try Sandbox.freePort())"
                for command in ["status", "health-check"] {
                    let begin = ContinuousClock.now
                    let child = try await sandbox.run("ray", command, "--address", address)
                    #expect(begin.duration(to: .now) < .seconds(2))
                    #expect(child.exitCode == 1 && child.errors.contains(address), "\(child.everything)")
                }
            }
        }
    }
}
