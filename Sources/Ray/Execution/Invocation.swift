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
        private let held = Mutex<[ObjectRefStorage]>([])

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
                return try Store.decode(Value.self, arguments[index], worker: worker)
            } catch {
                let type = index < parameterTypes.count ? parameterTypes[index] : "\(Value.self)"
                throw RayError(
                    .invalidArgument,
                    "argument \(index + 1) of \(function) is not a \(type): \(error); driver and worker executables "
                        + "may differ: build both from the same sources")
            }
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

        /// Encodes the results of a function that returns a tuple.
        public func resultTuple<each Value: Encodable>(_ values: repeat each Value) throws -> _Results {
            var objects: [RayObject] = []
            for value in repeat each values { objects.append(try encode(value, objects.count + 1)) }
            return _Results(objects: objects)
        }

        private func encode<Value: Encodable>(_ value: Value, _ number: Int) throws -> RayObject {
            do {
                var storages: [ObjectRefStorage] = []
                let object = try RayCoder.encode(value, holding: &storages)
                if !storages.isEmpty { held.withLock { $0 += storages } }
                return object
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
        // classes run on the worker's loop thread only (`LoopExecutor` has one thread); those of Swift actors
        // enter through the actor's isolation.
        /// The instance.
        package let object: AnyObject

        /// Wraps an instance.
        package init(_ object: AnyObject) { self.object = object }
    }
}
