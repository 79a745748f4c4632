//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker
internal import Synchronization

extension ray._ActorCreation {
    private static let lookUpMilliseconds = 10_000

    /// The groups of the type, checked.
    func concurrencyGroups() throws(RayError) -> [ConcurrencyGroup] {
        for (name, count) in type.groups where count < 1 || name.isEmpty {
            throw RayError(
                .invalidArgument,
                "the concurrency group '\(name)' of \(type.name) must have a name and allow 1 call or more")
        }
        return type.groups.sorted { $0.key < $1.key }.map { ConcurrencyGroup(name: $0.key, callsMax: $0.value) }
    }

    /// The actor of the name, or a new one: who comes second among several creators gets the first one's.
    ///
    /// Blocks the calling thread for the answer of the head, like a `put` that waits for room.
    func getOrMake(
        _ settings: ActorOptions, _ worker: any WorkerAPI, _ make: () -> ActorHandleStorage
    ) throws(RayError) -> ActorHandleStorage {
        guard !settings.name.isEmpty else {
            throw RayError(.invalidArgument, "the actor's name must be given to use getIfExists")
        }
        if let found = try lookUp(settings, worker) { return found }
        let made = make()
        // The head takes creation and question in this order; if another's creation came first, it answers with that.
        guard let holder = try lookUp(settings, worker), holder.id != made.id else { return made }
        return holder
    }

    private func lookUp(
        _ settings: ActorOptions, _ worker: any WorkerAPI
    ) throws(RayError) -> ActorHandleStorage? {
        let box = Box()
        let space = settings.namespace.isEmpty ? worker.namespace : settings.namespace
        worker.actor(named: settings.name, namespace: space) { result in box.answer.withLock { $0 = result } }
        let deadline = worker.now().advanced(milliseconds: Self.lookUpMilliseconds)
        while worker.now() < deadline {
            if worker.poll(microseconds: 1_000, until: { box.answer.withLock { $0 != nil } }) { break }
        }
        switch box.answer.withLock({ $0 }) {
        case .success(let found)?:
            try type.check(found, name: settings.name)
            worker.retain(found.id, creator: found.creator)
            return ActorHandleStorage(id: found.id, creator: found.creator, worker: worker)
        case .failure(let error)? where error.type == .notFound: return nil
        case .failure(let error)?: throw error
        case nil:
            throw RayError(
                .clusterUnreachable,
                "the head did not say within \(Self.lookUpMilliseconds / 1000) s whether an actor "
                    + "named '\(settings.name)' exists")
        }
    }

    /// An answer that may come after nobody waits for it.
    private final class Box: Sendable {
        let answer = Mutex<Result<FoundActor, RayError>?>(nil)
    }
}

extension ray._ActorClass {
    /// Makes sure that a looked-up actor is of this type.
    func check(_ found: FoundActor, name actor: String) throws(RayError) {
        let isSame =
            found.className.isCrossLanguage
            // Its creator in Python has written as much of the name as it takes.
            ? ".\(module).\(name)".hasSuffix("." + found.className.className)
            : found.className.module == module && found.className.className == name
        guard isSame, found.className.language == .swift else {
            throw RayError(
                .invalidArgument,
                "the actor '\(actor)' is a \(found.className.module).\(found.className.className), "
                    + "not a \(module).\(name)")
        }
    }
}
