//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// On machines that show GPUs and memory nodes which they do not have.
    @Suite("GPUs and memory nodes")
    struct Devices {
        @Test(
            "Tasks and actors get the GPUs of their leases, also past the death of workers and of the head",
            .timeLimit(.minutes(3)))
        func gpus() async throws {
            try await Sandbox.run { sandbox in
                let port = try Sandbox.freePort()
                let head = try await sandbox.run(
                    "ray", "start", "--head", "--port=\(port)", "--num-cpus=4", "--resources={\"large\": 1}",
                    "--object-store-memory=134217728",
                    environment: [
                        "RAY_device_root": try machine(sandbox, "large", gpus: 4, "Tesla T4"),
                        "CUDA_VISIBLE_DEVICES": "7,5,3",
                    ])
                try #require(head.exitCode == 0, "\(head.everything)")
                let node = try await sandbox.run(
                    "ray", "start", "--address=127.0.0.1:\(port)", "--num-cpus=4", "--node-ip-address=127.0.0.1",
                    "--resources={\"small\": 1}", "--object-store-memory=134217728",
                    environment: ["RAY_device_root": try machine(sandbox, "small", gpus: 2, "NVIDIA A100-SXM4-40GB")])
                try #require(node.exitCode == 0, "\(node.everything)")
                let program = try sandbox.start(
                    "raytestprogram", ["gpus", sandbox.folder], environment: ["RAY_ADDRESS": "127.0.0.1:\(port)"])
                let isReady = try await eventually(within: .seconds(60)) { program.output.contains("\nhead\n") }
                try #require(isReady, "\(program.everything)\n\(sandbox.logs)")
                let old = try #require(sandbox.roles("gcs_server").first).processID
                kill(old, SIGKILL)
                let isBack = try await eventually(within: .seconds(20)) {
                    sandbox.roles("gcs_server").contains { $0.processID != old }
                }
                #expect(isBack, "\(sandbox.logs)")
                try write(sandbox.folder + "/head", "")
                #expect(try await program.end(within: .seconds(60)) == 0, "\(program.everything)\n\(sandbox.logs)")
                let lines = program.output.split(separator: "\n").map(String.init)
                let expected = [
                    "driver: []", "none:  7,5,3", #"halves: ["0 0", "0 0", "1 1", "1 1"]"#,
                    #"wholes: ["3 3", "5 5", "7 7"]"#, "typed: 0,1 0,1", "actor: 7 7", "rest: 5,3 5,3",
                    #"labelled: ["A100 2.0", "T4 3.0"]"#, "head", "rest after the head: 5,3 5,3",
                    "actor after the head: true", "all: 7,5,3 7,5,3",
                ]
                #expect(lines == expected, "\(program.everything)\n\(sandbox.logs)")
                #expect(try await sandbox.run("ray", "stop").exitCode == 0)
            }
        }

        @Test("A node cannot be given more GPUs than the variable allows", .timeLimit(.minutes(1)))
        func tooMany() async throws {
            try await Sandbox.run { sandbox in
                let head = try await sandbox.run(
                    "ray", "start", "--head", "--port=\(try Sandbox.freePort())", "--num-gpus=2",
                    environment: ["CUDA_VISIBLE_DEVICES": "5"])
                #expect(head.exitCode != 0)
                #expect(
                    head.errors.contains(
                        "Attempting to start raylet with 2 GPU, but CUDA_VISIBLE_DEVICES contains ['5']"),
                    "\(head.everything)")
            }
        }

        @Test(
            "Workers are spread over memory nodes and stay there, unless they want more CPUs", .timeLimit(.minutes(1)),
            .enabled(if: sysconf(Int32(_SC_NPROCESSORS_ONLN)) >= 2, "two CPUs are needed"))
        func memoryNodes() async throws {
            let cpus = try allowedCPUs()
            try await Sandbox.run { sandbox in
                let root = sandbox.folder + "/machine"
                for (number, cpu) in cpus.chosen.enumerated() {
                    try write(root + "/sys/devices/system/node/node\(number)/cpulist", "\(cpu)\n")
                }
                let program = try await sandbox.run(
                    "raytestprogram", "memory-nodes", sandbox.folder, environment: ["RAY_device_root": root])
                #expect(program.exitCode == 0, "\(program.everything)\n\(sandbox.logs)")
                let lists = cpus.chosen.flatMap { [$0, $0] }.sorted()
                #expect(program.output.contains("narrow: \(lists)\n"), "\(program.everything)")
                #expect(program.output.contains("wide: \(cpus.all)\n"), "\(program.everything)")
            }
        }

        /// The CPUs that this process may use, as the kernel writes them, and the first and the last of them.
        private func allowedCPUs() throws -> (all: String, chosen: [String]) {
            let status = String(
                decoding: try #require(FileManager.default.contents(atPath: "/proc/self/status")), as: UTF8.self)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
            let all = line.split(separator: "\t")[1]
            let numbers = all.split { $0 == "," || $0 == "-" }.map(String.init)
            return (String(all), [try #require(numbers.first), try #require(numbers.last)])
        }

        /// A machine with GPUs as the driver shows them.
        private func machine(_ sandbox: Sandbox, _ name: String, gpus: Int, _ model: String) throws -> String {
            let root = "\(sandbox.folder)/\(name)"
            for gpu in 0..<gpus {
                try write("\(root)/dev/nvidia\(gpu)", "")
                try write(
                    "\(root)/proc/driver/nvidia/gpus/0000:0\(gpu):00.0/information",
                    "Model: \t\t \(model)\nDevice Minor: \t \(gpu)\n")
            }
            return root
        }

        private func write(_ path: String, _ text: String) throws {
            let file = URL(fileURLWithPath: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
    }
}
