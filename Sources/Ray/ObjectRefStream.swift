//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

/// The items of a remote function that returns an `AsyncStream`, as references, in order, while they are made.
///
/// Each item is an object of its own. An error that the function throws is the item after the good ones (`ray.get` of
/// it throws) and ends the stream. The stream can be read once, from one place. When its last copy goes, the task is
/// cancelled and items that were not read are freed.
public struct ObjectRefStream<Value>: AsyncSequence, Sendable {
    /// A reference to the next item.
    public typealias Element = ObjectRef<Value>

    let storage: StreamStorage

    init(storage: StreamStorage) { self.storage = storage }

    /// Ends when the function has: fails with the error that it threw.
    public var completed: ObjectRef<Void> { ObjectRef(storage: storage.completed) }

    /// Reads on where the reader before has stopped.
    public func makeAsyncIterator() -> Iterator { Iterator(storage: storage) }

    /// Waits for one item after the other.
    public struct Iterator: AsyncIteratorProtocol {
        let storage: StreamStorage

        /// Waits until the next item exists; nil when there is none.
        ///
        /// - Throws: `CancellationError` if the waiting Swift task is cancelled; the item waited for is then skipped.
        public func next() async throws -> ObjectRef<Value>? { try await storage.next().map { ObjectRef(storage: $0) } }
    }
}

/// One stream: the last copy that goes tells the worker.
final class StreamStorage: Sendable {
    /// The object of the function's end.
    let completed: ObjectRefStorage
    private let failure = OneItem()

    init(completed: ObjectRefStorage) { self.completed = completed }

    deinit { if completed.failure == nil { completed.worker?.dropStream(completed.reference.id.task) } }

    nonisolated(nonsending) func next() async throws -> ObjectRefStorage? {
        // A call that could not be submitted has one item, which says why.
        if completed.failure != nil { return failure.take() ? completed : nil }
        guard let worker = completed.worker, let reference = worker.nextItem(of: completed.reference.id.task) else {
            return nil
        }
        let storage = ObjectRefStorage(reference: reference, worker: worker)
        if worker.getNow([reference]) == nil {
            _ = try await CancellableWait<[Bool]>.run { completion in
                worker.wait(
                    [reference], count: 1, deadline: nil, from: TaskContext.current?.task, completion: completion)
            }
        }
        if case .failure(let error)? = worker.getNow([reference])?.first, error.type == .endOfStreamingGenerator {
            return nil
        }
        return storage
    }
}
