//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import RayTransport
import RayWire
import RayWorker
import Synchronization
import Testing

/// The seam between the runtime and its users: `Worker` as an instance, driven from plain threads, over bytes.
@Suite("Workers as instances", .serialized) struct SeamTests {
    /// The folder of the programs built beside the tests.
    private static var products: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
    }

    private final class Results: Sendable {
        let texts = Mutex<[String]>([])
        let pending = Atomic<Int>(0)
    }

    private func call(_ function: String, _ bytes: [UInt8], retries: Int = 0) -> Call {
        Call(
            function: FunctionDescriptor(language: .cpp, module: "bytes", function: function),
            arguments: [.value(RayObject(data: bytes, metadata: ObjectMetadata.raw))], retriesMax: retries)
    }

    private func open(_ node: StartedNode) throws -> Worker {
        var options = DriverConnection.Options(headHost: node.headHost, headPort: node.headPort)
        options.token = node.token
        options.program = Program(
            hash: "", path: Self.products + "/bytesworker", byteCount: 0, arguments: [], environment: [],
            workingDirectory: "/")
        return try DriverConnection.open(options)
    }

    private func text(_ result: Result<any FetchedObject, RayError>?) -> String {
        switch result {
        case .success(let object)?: object.withBytes { String(decoding: $0.prefix(16), as: UTF8.self) }
        case .failure(let error)?: "error \(error.type) \(error.message)"
        case nil: "nothing"
        }
    }

    @Test("Two jobs in one process, driven from plain threads, each get their own results", .timeLimit(.minutes(1)))
    func twoJobs() throws {
        let starter = try RoleStarter()
        var options = NodeStartOptions()
        options.isHead = true
        options.port = 0
        options.clientPort = nil
        options.cpus = 2
        options.objectStoreMemory = 64 << 20
        options.executable = Self.products + "/bytesworker"
        options.endsWithParent = true
        options.temporaryRoot = "/tmp/seam-\(getpid())"
        options.token = .generate()
        let node = try NodeLauncher.start(options, with: starter)
        defer {
            starter.stop()
            removeTree("/tmp/seam-\(getpid())")
        }
        let workers = [try open(node), try open(node)]
        defer { for worker in workers { worker.finish() } }
        #expect(workers[0].job != workers[1].job)
        let results = Results()
        for (number, worker) in workers.enumerated() {
            results.pending.wrappingAdd(1, ordering: .sequentiallyConsistent)
            try PlainThread.start("test.driver") {
                let small = worker.submit(self.call("reverse", Array("olleh\(number)".utf8)), from: nil)
                let large = worker.submit(self.call("large", Array("x".utf8)), from: nil)
                let failed = worker.submit(self.call("nothing", []), from: nil)
                worker.get(small + large + failed, deadline: nil, from: nil) { outcomes in
                    results.texts.withLock { $0 += outcomes.map { self.text($0) } }
                    for reference in small + large + failed { worker.release(reference.id) }
                    results.pending.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                }
            }
        }
        for _ in 0..<3_000 where results.pending.load(ordering: .sequentiallyConsistent) > 0 { usleep(10_000) }
        let texts = results.texts.withLock { $0.sorted() }
        #expect(
            texts == [
                "0hello", "1hello", "error taskExecution there is no bytes.nothing",
                "error taskExecution there is no bytes.nothing", "xxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxx",
            ])
    }

    @Test(
        "Who waits when the runtime ends is told so, and who asks later; nothing keeps the runtime",
        .timeLimit(.minutes(1)))
    func endWhileWaiting() throws {
        let starter = try RoleStarter()
        var options = NodeStartOptions()
        options.isHead = true
        options.port = 0
        options.clientPort = nil
        options.objectStoreMemory = 64 << 20
        options.executable = Self.products + "/bytesworker"
        options.endsWithParent = true
        options.temporaryRoot = "/tmp/seam-end-\(getpid())"
        options.token = .generate()
        let node = try NodeLauncher.start(options, with: starter)
        defer {
            starter.stop()
            removeTree("/tmp/seam-end-\(getpid())")
        }
        let told = Mutex<[String]>([])
        weak var kept: Worker?
        do {
            let worker = try open(node)
            kept = worker
            // Nobody gives it a value.
            let never = ObjectReference(id: worker.promise(from: nil), owner: worker.address)
            // As a client's get: it keeps the runtime until it is answered.
            worker.get([never, never], deadline: nil, from: nil) { results in
                told.withLock { $0 += results.map { "get \(self.text($0)) \(worker.hasEnded)" } }
            }
            worker.wait([never], count: 1, deadline: nil, from: nil) { flags in
                told.withLock { $0.append("wait \(flags)") }
            }
            #expect(told.withLock { $0.isEmpty })
            worker.finish()
            worker.clusterView { result in
                if case .failure(let error) = result { told.withLock { $0.append("view \(error.type)") } }
            }
        }
        let ended = "get error \(RayError.runtimeEnded.type) \(RayError.runtimeEnded.message) true"
        #expect(told.withLock { $0 } == [ended, ended, "wait []", "view \(RayError.runtimeEnded.type)"])
        for _ in 0..<300 where kept != nil { usleep(10_000) }
        #expect(kept == nil)
    }

    @Test("A wrong token is refused with the place to put the right one", .timeLimit(.minutes(1)))
    func wrongToken() throws {
        let starter = try RoleStarter()
        var options = NodeStartOptions()
        options.isHead = true
        options.port = 0
        options.clientPort = 0
        options.objectStoreMemory = 64 << 20
        options.executable = Self.products + "/bytesworker"
        options.endsWithParent = true
        options.temporaryRoot = "/tmp/seam-token-\(getpid())"
        options.token = .generate()
        var node = try NodeLauncher.start(options, with: starter)
        defer {
            starter.stop()
            removeTree("/tmp/seam-token-\(getpid())")
        }
        #expect(node.clientPort != nil && node.clientPort != node.headPort)
        for token in ["", "wrong"] {
            node.token = AuthenticationToken(value: token, source: "test")
            #expect {
                _ = try open(node)
            } throws: { error in
                let error = error as? RayError
                return error?.type == .authenticationFailed && error?.message.contains("token") == true
            }
        }
    }
}
