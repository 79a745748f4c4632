//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWorker
internal import Synchronization

extension ray {
    /// A call that a worker is running: where the macros' code gets arguments and leaves results.
    public final class _Invocation: Sendable {
        private let function: FunctionDescriptor
        private let parameterTypes: [String]
        private let arguments: [any FetchedObject]
        private let actor: Instance?
        private let worker: (any WorkerAPI)?
        /// Keeps the references inside results until the worker has these.
        private let held = Mutex<[any AnyObject & Sendable]>([])

        /// A call of `declaration`.
        package init(
            declaration: _Declaration, arguments: [any FetchedObject], actor: Instance?, worker: (any WorkerAPI)?
        ) {
            function = declaration.descriptor
            parameterTypes = declaration.parameterTypes
            self.arguments = arguments
            self.actor = actor
            self.worker = worker
        }

        /// Decodes an argument.
        public func argument<Value: Decodable>(_ index: Int) throws -> Value {
            do {
                guard index < arguments.count else { throw CodingFailure("it was not sent") }
                let object = arguments[index]
                // Small ones are not worth a look at the clock.
                guard object.byteCount > Limits.inlineObjectBytesMax, let worker else {
                    return try Store.decode(Value.self, object, worker: worker)
                }
                let (start, task) = (worker.now(), TaskContext.current?.task)
                defer { worker.traceDecoding(byteCount: object.byteCount, of: task, since: start) }
                return try Store.decode(Value.self, object, worker: worker)
            } catch {
                let type = index < parameterTypes.count ? parameterTypes[index] : "\(Value.self)"
                throw RayError(
                    .invalidArgument,
                    "argument \(index + 1) of \(function) is not a \(type): \(error); \(remedy)")
            }
        }

        /// What helps against an argument of another type than the function's: the compiler has seen to it where the
        /// caller is Swift, too.
        private var remedy: String {
            let isForeign = arguments.contains { $0.metadata == ObjectMetadata.crossLanguage }
            return isForeign
                ? "give it what its declaration in Swift wants"
                : "driver and worker executables may differ: build both from the same sources"
        }

        /// The actor whose method is called.
        public func instance<Actor: AnyObject>() throws -> Actor {
            guard let instance = actor?.object as? Actor else {
                throw RayError(.actorDied, "\(function) was called on a worker that does not hold its actor")
            }
            return instance
        }

        /// Encodes the one result.
        public func results<Value: Encodable>(_ value: Value) throws -> _Results {
            _Results(objects: [try encode(value, 1)])
        }

        /// Sends an item of a generator; suspends while the reader is too far behind.
        public func yield<Value: Encodable>(_ value: Value) async throws {
            guard let context = TaskContext.current, let worker = context.worker else {
                throw RayError(.systemError, "\(function) is a generator and runs in workers only")
            }
            var storages: [any AnyObject & Sendable] = []
            let object = try encode(value, 1, holding: &storages)
            // From `yield` on the worker holds what is inside.
            let held = storages
            let failure = await withCheckedContinuation { continuation in
                withExtendedLifetime(held) {
                    worker.yield(object, from: context.task) { continuation.resume(returning: $0) }
                }
            }
            if let failure { throw failure }
        }

        /// Encodes the results of a function that returns a tuple.
        public func resultTuple<each Value: Encodable>(_ values: repeat each Value) throws -> _Results {
            var objects: [RayObject] = []
            for value in repeat each values { objects.append(try encode(value, objects.count + 1)) }
            return _Results(objects: objects)
        }

        private func encode<Value: Encodable>(_ value: Value, _ number: Int) throws -> RayObject {
            var storages: [any AnyObject & Sendable] = []
            let object = try encode(value, number, holding: &storages)
            if !storages.isEmpty { held.withLock { $0 += storages } }
            return object
        }

        private func encode<Value: Encodable>(
            _ value: Value, _ number: Int, holding storages: inout [any AnyObject & Sendable]
        ) throws -> RayObject {
            do {
                return try RayCoder.encode(value, holding: &storages)
            } catch let error as CodingFailure {
                throw RayError(.invalidArgument, "result \(number) of \(function) cannot be sent: \(error)")
            }
        }
    }

    /// What a remote function leaves behind. Not for use by hand.
    public struct _Results: Sendable {
        /// Objects, or a new actor.
        package enum Content: Sendable {
            case objects([RayObject])
            case instance(Instance)
        }

        /// What it is.
        package let content: Content

        /// One object for each result.
        package init(objects: [RayObject]) { content = .objects(objects) }

        /// A new actor.
        public init(instance: AnyObject) { content = .instance(Instance(instance)) }

        /// Nothing.
        public static let void = _Results(objects: [RayCoder.void])
    }

    /// An actor's instance on its way from its initialiser to the executor.
    package struct Instance: @unchecked Sendable {
        // Proof: only the executor holds it, and hands it to the entries of the actor's own methods. Entries of
        // classes run on the worker's loop thread only (`LoopExecutor` has one thread), unless the class is
        // Sendable; those of Swift actors enter through the actor's isolation, or are not isolated.
        /// The instance.
        package let object: AnyObject

        /// Wraps an instance.
        package init(_ object: AnyObject) { self.object = object }
    }
}
