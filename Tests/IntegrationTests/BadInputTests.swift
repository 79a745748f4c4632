//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

extension IntegrationTests {
    @Suite("Bad input")
    struct BadInput {
        /// Runs a mode of the test program in a cluster of its own.
        private func run(
            _ mode: String, _ arguments: String..., code: Int32 = 0, errors: [String] = [], lines: [String] = [],
            location: SourceLocation = #_sourceLocation
        ) async throws {
            try await Sandbox.run { sandbox in
                let child = try sandbox.start("raytestprogram", [mode] + arguments)
                let found = try await child.end(within: .seconds(40))
                #expect(found == code, "\(child.everything)", sourceLocation: location)
                for text in lines {
                    #expect(child.output.contains(text), "no '\(text)'\n\(child.everything)", sourceLocation: location)
                }
                for text in errors {
                    #expect(child.errors.contains(text), "no '\(text)'\n\(child.everything)", sourceLocation: location)
                }
            }
        }

        private func start(_ sandbox: Sandbox, port: UInt16, _ more: String...) throws -> Child {
            try sandbox.start(
                "ray",
                [
                    "start", "--head", "--port=\(port)", "--ray-client-server-port=\(try Sandbox.freePort())",
                    "--num-cpus=1", "--object-store-memory=67108864",
                ] + more)
        }

