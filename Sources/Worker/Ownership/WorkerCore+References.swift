//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

/// Reference counts of this process, and what follows when the last one goes.
extension WorkerCore {
    /// Counts one more local reference; an unknown id of another owner becomes a borrowed entry.
    package mutating func retain(_ reference: ObjectReference, into effects: inout WorkerEffects) {
        if retain(reference.id, into: &effects) { return }
        enter(reference)
        _ = retain(reference.id, into: &effects)
    }

    /// Counts one more local reference of an object that is owned or borrowed here; whether it is.
    package mutating func retain(_ id: ObjectID, into effects: inout WorkerEffects) -> Bool {
        // In place, as below: an entry is large, and this is done for each reference that is made.
        guard let mustBorrow = objects.update(id, { $0.retain() }) else { return false }
        if mustBorrow { borrow(id, into: &effects) }
        return true
    }

    /// The reference of an object that is owned or borrowed here; nothing if the id is not known.
    package func reference(of id: ObjectID) -> ObjectReference? {
        objects[id].map { ObjectReference(id: id, owner: $0.owner ?? configuration.address) }
    }

    /// Gives one local reference back.
    package mutating func release(_ id: ObjectID, into effects: inout WorkerEffects) {
        if objects.update(id, { $0.release() }) == true { collect(id, into: &effects) }
    }

    /// Lets a task that this process submitted use the object.
    mutating func addTaskUse(_ reference: ObjectReference, into effects: inout WorkerEffects) {
        enter(reference)
        objects.update(reference.id) { $0.taskUses += 1 }
        borrow(reference.id, into: &effects)
    }

