//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayNode
internal import RayWorker

/// A worker that knows nothing of Swift's values: its functions take and give bytes.
///
/// It stands for other languages on the same seam, and is started by the tests of `Worker`.
@main enum BytesWorker {
    static func main() {
        do throws(RayError) {
            let worker = try WorkerProcess.open(executor: BytesExecutor())
            worker.runLoop(hasPending: { false }, runPending: {})
        } catch {
            writeError("bytesworker: \(error.message)\n")
            exit(1)
        }
    }
}

/// Runs three functions over bytes: `reverse`, `fail` and `large`.
private struct BytesExecutor: TaskExecutor {
    func execute(_ task: ExecutableTask, completion: @escaping @Sendable (TaskOutcome) -> Void) {
        let input = task.arguments.first?.withBytes { Array($0) } ?? []
        switch task.spec.function.function {
        case "reverse":
            completion(.success([RayObject(data: input.reversed(), metadata: ObjectMetadata.raw)]))
        case "large":
            let bytes = [UInt8](repeating: input.first ?? 0, count: 1 << 20)
            completion(.success([RayObject(data: bytes, metadata: ObjectMetadata.raw)]))
        default:
            completion(.failure(RayError(.taskExecution, "there is no \(task.spec.function)")))
        }
    }

    func cancel(_ task: TaskID) {}
    func noteConcurrency(_ count: Int, of actor: ActorID) {}
}
