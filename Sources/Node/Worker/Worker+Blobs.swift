//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayTransport
internal import RayWire
internal import RayWorker
internal import Synchronization

/// Files for the head's archive, and the environment that this process belongs to.
extension Worker {
    private static let answerMilliseconds = 30_000

    /// Makes what this process submits inherit an environment.
    ///
    /// The head is asked for its packages, so that they stay as long as the job, however late its first task comes.
    package func adopt(_ environment: RuntimeEnvironmentSpec) {
        state.withLock { $0.core.environment = environment }
        for package in environment.packages + [environment.workingDirectory].compactMap(\.self) {
            let question = KeyValueRequest(
                operation: .exists, namespace: "", key: Array(package.utf8), value: [], overwrite: false)
            request(.keyValueRequest(question)) { _ in }
        }
    }

    package func store(
        blob hash: String, byteCount: Int, read: (_ offset: Int, _ count: Int) throws(RayError) -> [UInt8]
    ) throws(RayError) {
        // The pieces of one file come in order; another thread may be sending the same one.
        while !uploads.withLock({ $0.insert(hash).inserted }) { _ = reactor.poll(microseconds: 5_000) { false } }
        defer { uploads.withLock { _ = $0.remove(hash) } }
        try BlobUpload.run(hash, byteCount: byteCount, read: read) { (message) throws(RayError) in
            try answer(to: message)
        }
    }

    /// Asks the head and waits on this thread.
    private func answer(to message: Message) throws(RayError) -> Message {
        let answer = Answer()
        request(message) { result in answer.value.withLock { $0 = result } }
        let deadline = now().advanced(milliseconds: Self.answerMilliseconds)
        while now() < deadline {
            _ = reactor.poll(microseconds: 20_000) { answer.value.withLock { $0 != nil } }
            if let result = answer.value.withLock({ $0 }) { return try result.get() }
        }
        throw RayError(
            .clusterUnreachable, "the head did not answer within \(Self.answerMilliseconds / 1_000) s; try again")
    }

    /// May come after nobody waits for it.
    private final class Answer: Sendable {
        let value = Mutex<Result<Message, RayError>?>(nil)
    }
}
