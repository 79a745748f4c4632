//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayCore
import RayTransport
import Synchronization
import Testing

@Suite("Launcher", .timeLimit(.minutes(1)))
struct LauncherTests {
    private func run(_ launcher: Launcher, _ request: LaunchRequest) async throws -> ProcessEnd {
        let end: Result<ProcessEnd, TransportError> = await withCheckedContinuation { continuation in
            launcher.launch(
                request,
                started: { if case .failure(let error) = $0 { continuation.resume(returning: .failure(error)) } },
                ended: { continuation.resume(returning: .success($1)) })
        }
        return try end.get()
    }

    private func shell(_ script: String) -> LaunchRequest {
        LaunchRequest(path: "/bin/sh", arguments: ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"])
    }

    @Test("Exit codes and signals are told apart")
    func ends() async throws {
        let launcher = try Launcher()
        defer { launcher.stop() }
        #expect(try await run(launcher, shell("exit 7")) == .exited(code: 7))
        #expect(try await run(launcher, shell("kill -9 $$")) == .killed(signal: 9))
    }

    @Test("An executable that is not there is an error")
    func missing() async throws {
        let launcher = try Launcher()
        defer { launcher.stop() }
        let request = LaunchRequest(path: "/nowhere/ray", arguments: ["ray"], environment: [])
        await #expect(throws: TransportError.system(operation: "starting /nowhere/ray", code: ENOENT)) {
            try await run(launcher, request)
        }
    }

    @Test("A child is kept to the CPUs of its memory node; the next one is not")
    func placement() async throws {
        let launcher = try Launcher()
        defer { launcher.stop() }
        let folder = TemporaryFolder()
        var cpus = [Int32](repeating: 0, count: 1024)
        let count = ray_allowed_cpus(&cpus, Int32(cpus.count))
        let last = Int(cpus[Int(count) - 1])
        var lists: [String] = []
        for node in [nil, MemoryNode(number: 0, cpus: [last]), nil] {
            var request = shell("grep Cpus_allowed_list /proc/self/status | cut -f 2")
            request.standardOutput = .file(folder.path + "/\(lists.count)")
            request.memoryNode = node
            #expect(try await run(launcher, request) == .exited(code: 0))
            lists.append(read(folder.path + "/\(lists.count)"))
        }
        #expect(lists[1] == "\(last)\n")
        #expect(lists[0] == lists[2])
    }

    @Test("Environment, folder, output and descriptors arrive; nothing else does")
    func inheritance() async throws {
        let launcher = try Launcher()
        defer { launcher.stop() }
        let folder = TemporaryFolder()
        let log = folder.path + "/log"
        var request = shell("echo $NAME; pwd; echo five >&5; ls /proc/self/fd | wc -l")
        request.environment.append("NAME=value")
        request.directory = folder.path
        request.standardOutput = .file(log)
        let file = ray_open_log(folder.path + "/five")
        request.descriptors = [(source: file, target: 5)]
        #expect(try await run(launcher, request) == .exited(code: 0))
        ray_close(file)
        // 0, 1, 2, 5, and the one with which ls reads the folder.
        #expect(read(log) == "value\n\(folder.path)\n5\n")
        #expect(read(folder.path + "/five") == "five\n")
    }

    @Test("A child's whole group can be ended")
    func group() async throws {
        let launcher = try Launcher()
        defer { launcher.stop() }
        let end = await withCheckedContinuation { continuation in
            launcher.launch(
                shell("sleep 1000 & sleep 1000"),
                started: { if case .success(let process) = $0 { launcher.signalGroup(of: process, SIGKILL) } },
                ended: { continuation.resume(returning: $1) })
        }
        #expect(end == .killed(signal: SIGKILL))
    }

    @Test("A child sees the end of its parent's lifeline")
    func lifeline() async throws {
        let launcher = try Launcher()
        let other = try Launcher()
        defer { other.stop() }
        let folder = TemporaryFolder()
        let log = folder.path + "/log"
        var request = shell("eval \"cat <&$RAY_PARENT_DESCRIPTOR\"; echo gone")
        request.standardOutput = .file(log)
        request.isWatchingParent = true
        launcher.launch(request, started: { _ in launcher.stop() }, ended: { _, _ in })
        let watcher = shell("while ! grep -q gone \(log) 2>/dev/null; do sleep 0.01; done")
        #expect(try await run(other, watcher) == .exited(code: 0))
    }

    private func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        defer { ray_close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = ray_read_blocking(descriptor, &bytes, bytes.count)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }
}
