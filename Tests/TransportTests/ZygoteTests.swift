//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Foundation
import Glibc
import RayCore
import RayTransport
import Testing

/// Python's side is the real one, `python/swift_ray/zygote.py`, with nothing to load.
@Suite("Forking", .timeLimit(.minutes(1)))
struct ZygoteTests: ~Copyable {
    private struct Forked {
        var end: ProcessEnd
        var output: String
        var process: Int32
    }

    private let folder = TemporaryFolder()

    /// The program: a zygote runs `load` and forks; then and otherwise it says who it is.
    private func request(load: String, _ variables: [String: String], directory: String? = nil) -> LaunchRequest {
        let script = """
            import os, sys, time
            from swift_ray import zygote
            is_forked = zygote.VARIABLE in os.environ
            if is_forked:
                \(load)
                zygote.serve(lambda: None)
            print(is_forked, os.environ["NAME"], os.getcwd(), os.getppid(), os.getpgrp() == os.getpid(), flush=True)
            exec(os.environ.get("CODE", ""))
            """
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
            .standardized
        let package = root.path + "/python"
        var request = LaunchRequest(
            path: "/usr/bin/env", arguments: ["env", "python3", "-c", script],
            environment: ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONPATH=\(package)"]
                + variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" },
            directory: directory ?? folder.path, isWatchingParent: true)
        request.forking = LaunchRequest.Forking(key: [load, folder.path], ownVariables: ["NAME"])
        return request
    }

    private func run(_ launcher: Launcher, _ request: LaunchRequest, killsGroup: Bool = false) async throws -> Forked {
        var request = request
        var pipe: [Int32] = [-1, -1]
        try #require(ray_pipe_create(&pipe) >= 0)
        let writing = pipe[1]
        request.standardOutput = .descriptor(writing)
        request.standardError = .descriptor(writing)
        let end: Result<(Int32, ProcessEnd), TransportError> = await withCheckedContinuation { continuation in
            launcher.launch(
                request,
                started: { result in
                    ray_close(writing)
                    switch result {
                    case .success(let process): if killsGroup { launcher.signalGroup(of: process, SIGKILL) }
                    case .failure(let error): continuation.resume(returning: .failure(error))
                    }
                },
                ended: { continuation.resume(returning: .success(($0, $1))) })
        }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = ray_read_blocking(pipe[0], &bytes, bytes.count)
        ray_close(pipe[0])
        let (process, outcome) = try end.get()
        return Forked(end: outcome, output: String(decoding: bytes[..<max(0, count)], as: UTF8.self), process: process)
    }

    @Test(
        "Forked processes have their own environment, folder, output and group, and end as children of the launcher's")
    func forks() async throws {
        let launcher = try Launcher(forks: true)
        defer { launcher.stop() }
        let load = "open('loads', 'a').write('x')"
        for number in 1...3 {
            let place = number == 2 ? "/" : folder.path
            let made = request(load: load, ["NAME": "\(number)", "CODE": "sys.exit(\(number))"], directory: place)
            let forked = try await run(launcher, made)
            #expect(forked.end == .exited(code: Int32(number)))
            #expect(forked.output == "True \(number) \(place) \(getpid()) True\n")
        }
        #expect(try await run(launcher, loads).output == "x")
    }

    @Test("A program that is loaded ahead is not loaded again, however often and by whom it is asked for")
    func ahead() async throws {
        let launcher = try Launcher(forks: true)
        defer { launcher.stop() }
        let load = "open('loads', 'a').write('x')"
        launcher.load(request(load: load, ["NAME": "nobody"]))
        let reactor = try Reactor()
        #expect(reactor.poll(microseconds: 20_000_000) { access(folder.path + "/loads", F_OK) == 0 })
        launcher.load(request(load: load, ["NAME": "nobody"]))
        let forked = try await run(launcher, request(load: load, ["NAME": "a"]))
        #expect(forked.output == "True a \(folder.path) \(getpid()) True\n")
        #expect(try await run(launcher, loads).output == "x")
    }

    /// Prints how often a zygote was started.
    private var loads: LaunchRequest {
        LaunchRequest(path: "/bin/cat", arguments: ["cat", folder.path + "/loads"], environment: [])
    }

    @Test("A forked process and what it has started are killed together")
    func group() async throws {
        let launcher = try Launcher(forks: true)
        defer { launcher.stop() }
        let made = request(load: "pass", ["NAME": "a", "CODE": "os.system('sleep 1000')"])
        #expect(try await run(launcher, made, killsGroup: true).end == .killed(signal: SIGKILL))
    }

    @Test("Where loading fails, programs are started as ever")
    func broken() async throws {
        let launcher = try Launcher(forks: true)
        defer { launcher.stop() }
        for name in ["a", "b"] {
            let forked = try await run(launcher, request(load: "sys.exit(3)", ["NAME": name]))
            #expect(forked.end == .exited(code: 0))
            #expect(forked.output.hasPrefix("False \(name)"))
        }
    }

    @Test("One that is killed is replaced, and no process is lost")
    func killed() async throws {
        let launcher = try Launcher(forks: true)
        defer { launcher.stop() }
        let load = "open('loads', 'a').write('x'); open('zygote', 'w').write(str(os.getpid()))"
        let kill = "os.kill(int(open('zygote').read()), 9)"
        for name in ["a", "b"] {
            let forked = try await run(launcher, request(load: load, ["NAME": name, "CODE": kill]))
            #expect(forked.end == .exited(code: 0))
            #expect(forked.output.contains(" \(name) "))
        }
    }

    @Test("What a zygote answers that is no process id is a failure, and what it does not answer is started as ever")
    func confused() async throws {
        let launcher = try Launcher(forks: true)
        defer { launcher.stop() }
        let answer = "s = zygote.socket.socket(fileno=3); s.sendall(bytes(4)); s.recv(9); s.sendall(bytes([255] * 4))"
        await #expect(throws: TransportError.self) {
            try await run(launcher, request(load: answer + "; time.sleep(9)", ["NAME": "a"]))
        }
        let silent = "s = zygote.socket.socket(fileno=3); s.sendall(bytes(4)); s.recv(9)"
        let forked = try await run(launcher, request(load: silent + "; sys.exit()", ["NAME": "b"]))
        #expect(forked.output.hasPrefix("False b"))
    }
}
