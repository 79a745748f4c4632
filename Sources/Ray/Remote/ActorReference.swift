//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWorker

extension ray {
    /// Which actor a handle calls, and how. Not for use by hand.
    public struct _ActorReference: Codable, Hashable, Sendable {
        /// The count of handles; nil where there is no actor.
        let storage: ActorHandleStorage?
        /// Why the actor could not be created.
        package let failure: RayError?
        /// How calls through this handle are made.
        var options = ActorCallOptions()

        /// A reference that takes over one handle.
        init(storage: ActorHandleStorage) {
            self.storage = storage
            failure = nil
        }

        /// A reference to an actor that was looked up.
        init(_ found: FoundActor, _ worker: any WorkerAPI) {
            worker.retain(found.id, creator: found.creator)
            self.init(storage: ActorHandleStorage(id: found.id, creator: found.creator, worker: worker))
        }

        /// A reference to the reason why there is no actor.
        init(failure: RayError) {
            storage = nil
            self.failure = failure
        }

        /// The actor.
        package var id: ActorID { storage?.id ?? .none }

        /// References are equal if they name one actor.
        public static func == (lhs: Self, rhs: Self) -> Bool { lhs.id == rhs.id }
        /// Hashes the actor's id.
        public func hash(into hasher: inout Hasher) { hasher.combine(id) }

        /// Encodes the actor's id; only inside values that Ray sends.
        public func encode(to encoder: any Encoder) throws {
            guard let encoder = encoder as? ValueEncoder else {
                throw CodingFailure("an actor's handle can only be encoded inside a value that Ray sends")
            }
            if let failure { throw error(failure) }
            try encoder.write(id)
            guard let storage else { return }
            encoder.buffer.shared.keepAlive.append(storage)
            // The handle is counted where it goes like a reference to an object of the actor's creator.
            let handle = ObjectReference(id: .actorHandle(storage.id), owner: storage.creator)
            if !encoder.buffer.shared.contained.contains(where: { $0.id == handle.id }) {
                encoder.buffer.shared.contained.append(handle)
            }
        }

        /// Decodes an actor's id and counts the handle.
        public init(from decoder: any Decoder) throws {
            guard let decoder = decoder as? ValueDecoder else {
                throw CodingFailure("an actor's handle can only be decoded from a value that Ray sent")
            }
            let id = try decoder.actor()
            let creator = decoder.owner(of: .actorHandle(id)) ?? .none
            let worker = decoder.worker
            worker?.retain(id, creator: creator)
            self.init(storage: ActorHandleStorage(id: id, creator: creator, worker: worker))
        }

        /// Calls a method; what goes wrong arrives as an error of its results.
        public func call(_ declaration: _Declaration, _ arguments: _Arguments) -> _References {
            do throws(RayError) {
                var call = try declaration.sharedTemplate { CallTemplate(method: declaration) }.call.get()
                call.arguments = arguments.list
                try options.apply(to: &call, of: declaration)
                return submit(call, arguments)
            } catch {
                return _References(failure: error, count: declaration.returnCount)
            }
        }

        /// Submits a call with these arguments; what goes wrong arrives as an error of its results.
        func submit(_ call: Call, _ arguments: _Arguments) -> _References {
            let count = call.shared.value.returnCount
            do throws(RayError) {
                if let failure = failure ?? arguments.failure { throw failure }
                let worker = try arguments.worker.get()
                let caller = arguments.caller
                let references = arguments.whileAlive { worker.call(id, call, from: caller) }
                return _References(references, count: count, worker: worker, caller: caller)
            } catch {
                return _References(failure: error, count: count)
            }
        }
    }
}

/// How calls through a handle are made; what is not given is the actor's.
struct ActorCallOptions: Sendable {
    var taskRetriesMax: Int?
    var retryExceptions: ray.RetryExceptions?
    var concurrencyGroup: String?
    var generatorBackpressure: Int?

    func apply(to call: inout Call, of declaration: ray._Declaration) throws(RayError) {
        if let taskRetriesMax { call.shared.value.retriesMax = taskRetriesMax }
        if let concurrencyGroup { call.shared.value.concurrencyGroup = concurrencyGroup }
        if let generatorBackpressure {
            call.shared.value.generator = try declaration.generator(backpressure: generatorBackpressure)
        }
        if let retryExceptions { call.retryExceptions = retryExceptions.rule }
    }
}

/// One handle in this process: the last copy that goes tells the worker.
final class ActorHandleStorage: Sendable {
    let id: ActorID
    /// The process that created the actor and keeps the count of its handles.
    let creator: Address
    private let worker: (any WorkerAPI)?

    /// Takes over one handle.
    init(id: ActorID, creator: Address, worker: (any WorkerAPI)?) {
        self.id = id
        self.creator = creator
        self.worker = worker
    }

    deinit { worker?.release(id) }
}

extension ray.ActorHandle {
    /// The same actor, called with other options; those not given stay as they are. They are not sent with the handle.
    ///
    /// - Parameters:
    ///   - maxTaskRetries: how often a call under way when the actor was lost is made again; -1 without limit.
    ///   - retryExceptions: which errors that a method throws use up a retry, too; none by default.
    ///   - generatorBackpressure: items that may be unread before a method waits; without limit by default.
    ///   - concurrencyGroup: the group in which the calls count, one of those that `@RemoteActor` names.
    public func options(
        maxTaskRetries: Int? = nil, retryExceptions: ray.RetryExceptions? = nil, concurrencyGroup: String? = nil,
        generatorBackpressure: Int? = nil
    ) -> Self {
        var reference = _ray
        reference.options.taskRetriesMax = maxTaskRetries ?? reference.options.taskRetriesMax
        reference.options.retryExceptions = retryExceptions ?? reference.options.retryExceptions
        reference.options.generatorBackpressure = generatorBackpressure ?? reference.options.generatorBackpressure
        if let concurrencyGroup {
            reference.options.concurrencyGroup = concurrencyGroup
            let type = RemoteType.Factory._rayClass
            if type.groups[concurrencyGroup] == nil {
                let known = type.groups.keys.sorted().joined(separator: ", ")
                return Self(
                    _ray: ray._ActorReference(
                        failure: RayError(
                            .invalidArgument,
                            "\(type.name) has no concurrency group '\(concurrencyGroup)'"
                                + (known.isEmpty ? "" : ", only \(known)") + "; name it in @RemoteActor(groups:)")))
            }
        }
        return Self(_ray: reference)
    }
}
