//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Testing

extension IntegrationTests {
    @Suite("Processes that are killed")
    struct Failures {
        private func lines(_ child: Child) -> [Substring] { child.output.split(separator: "\n") }

        @Test("A task whose worker is killed runs again", .timeLimit(.minutes(1)))
        func retry() async throws {
            try await Sandbox.run { sandbox in
                let driver = try sandbox.start("raytestprogram", ["hang", sandbox.folder + "/pid", "3"])
                let worker = try #require(pid_t(try await sandbox.file("pid")))
                kill(worker, SIGKILL)
                let code = try await driver.end()
                #expect(code == 0, "\(driver.everything)")
                #expect(driver.output.contains("attempt: 1"), "\(driver.everything)")
                #expect(driver.output.contains("next: 9"), "\(driver.everything)")
            }
        }

        @Test("Without retries the error says what ended the worker", .timeLimit(.minutes(1)))
        func noRetry() async throws {
            try await Sandbox.run { sandbox in
                let driver = try sandbox.start("raytestprogram", ["hang", sandbox.folder + "/pid", "0"])
                let worker = try #require(pid_t(try await sandbox.file("pid")))
                let start = ContinuousClock.now
                kill(worker, SIGKILL)
                let code = try await driver.end()
                #expect(code == 0, "\(driver.everything)")
                #expect(start.duration(to: .now) < .seconds(10))
                let error = lines(driver).first { $0.contains("SystemError.workerCrashed") }
                #expect(error?.contains("signal 9") ?? false, "\(driver.everything)")
                #expect(driver.output.contains("next: 9"), "\(driver.everything)")
            }
        }

        @Test(
            "When the driver is killed its cluster goes, spinning workers and their children too",
            .timeLimit(.minutes(1)), arguments: [SIGKILL, SIGTERM])
        func driver(_ signal: Int32) async throws {
            try await Sandbox.run { sandbox in
                let driver = try sandbox.start("raytestprogram", ["spin", sandbox.folder + "/pids"])
                let pids = try await sandbox.file("pids").split(separator: " ").compactMap { pid_t($0) }
                #expect(pids.count == 2 && pids.allSatisfy { kill($0, 0) == 0 })
                driver.send(signal)
                try await driver.end()
                let left = try await sandbox.leftovers(within: .seconds(10))
                #expect(left.isEmpty, "left after 10 seconds: \(left)")
            }
        }

        @Test("When a driver of a standing cluster is killed its workers go", .timeLimit(.minutes(1)))
        func joinedDriver() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let driver = try sandbox.start(
                    "raytestprogram", ["spin", sandbox.folder + "/pids"], environment: ["RAY_ADDRESS": cluster.address])
                _ = try await sandbox.file("pids")
                driver.send(SIGKILL)
                try await driver.end()
                let isGone = try await eventually(within: .seconds(10)) {
                    sandbox.processes.allSatisfy { $0.name == "raylet" || $0.name == "gcs_server" }
                }
                #expect(isGone, "left after 10 seconds: \(sandbox.processes)")
                let next = try await sandbox.run(
                    "raytestprogram", "square", environment: ["RAY_ADDRESS": cluster.address])
                #expect(next.output.contains("square: 49"), "\(next.everything)")
                try await cluster.stop()
            }
        }

        @Test(
            "When the head or raylet of a driver's own cluster is killed, get ends with a typed error",
            .timeLimit(.minutes(1)), arguments: ["raylet", "gcs_server"])
        func role(_ name: String) async throws {
            try await Sandbox.run { sandbox in
                let driver = try sandbox.start("raytestprogram", ["sleep"])
                #expect(try await eventually(within: .seconds(20)) { driver.output.contains("waiting") })
                let role = try #require(sandbox.roles(name).first)
                kill(role.processID, SIGKILL)
                try await driver.end(within: .seconds(10))
                #expect(driver.output.contains("SystemError."), "\(driver.everything)")
            }
        }

        @Test(
            "When a node of a standing cluster is killed its workers go, and ray status says why",
            .timeLimit(.minutes(1)))
        func node() async throws {
            try await Sandbox.run { sandbox in
                let cluster = try await ThreeNodes(sandbox)
                let environment = ["RAY_ADDRESS": cluster.address]
                let driver = try sandbox.start("raytestprogram", ["churn", "9000"], environment: environment)
                #expect(
                    try await eventually(within: .seconds(20)) {
                        cluster.processes(of: "second").contains(where: \.isWorker)
                    })
                let raylet = try #require(cluster.processes(of: "second").first { $0.name == "raylet" })
                kill(raylet.processID, SIGKILL)
                let isGone = try await eventually(within: .seconds(10)) { cluster.processes(of: "second").isEmpty }
                #expect(isGone, "left after 10 seconds: \(cluster.processes(of: "second"))")
                let code = try await driver.end(within: .seconds(30))
                #expect(code == 0 && !driver.output.contains("hung:"), "\(driver.everything)")
                let status = try await sandbox.run("ray", "status")
                #expect(status.output.contains("/2.0 CPU"), "\(status.everything)")
                #expect(!status.output.contains("(no failures)"), "\(status.everything)")
                try await cluster.stop()
            }
        }

        @Test(
            "When the head dies under --block the command ends with 1 at once, and the same storage goes on",
            .timeLimit(.minutes(1)))
        func blockingHead() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let clientPort = try Sandbox.freePort()
                let arguments = [
                    "start", "--head", "--block", "--port=\(port)", "--ray-client-server-port=\(clientPort)",
                    "--num-cpus=1", "--object-store-memory=134217728",
                ]
                let storage = ["RAY_gcs_storage_path": sandbox.folder + "/storage"]
                for _ in 0..<2 {
                    let command = try sandbox.start("ray", arguments, environment: storage)
                    let isUp = try await eventually(within: .seconds(20)) { sandbox.roles("raylet").count == 1 }
                    #expect(isUp, "\(command.everything)")
                    let program = try await sandbox.run("raytestprogram", "address", "127.0.0.1:\(port)")
                    #expect(program.output.contains("square: 49"), "\(program.everything)")
                    let head = try #require(sandbox.roles("gcs_server").first)
                    kill(head.processID, SIGKILL)
                    let code = try await command.end(within: .seconds(10))
                    #expect(code == 1, "\(command.everything)")
                    let left = try await sandbox.leftovers(within: .seconds(10))
                    #expect(left.isEmpty, "left after 10 seconds: \(left)")
                }
                let stop = try await sandbox.run("ray", "stop")
                #expect(stop.exitCode == 0, "\(stop.everything)")
            }
        }
    }
}