        @Test("Without the token, or with a wrong one, nobody gets in, and is told why", .timeLimit(.minutes(1)))
        func token() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let head = try start(sandbox, port: port)
                try await head.end()
                #expect(head.exitCode == 0, "\(head.everything)")
                let address = "127.0.0.1:\(port)"
                let stranger = ["HOME": sandbox.folder + "/other", "RAY_TMPDIR": sandbox.folder + "/elsewhere"]
                let wrong = stranger.merging(["RAY_AUTH_TOKEN": "wrong"]) { $1 }
                for environment in [stranger, wrong] {
                    for command in [["status"], ["health-check"]] {
                        let child = try sandbox.start(
                            "ray", command + ["--address", address], environment: environment)
                        try await child.end()
                        #expect(child.exitCode == 1, "\(child.everything)")
                        #expect(child.errors.contains("RAY_AUTH_TOKEN"), "\(child.everything)")
                    }
                    let node = try sandbox.start(
                        "ray", ["start", "--address", address, "--num-cpus=1"], environment: environment)
                    try await node.end()
                    #expect(node.exitCode == 1, "\(node.everything)")
                    #expect(node.errors.contains("RAY_AUTH_TOKEN"), "\(node.everything)")
                    let driver = try sandbox.start("raytestprogram", ["address", address], environment: environment)
                    try await driver.end()
                    #expect(driver.exitCode == 1, "\(driver.everything)")
                    #expect(driver.output.contains("authentication"), "\(driver.everything)")
                    #expect(driver.output.contains("RAY_AUTH_TOKEN"), "\(driver.everything)")
                }
                let allowed = try await sandbox.run("raytestprogram", "address", address)
                #expect(allowed.output.contains("square: 49"), "\(allowed.everything)")
                let stop = try await sandbox.run("ray", "stop")
                #expect(stop.exitCode == 0, "\(stop.everything)")
            }
        }

        @Test("A port in use is named, and the cluster that has it goes on", .timeLimit(.minutes(1)))
        func portInUse() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let first = try start(sandbox, port: port)
                try await first.end()
                let second = try start(sandbox, port: port)
                try await second.end()
                #expect(second.exitCode == 2, "\(second.everything)")
                #expect(second.errors.contains("runs at 127.0.0.1:\(port) already"), "\(second.everything)")
                // Whose cluster that is cannot be known from another folder of sessions.
                let other = sandbox.folder + "/other"
                let third = try await sandbox.run(
                    "ray", "start", "--head", "--port=\(port)", "--ray-client-server-port=0", "--temp-dir=\(other)")
                #expect(third.exitCode == 1, "\(third.everything)")
                let words = "port \(port) on 127.0.0.1 is in use"
                #expect(third.errors.contains(words) && third.errors.contains("with --port"), "\(third.everything)")
                let left = try FileManager.default.contentsOfDirectory(atPath: other)
                #expect(left.isEmpty, "a failed start has left \(left)")
                let health = try await sandbox.run("ray", "health-check", "--address", "127.0.0.1:\(port)")
                #expect(health.exitCode == 0, "\(health.everything)")
                let stop = try await sandbox.run("ray", "stop")
                #expect(stop.exitCode == 0, "\(stop.everything)")
            }
        }

        @Test("An address at which there is no cluster is named with the remedy", .timeLimit(.minutes(1)))
        func address() async throws {
            let port = try Sandbox.freePort()
            try await run(
                "address", "127.0.0.1:\(port)", code: 1, lines: ["clusterUnreachable", "127.0.0.1:\(port)"])
            try await run("address", "auto", code: 1, lines: ["clusterUnreachable", "ray start --head"])
            try await run("address", "nonsense", code: 1, lines: ["invalidArgument", "host:port"])
            try await run("address", "no.such.host.invalid:6379", code: 1, lines: ["no.such.host.invalid"])
        }

        @Test("More CPUs than exist: the task waits, a warning says why, get times out", .timeLimit(.minutes(1)))
        func pending() async throws {
            try await run("pending", errors: ["(ray)", "64"], lines: ["SystemError.getTimeout", "next: 9"])
        }

        @Test("An argument that does not decode fails its call alone", .timeLimit(.minutes(1)))
        func undecodable() async throws {
            try await run("undecodable", lines: ["this value cannot be decoded", "next: 9"])
        }

        @Test("Calls before init are refused with the remedy", .timeLimit(.minutes(1)))
        func useBefore() async throws { try await run("use-before", code: 1, lines: ["ray.init"]) }

        @Test("A program that ends before init leaves nothing", .timeLimit(.minutes(1)))
        func endBefore() async throws {
            try await run("exit-before", code: 7)
            try await run("throw-before", code: 1, lines: ["thrown before init"])
        }

        @Test(
            "Workers that end before init: the call fails with a typed error", .timeLimit(.minutes(1)),
            arguments: ["worker-exits", "worker-throws"])
        func workers(_ mode: String) async throws { try await run(mode, lines: ["SystemError."]) }

        @Test("Input files that are not there are reported, the others are indexed", .timeLimit(.minutes(1)))
        func inputFiles() async throws {
            try await Sandbox.run { sandbox in
                let folder = sandbox.folder + "/input"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data("one two two".utf8).write(to: URL(fileURLWithPath: folder + "/text"))
                symlink("/nowhere", folder + "/dangling")
                let child = try await sandbox.run("wordindex", "--quiet", folder, sandbox.folder + "/missing")
                #expect(child.exitCode == 0, "\(child.everything)")
                #expect(child.output.hasPrefix("2 two\n1 one\n"), "\(child.everything)")
                #expect(child.output.contains("1 unreadable"), "\(child.everything)")
                #expect(child.output.contains("/missing: No such file"), "\(child.everything)")
                let none = try await sandbox.run("wordindex", sandbox.folder + "/missing")
                #expect(none.exitCode == 1, "\(none.everything)")
                #expect(none.errors.contains("no files under"), "\(none.everything)")
            }
        }

        @Test("RAY_TMPDIR may have a name of 90 characters", .timeLimit(.minutes(1)))
        func longFolder() async throws {
            let name = "rt-\(UInt32.random(in: .min ... .max))-"
            let folder = "/tmp/" + name + String(repeating: "x", count: 90 - name.utf8.count)
            try await Sandbox.run(folder: folder) { sandbox in
                let driver = try await sandbox.run("raytestprogram", "square")
                #expect(driver.output.contains("square: 49"), "\(driver.everything)")
                let port = try Sandbox.freePort()
                let head = try start(sandbox, port: port)
                try await head.end()
                #expect(head.exitCode == 0, "\(head.everything)")
                let joined = try await sandbox.run("raytestprogram", "address", "127.0.0.1:\(port)")
                #expect(joined.output.contains("square: 49"), "\(joined.everything)")
                let stop = try await sandbox.run("ray", "stop")
                #expect(stop.exitCode == 0, "\(stop.everything)")
            }
        }

        @Test("start --block ends with code 0 at SIGTERM and takes its processes with it", .timeLimit(.minutes(1)))
        func block() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let head = try start(sandbox, port: port, "--block", "--disable-usage-stats", "--dashboard-port=8265")
                #expect(try await eventually(within: .seconds(10)) { head.output.contains("--block") })
                #expect(head.errors.contains("--dashboard-port is accepted but not served yet"), "\(head.everything)")
                #expect(head.isRunning, "\(head.everything)")
                let driver = try await sandbox.run("raytestprogram", "address", "127.0.0.1:\(port)")
                #expect(driver.output.contains("square: 49"), "\(driver.everything)")
                head.send(SIGTERM)
                let code = try await head.end(within: .seconds(15))
                #expect(code == 0, "\(head.everything)")
            }
        }

        @Test("Unknown options and contradictions are usage errors", .timeLimit(.minutes(1)))
        func options() async throws {
            try await Sandbox.run { sandbox in
                for arguments in [["--no-such-option"], ["--head", "--address=127.0.0.1:1"], []] {
                    let child = try sandbox.start("ray", ["start"] + arguments)
                    try await child.end()
                    #expect(child.exitCode == 2, "\(arguments)\n\(child.everything)")
                    #expect(!child.errors.isEmpty)
                }
            }
        }
    }

    @Suite("Object store")
    struct Store {
        @Test("100,000 puts of 1 MB through a store of 256 MB", .timeLimit(.minutes(3)))
        func puts() async throws {
            try await Sandbox.run { sandbox in
                let child = try sandbox.start("raytestprogram", ["puts", "100000"])
                let code = try await child.end(within: .seconds(150))
                #expect(code == 0, "\(child.everything)")
                #expect(
                    child.output.contains("puts: 100000") && child.output.contains("last: true"), "\(child.everything)")
                print(child.output)
            }
        }
    }
}
