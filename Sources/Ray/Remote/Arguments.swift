//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWorker

extension ray {
    /// An argument that is a value or a reference to one, for functions of five parameters and more.
    public enum Argument<Value: Sendable>: Sendable {
        /// The value itself.
        case value(Value)
        /// A reference; its value is put in its place before the function starts.
        case ref(ObjectRef<Value>)
    }

    /// The encoded arguments of a call; what the macros' code fills. Not for use by hand.
    public struct _Arguments {
        /// The arguments so far.
        package private(set) var list: [TaskArgument] = []
        /// The runtime that the call will go to, looked up once for all arguments.
        package let worker: Result<any WorkerAPI, RayError>
        /// The task that makes the call.
        package let caller: TaskID?
        /// The placement group that the call inherits, unless it has a place of its own.
        let captured: RayCore.SchedulingStrategy?
        /// The first argument that could not be encoded or sent.
        package private(set) var failure: RayError?
        /// Objects that must live until the call is submitted.
        private var keptAlive: [any AnyObject & Sendable] = []

        /// Room for `count` arguments.
        public init(count: Int) {
            let context = TaskContext.current
            caller = context?.task
            captured = context?.captured
            if let worker = context?.worker {
                self.worker = .success(worker)
            } else {
                worker = Result { () throws(RayError) in try Session.current.worker() }
            }
            list.reserveCapacity(count)
        }

        /// Appends a value; a large one is put into the object store.
        public mutating func append<Value: Encodable>(_ value: Value) {
            guard failure == nil else { return }
            do {
                try append(try RayCoder.encode(value, holding: &keptAlive))
            } catch {
                failure = .encoding(error, "argument \(list.count + 1) of type \(Value.self)")
            }
        }

        /// Appends an encoded value; a large one is put into the object store.
        mutating func append(_ object: RayObject) throws(RayError) {
            guard object.data.count > Limits.inlineObjectBytesMax else { return list.append(.value(object)) }
            append(try Store.put(object, worker: try worker.get()))
        }

        /// Appends an object that this process holds.
        mutating func append(_ storage: ObjectRefStorage) {
            list.append(.reference(storage.reference))
            keptAlive.append(storage)
        }

        /// There will be no call, for this reason.
        mutating func fail(_ error: RayError) { failure = failure ?? error }

        /// Appends a reference.
        public mutating func appendReference<Value>(_ reference: ObjectRef<Value>) {
            guard failure == nil else { return }
            failure = reference.storage.failure
            append(reference.storage)
        }

        /// Appends a value or a reference.
        public mutating func appendArgument<Value: Encodable>(_ argument: Argument<Value>) {
            switch argument {
            case .value(let value): append(value)
            case .ref(let reference): appendReference(reference)
            }
        }

        /// Keeps what the arguments refer to until `body` has returned.
        func whileAlive<Result>(_ body: () -> Result) -> Result {
            withExtendedLifetime(keptAlive) { body() }
        }
    }

    /// The results of a call before they have types. Not for use by hand.
    public struct _References {
        /// The references, one for each result.
        package let storages: [ObjectRefStorage]

        /// Takes over the references that a submission returned, or gives `count` references to a failure.
        package init(_ references: [ObjectReference], count: Int, worker: any WorkerAPI, caller: TaskID?) {
            var storages = references.map { ObjectRefStorage(reference: $0, worker: worker, caller: caller) }
            while storages.count < count {
                storages.append(
                    ObjectRefStorage(
                        failure: RayError(.systemError, "the runtime returned too few references for a call")))
            }
            self.storages = storages
        }

        /// References to one failure.
        package init(failure: RayError, count: Int) {
            let storage = ObjectRefStorage(failure: failure)
            storages = Array(repeating: storage, count: count)
        }

        /// The only result.
        public func one<Value>() -> ObjectRef<Value> { reference(0) }

        /// The items of a generator.
        public func stream<Value>() -> ObjectRefStream<Value> {
            ObjectRefStream(storage: StreamStorage(completed: storages[0]))
        }

        /// Result number `index`.
        public func reference<Value>(_ index: Int) -> ObjectRef<Value> { ObjectRef(storage: storages[index]) }
    }
}

extension RayError {
    /// A failure to encode or decode user data, or to store it.
    static func encoding(_ error: any Error, _ what: String) -> RayError {
        if let error = error as? RayError { return error }
        if let error = error as? ray.SystemError { return RayError(.systemError, error.message) }
        return RayError(.invalidArgument, "\(what) cannot be sent: \(error)")
    }
}
