//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What the processes and stores of the cluster have said of objects, for one who asked (`ray memory`).
///
/// Each driver and worker tells what it holds, each raylet what is in its store. An object of a store that its owner
/// does not know is a row of its own, without a holder: it should not be there.
struct ObjectCensus: Sendable {
    /// A process that holds objects.
    struct Holder: Sendable {
        var id: WorkerID
        var node: NodeID
        var host: String
        var processID: Int32
        var isDriver: Bool
    }

    /// A row: what one process holds of one object.
    struct Row: Sendable {
        var object: HeldObject
        /// Nothing if only a store has it.
        var holder: Holder?
        /// Where it lies in memory, and on disk, in stores that answered.
        var places: [Place] = []
    }

    /// A store that has an object.
    struct Place: Sendable {
        var node: NodeID
        var isSpilled: Bool
        /// Where the node is.
        var host: String
    }

    private(set) var rows: [Row] = []
    /// What stores have.
    private var stored: [ObjectID: (object: HeldObject, places: [Place])] = [:]
    /// How many objects were not told, because there are too many.
    private(set) var omitted = 0
    /// Processes of which not all is known: what stores have of theirs may well be held.
    private var partial: Set<WorkerID> = []

    /// Takes the answer of a process, or of a store if `holder` is nothing.
    mutating func add(_ answer: ObjectsListed, of holder: Holder) {
        omitted += max(0, answer.omitted)
        if answer.omitted > 0 { partial.insert(holder.id) }
        rows += answer.objects.map { Row(object: $0, holder: holder) }
    }

    /// Takes the answer of a node's store.
    mutating func add(_ answer: ObjectsListed, ofStore node: NodeID, host: String) {
        omitted += max(0, answer.omitted)
        for object in answer.objects {
            let place = Place(node: node, isSpilled: object.place == .spilled, host: host)
            stored[object.id, default: (object, [])].places.append(place)
        }
    }

    /// The rows: where objects lie is added to what is held, and what nobody holds comes last.
    ///
    /// - Parameter silent: processes that have not answered.
    mutating func finish(silent: Set<WorkerID>) -> [Row] {
        var known: Set<ObjectID> = []
        for index in rows.indices {
            let id = rows[index].object.id
            known.insert(id)
            guard let (object, places) = stored[id] else { continue }
            rows[index].places = places.sorted { $0.node < $1.node }
            if rows[index].object.byteCount == nil { rows[index].object.byteCount = object.byteCount }
        }
        for (id, (object, places)) in stored.sorted(by: { $0.key < $1.key }) where !known.contains(id) {
            guard !silent.contains(object.owner), !partial.contains(object.owner) else { continue }
            rows.append(Row(object: object, holder: nil, places: places.sorted { $0.node < $1.node }))
        }
        return rows
    }
}

extension ObjectCensus.Row {
    /// Ray's word for why the process holds the object.
    var referenceType: String {
        if object.id.actorOfHandle != nil { return "ACTOR_HANDLE" }
        if object.reads > 0 { return "PINNED_IN_MEMORY" }
        if object.taskArguments > 0 { return "USED_BY_PENDING_TASK" }
        if object.localReferences > 0 { return "LOCAL_REFERENCE" }
        if object.containers > 0 { return "CAPTURED_IN_OBJECT" }
        return "UNKNOWN_STATUS"
    }

    /// All that holds the object there, for people.
    var heldBy: String {
        guard holder != nil else { return "nobody: its owner does not know it" }
        func several(_ count: UInt32, _ one: String, _ many: String) -> String? {
            count == 0 ? nil : count == 1 ? one : "\(count) \(many)"
        }
        let parts = [
            several(object.localReferences, "1 reference", "references"),
            several(object.taskArguments, "1 task", "tasks"),
            several(object.reads, "1 read", "reads"),
            several(object.containers, "1 object that contains it", "objects that contain it"),
            several(object.borrowerCount, "1 borrower", "borrowers"),
            several(object.transfers, "1 result on its way", "results on their way"),
            several(object.lineage, "lineage", "in lineage"),
        ].compactMap(\.self)
        return parts.isEmpty ? "a message on its way" : parts.joined(separator: ", ")
    }

    /// In whose memory, or in which nodes' stores, for people.
    var whereabouts: String {
        switch object.place {
        case .pending where places.isEmpty: return holder?.id == object.owner ? "not made yet" : "with its owner"
        case .inline: return "in its owner"
        case .failed: return "an error"
        case .pending, .stored, .spilled:
            guard !places.isEmpty else {
                return object.nodes.isEmpty
                    ? "a store" : "store of " + object.nodes.map { String($0.hex.prefix(8)) }.joined(separator: ", ")
            }
            let names = places.map { place in
                "\(place.isSpilled ? "disk" : "store") of \(place.node.hex.prefix(8))"
            }
            return names.joined(separator: ", ")
        }
    }
}
