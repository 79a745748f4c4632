//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

/// Whether this machine lets the tests make namespaces.
enum Namespaces {
    static let isPossible: Bool = {
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        probe.arguments = ["-mpf", "--mount-proc", "true"]
        probe.standardError = FileHandle.nullDevice
        guard access("/usr/bin/unshare", X_OK) == 0, (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()
}

extension IntegrationTests {
    /// What happens in containers: process 1, the operator's command lines, small disks. Wants the right to make
    /// namespaces.
    @Suite("Containers", .enabled(if: Namespaces.isPossible))
    struct Containers {
        /// Starts the operator's command line in a namespace of its own, as its process 1.
        private func start(_ sandbox: Sandbox, _ line: String) throws -> Child {
            try sandbox.start(
                "/usr/bin/unshare",
                [
                    "-pf", "--mount-proc", "--kill-child", "/bin/bash", "-c", "--",
                    "ulimit -n ${RAY_START_ULIMIT_OPEN_FILES:-65536}; exec '\(Sandbox.programs)/ray' start \(line)",
                ])
        }

        @Test(
            "The operator's command lines start nodes, as process 1; SIGTERM ends them with code 0",
            .timeLimit(.minutes(1)))
        func commandLines() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let head = try start(
                    sandbox,
                    "--head  --block  --dashboard-agent-listen-port=52365  --dashboard-host=0.0.0.0  "
                        + "--memory=1073741824  --metrics-export-port=8080  --num-cpus=1 --port=\(port) "
                        + "--ray-client-server-port=\(try Sandbox.freePort())")
                #expect(
                    try await eventually(within: .seconds(10)) { head.output.contains("--block") }, "\(head.everything)"
                )
                let worker = try start(
                    sandbox,
                    "--address=127.0.0.1:\(port)  --block  --dashboard-agent-listen-port=52365  "
                        + "--memory=1073741824  --metrics-export-port=8080  --num-cpus=1  --num-gpus=3")
                #expect(
                    try await eventually(within: .seconds(10)) { worker.output.contains("--block") },
                    "\(worker.everything)")
                let status = try await sandbox.run("ray", "status", "--address", "127.0.0.1:\(port)")
                #expect(
                    status.output.contains("/2.0 CPU") && status.output.contains("/3.0 GPU"), "\(status.everything)")
                for child in [worker, head] {
                    // The program itself, not `unshare`, which waits for it.
                    let name = "PPid:\t\(child.processID)\n"
                    let first = try #require(
                        sandbox.processes.first { process in
                            let path = "/proc/\(process.processID)/status"
                            return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
                                .contains(name)
                        })
                    kill(first.processID, SIGTERM)
                    let code = try await child.end(within: .seconds(15))
                    #expect(code == 0, "\(child.everything)")
                }
            }
        }

        @Test("A full disk is an error in words, and nothing stays", .timeLimit(.minutes(1)))
        func fullDisk() async throws {
            try await Sandbox.run { sandbox in
                let folder = sandbox.folder + "/ray"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                for command in ["raytestprogram' square", "ray' start --head --port=0 --ray-client-server-port=0"] {
                    let child = try sandbox.start(
                        "/usr/bin/unshare",
                        [
                            "-m", "/bin/sh", "-c",
                            "mount -t tmpfs -o nr_inodes=4 none '\(folder)' && exec '\(Sandbox.programs)/\(command)",
                        ])
                    let code = try await child.end()
                    #expect(code == 1, "\(child.everything)")
                    #expect((child.output + child.errors).contains("No space left on device"), "\(child.everything)")
                }
                let next = try await sandbox.run("raytestprogram", "square")
                #expect(next.output.contains("square: 49"), "\(next.everything)")
            }
        }

        /// A folder with `ray` and the libraries of Swift that it needs, as an image of a node has them.
        private func makeImage(_ sandbox: Sandbox, libraries: String) async throws -> String {
            let image = sandbox.folder + "/image"
            try FileManager.default.createDirectory(atPath: image, withIntermediateDirectories: true)
            let copy = try await sandbox.run(
                "/bin/sh", "-c",
                "cp -L '\(Sandbox.programs)/ray' '\(image)' && ldd '\(image)/ray' | awk '{print $3}' "
                    + "| grep '^\(libraries)' "
                    + "| xargs cp -t '\(image)'")
            try #require(copy.exitCode == 0, "\(copy.everything)")
            return image
        }

        @Test(
            "A node without the toolchain refuses a program that needs it, with the remedy; others run",
            .timeLimit(.minutes(1)))
        func bareNode() async throws {
            try await Sandbox.run { sandbox in
                let found = try await sandbox.run(
                    "/bin/sh", "-c", "ldd '\(Sandbox.programs)/ray' | awk '/libswiftCore.so/ {print $3}'")
                let core = try #require(found.output.split(separator: "\n").first, "ray needs no toolchain")
                let libraries = URL(fileURLWithPath: String(core)).deletingLastPathComponent().path
                let image = try await makeImage(sandbox, libraries: libraries)
                let port = try Sandbox.freePort()
                let head = try await sandbox.run(
                    "ray", "start", "--head", "--port=\(port)", "--ray-client-server-port=\(try Sandbox.freePort())",
                    "--num-cpus=1", "--object-store-memory=67108864")
                #expect(head.exitCode == 0, "\(head.everything)")
                let node = try await sandbox.run(
                    "/usr/bin/unshare", "-m", "/bin/sh", "-c",
                    "mount -t tmpfs none '\(libraries)' && mount -t tmpfs none '\(Sandbox.programs)' "
                        + "&& exec '\(image)/ray' "
                        + "start --address=127.0.0.1:\(port) --num-cpus=1 --object-store-memory=67108864 "
                        + "--resources='{\"bare\": 1}'")
                #expect(node.exitCode == 0, "\(node.everything)")
                let environment = ["RAY_ADDRESS": "127.0.0.1:\(port)"]
                let driver = try await sandbox.run("raytestprogram", "bare", environment: environment)
                #expect(driver.output.contains("SystemError.runtimeEnvSetup"), "\(driver.everything)")
                #expect(driver.output.contains("--static-swift-stdlib"), "\(driver.everything)")
                #expect(driver.output.contains("next: 9"), "\(driver.everything)")
                // Built apart, with the remedy, by NIGHTLY=1 make test.
                if let program = ProcessInfo.processInfo.environment["RAY_TEST_STATIC"] {
                    let fixed = try await sandbox.run(
                        program, "--resource=bare", "2", "3", "7", environment: environment)
                    #expect(fixed.output.contains("squares: [4, 9, 49]"), "\(fixed.everything)")
                    #expect(fixed.output.contains("dependency: 12 ray"), "\(fixed.everything)")
                }
                let stop = try await sandbox.run("ray", "stop")
                #expect(stop.exitCode == 0, "\(stop.everything)")
            }
        }
    }
}