    mutating func removeTaskUse(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], entry.taskUses > 0 else { return }
        objects.update(id) { $0.taskUses -= 1 }
        collect(id, into: &effects)
    }

    /// Holds what a submitted task needs: its arguments, and what the values among them contain.
    mutating func holdArguments(of spec: TaskSpec, into effects: inout WorkerEffects) {
        for argument in spec.arguments {
            switch argument {
            case .reference(let reference): addTaskUse(reference, into: &effects)
            case .value(let object): for inner in object.contained { addTaskUse(inner, into: &effects) }
            }
        }
    }

    mutating func releaseArguments(of spec: TaskSpec, into effects: inout WorkerEffects) {
        for argument in spec.arguments {
            switch argument {
            case .reference(let reference): removeTaskUse(reference.id, into: &effects)
            case .value(let object): for inner in object.contained { removeTaskUse(inner.id, into: &effects) }
            }
        }
    }

    /// Lets a task that was pushed here use the object: its caller holds it meanwhile, so no owner is told.
    mutating func addArgumentUse(_ reference: ObjectReference) {
        enter(reference)
        objects.update(reference.id) { $0.argumentUses += 1 }
    }

    mutating func removeArgumentUse(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], entry.argumentUses > 0 else { return }
        objects.update(id) { $0.argumentUses -= 1 }
        collect(id, into: &effects)
    }

    mutating func pin(_ reference: ObjectReference, into effects: inout WorkerEffects) {
        enter(reference)
        objects.update(reference.id) { $0.pins += 1 }
        borrow(reference.id, into: &effects)
    }

    mutating func unpin(_ id: ObjectID, into effects: inout WorkerEffects) {
        guard let entry = objects[id], entry.pins > 0 else { return }
        objects.update(id) { $0.pins -= 1 }
        collect(id, into: &effects)
    }

    /// Makes an entry for a reference that is not known here.
    mutating func enter(_ reference: ObjectReference) {
        guard objects[reference.id] == nil else { return }
        var entry = ObjectEntry()
        if reference.owner.worker == configuration.address.worker {
            entry.value = .failed(Self.freed(reference.id))
        } else {
            entry.owner = reference.owner
        }
        objects[reference.id] = entry
    }

    /// Objects that this process knows, and what else it holds for others.
    package var heldCount: Int {
        objects.count + references.borrowers.count + references.contained.count + references.transfers.count
            + references.deferred.count + references.strays.count + lineage.records.count + handOvers.count
    }

    /// Stops the program if what is kept by peer contradicts what is kept by object.
    func checkReferences() {
        let known = objects.filter(\.value.isKnown).mapValues { $0.owner?.worker }
        precondition(known.count == references.known.values.reduce(0) { $0 + $1.count }, "a known object is not noted")
        for (owner, ids) in references.known {
            precondition(!ids.isEmpty && ids.allSatisfy { known[$0] == owner }, "an object is noted that is not known")
        }
        let count = references.borrowers.values.reduce(0) { $0 + $1.count }
        precondition(count == references.borrowedBy.values.reduce(0) { $0 + $1.count }, "a borrower is not noted")
        for (peer, ids) in references.borrowedBy {
            let areBorrowed = ids.allSatisfy { references.borrowers[$0]?.contains(peer) == true }
            precondition(!ids.isEmpty && areBorrowed, "a borrower is noted that is none")
        }
    }

    /// Whether this process still has its own object.
    package func owns(_ id: ObjectID) -> Bool { objects[id].map { $0.owner == nil } ?? false }

    static func freed(_ id: ObjectID) -> RayError {
        RayError(.objectFreed, "object \(id) is not held by its owner any more: no reference to it was left")
    }

    /// Forgets the entry if nobody needs it; an owned object's copies are freed, and what is inside it let go.
    mutating func collect(_ id: ObjectID, into effects: inout WorkerEffects) {
        var inner = discard(id, into: &effects)
        // In a loop: a chain of objects inside objects may be longer than the stack.
        while let next = inner.popLast() {
            objects.update(next) { $0.pins -= 1 }
            inner += discard(next, into: &effects)
        }
    }

    /// Forgets an unneeded entry; gives back the ids inside its value, each still pinned for it.
    private mutating func discard(_ id: ObjectID, into effects: inout WorkerEffects) -> [ObjectID] {
        guard objects[id]?.isHeld == false, let entry = objects[id] else { return [] }
        if entry.registration != .none, !giveBack(id, entry, into: &effects) { return [] }
        guard entry.argumentUses == 0, entry.waiters.isEmpty else { return [] }
        objects[id] = nil
        if callSites != nil { callSites?[id] = nil }
        if let owner = entry.owner {
            if entry.isKnown { references.forgetKnown(id, to: owner.worker) }
            return []
        }
        if let actor = id.actorOfHandle { actorUnreferenced(actor, into: &effects) }
        if case .stored(let raylets, _) = entry.value { free(id, at: raylets, into: &effects) }
        if !unreadErrors.isEmpty { tellIfUnread(id, entry.value, into: &effects) }
        if !references.strays.isEmpty, let strays = references.strays.removeValue(forKey: id) {
            freeStrays([id], at: strays, into: &effects)
        }
        let inner = references.contained.isEmpty ? [] : references.contained.removeValue(forKey: id) ?? []
        return entry.origin == .task ? inner + lineage.release(id.task) : inner
    }

    private func free(_ id: ObjectID, at raylets: [Address], into effects: inout WorkerEffects) {
        for raylet in raylets where deadNodes.isEmpty || deadNodes[raylet.node] == nil {
            effects.send(.freeObjects(FreeObjects(objects: [id])), to: raylet)
        }
    }

    /// Notes which references are inside the value of an object of this process: they live as long as it does.
    mutating func capture(_ inner: [ObjectReference], in id: ObjectID, into effects: inout WorkerEffects) {
        guard !inner.isEmpty, let entry = objects[id], entry.owner == nil else { return }
        for reference in inner { pin(reference, into: &effects) }
        let before = references.contained.updateValue(inner.map(\.id), forKey: id) ?? []
        for inner in before { unpin(inner, into: &effects) }
    }
}
