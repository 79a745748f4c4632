//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayNode
internal import RayTransport

/// What `ray.init()` does in a worker: connect, run tasks on a thread of its own, never return.
enum WorkerLife {
    static nonisolated(nonsending) func run() async -> Never {
        let executor = SwiftTaskExecutor()
        do throws(RayError) {
            let worker = try WorkerProcess.open(executor: executor)
            Session.current.install(worker)
            executor.loop.onWake { worker.wakeLoop() }
            try start(worker, executor)
        } catch {
            die(error.message)
        }
        // The main thread stays free for code that wants the main actor.
        while true { try? await Task.sleep(for: .seconds(86_400)) }
    }

    private static func start(_ worker: Worker, _ executor: SwiftTaskExecutor) throws(RayError) {
        do throws(TransportError) {
            try PlainThread.start("ray.tasks") {
                worker.runLoop(
                    hasPending: { executor.loop.hasPending }, runPending: { executor.loop.runPending() })
                WorkerProcess.leave("the loop has ended")
            }
        } catch {
            throw RayError(.systemError, "\(error)")
        }
    }

    private static func die(_ reason: String) -> Never {
        var line = "(ray) this worker cannot start: \(reason)\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
        _exit(1)
    }
}
