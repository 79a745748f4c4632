//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Ray
import RayCore
import RayWorker
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct RuntimeEnvironmentTests {
    private func withWorker(_ body: (FakeWorker, String) async throws -> Void) async throws {
        let folder = "/tmp/re-\(String(UInt32.random(in: .min ... .max), radix: 36))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let worker = FakeWorker()
        let spec = TaskSpec(
            id: .driver(job: JobID(9)),
            function: FunctionDescriptor(language: .swift, module: "Tests", function: "driver"))
        try await TaskContext.$current.withValue(TaskContext(spec: spec, isSerialActor: false, worker: worker)) {
            try await body(worker, folder)
        }
    }

    private func variables(_ pairs: [String: String]) -> [RuntimeEnvironmentSpec.Variable] {
        RuntimeEnvironmentSpec(
            variables: pairs.map { RuntimeEnvironmentSpec.Variable($0.key, $0.value) }
        ).variables
    }

    private func write(_ path: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test("As in Ray: variables are merged one by one, everything else as a whole") func merging() async throws {
        try await withWorker { worker, _ async throws in
            let job = RuntimeEnvironmentSpec(
                variables: variables(["A": "1", "B": "1"]), workingDirectory: "gcs://_ray_pkg_00000000.zip")
            worker.state.withLock { $0.environment = job }
            let package = "gcs://_ray_pkg_11111111.zip"
            let task = ray.remote(square).options(runtimeEnv: .init(envVars: ["B": "2", "C": "3"]))
            _ = try await ray.get(task(1))
            _ = try await ray.get(task.options(runtimeEnv: .init(envVars: ["D": "4"], workingDir: package))(1))
            _ = try await ray.get(ray.remote(square)(1))
            let calls = worker.state.withLock { $0.calls }.map(\.shared.value.environment)
            #expect(calls[0]?.variables == variables(["A": "1", "B": "2", "C": "3"]))
            #expect(calls[0]?.workingDirectory == job.workingDirectory)
            // Later options replace earlier ones.
            #expect(calls[1]?.variables == variables(["A": "1", "B": "1", "D": "4"]))
            #expect(calls[1]?.workingDirectory == package)
            #expect(calls[2] == nil, "It inherits what its process has.")
            #expect(try ray.context.runtimeEnv.envVars == ["A": "1", "B": "1"])
        }
    }

    @Test("A folder is sent once for each content") func folders() async throws {
        try await withWorker { worker, folder async throws in
            try write(folder + "/a", "1")
            for _ in 0..<3 {
                let task = ray.remote(square).options(runtimeEnv: .init(workingDir: folder))
                _ = try await ray.get([task(1), task(2)])
            }
            #expect(worker.state.withLock { $0.blobCount } == 1)
            try write(folder + "/a", "22")
            _ = try await ray.get(ray.remote(square).options(runtimeEnv: .init(workingDir: folder))(1))
            #expect(worker.state.withLock { $0.blobCount } == 2)
            let names = worker.state.withLock { $0.calls }.map { $0.shared.value.environment?.workingDirectory }
            #expect(Set(names).count == 2 && names[0] == names[5] && names[5] != names[6])
            let hashes = worker.state.withLock { Set($0.blobs.keys) }
            #expect(Set(names) == Set(hashes.map { PackageURI(sha256: $0).description }))
        }
    }

    @Test("An executable is sent by its content and takes the place of the program") func executables() async throws {
        try await withWorker { worker, folder async throws in
            try write(folder + "/p", "#!/bin/sh\n")
            chmod(folder + "/p", 0o755)
            _ = try await ray.get(ray.remote(square).options(runtimeEnv: .init(executable: folder + "/p"))(1))
            let program = worker.state.withLock { $0.calls }.first?.shared.value.environment?.program
            #expect(program?.byteCount == 10)
            #expect(program?.path.hasSuffix("/p") == true)
            #expect(worker.state.withLock { $0.blobs[program?.hash ?? ""] } == Array("#!/bin/sh\n".utf8))
        }
    }

    @Test(
        "What cannot be is an error of the call",
        arguments: [
            (ray.RuntimeEnvironment(workingDir: "/nonexistent"), "'/nonexistent' is not a valid path"),
            (ray.RuntimeEnvironment(workingDir: "/etc/passwd"), "is no folder"),
            (ray.RuntimeEnvironment(workingDir: "s3://bucket/a.zip"), "neither a folder of this machine nor a package"),
            (ray.RuntimeEnvironment(workingDir: "gcs://_ray_pkg_../../x.zip"), "neither a folder of this machine"),
            (ray.RuntimeEnvironment(executable: "/etc/passwd"), "is no file that can be run"),
            (ray.RuntimeEnvironment(envVars: ["A=B": ""]), "is no environment variable"),
            (ray.RuntimeEnvironment(envVars: ["": "1"]), "is no environment variable"),
            (ray.RuntimeEnvironment(envVars: ["SWIFT_RAY_ROLE": "x"]), "belongs to the runtime"),
            (ray.RuntimeEnvironment(envVars: ["A": String(repeating: "x", count: 70_000)]), "into files"),
        ]) func refusals(environment: ray.RuntimeEnvironment, part: String) async throws
    {
        try await withWorker { worker, _ async throws in
            let error = await #expect(throws: ray.SystemError.self) {
                try await ray.get(ray.remote(square).options(runtimeEnv: environment)(1))
            }
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
            #expect(worker.state.withLock { $0.calls.isEmpty })
        }
    }
}
