//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// GCS to drivers, workers and raylets: which objects do you hold? Answered by `ObjectsListed`.
package struct ListObjects: Hashable, Sendable, WireCodable {
    /// Given back with the answer.
    package var token: UInt64
    /// Most objects in the answer; the largest are wanted.
    package var limit: Int

    package init(token: UInt64, limit: Int) {
        self.token = token
        self.limit = limit
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(token)
        writer.write(limit)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(token: try reader.uint64(), limit: try reader.int())
    }
}

/// The answer to `ListObjects`.
package struct ObjectsListed: Hashable, Sendable, WireCodable {
    package var token: UInt64
    package var objects: [HeldObject]
    /// How many more there are.
    package var omitted: Int

    package init(token: UInt64, objects: [HeldObject], omitted: Int) {
        self.token = token
        self.objects = objects
        self.omitted = omitted
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(token)
        writer.write(list: objects)
        writer.write(omitted)
        // Beside the objects, which cannot grow: one for each, or nothing if none is recorded.
        guard objects.contains(where: { !$0.callSite.isEmpty }) else { return }
        writer.write(list: objects) { writer, object in writer.write(object.callSite) }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(token: try reader.uint64(), objects: try reader.values(), omitted: try reader.count())
        let sites = try reader.added([String]()) { (reader: inout WireReader) throws(WireError) in
            try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() }
        }
        for (index, site) in zip(objects.indices, sites) { objects[index].callSite = site }
    }
}

/// What one process holds of one object, or that a store has it.
package struct HeldObject: Hashable, Sendable, WireCodable {
    /// Where the value is, as far as the sender knows.
    package enum Place: UInt8, Hashable, Sendable, CaseIterable {
        /// Not made yet, or not asked for yet.
        case pending = 0
        /// In the sender's own memory.
        case inline = 1
        /// In the stores of nodes.
        case stored = 2
        /// It is an error.
        case failed = 3
        /// On the disk of the raylet that says so.
        case spilled = 4
    }

    package var id: ObjectID
    package var owner: WorkerID
    package var place: Place
    /// Bytes of data; nothing if not known.
    package var byteCount: Int?
    /// Where it is stored, or some of these places.
    package var nodes: [NodeID] = []
    /// Which try of its task made it, or is under way, from 0.
    package var attempt: UInt32 = 0
    /// Where its task stands; nothing for what was put and for other owners' objects.
    package var taskState: TaskState?

    // What holds it in the sender.

    /// References of the program.
    package var localReferences: UInt32 = 0
    /// Tasks under way that were submitted there and use it.
    package var taskArguments: UInt32 = 0
    /// Reads under way: of `get`, and of tasks that run there.
    package var reads: UInt32 = 0
    /// Values that contain it.
    package var containers: UInt32 = 0
    /// Results on their way to their owners that contain it.
    package var transfers: UInt32 = 0
    /// Lost values that could not be made again without it.
    package var lineage: UInt32 = 0
    /// Other processes that hold it.
    package var borrowerCount: UInt32 = 0
    /// Some of them.
    package var borrowers: [WorkerID] = []
    /// Where in the sender's program the first reference was made; empty if not recorded. It travels beside the others.
    package var callSite = ""

    /// Nodes and processes that are named for one object.
    package static let namedMax = 8

    package init(id: ObjectID, owner: WorkerID, place: Place, byteCount: Int? = nil) {
        self.id = id
        self.owner = owner
        self.place = place
        self.byteCount = byteCount
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(owner)
        writer.write(place.rawValue)
        writer.write(byteCount ?? -1)
        writer.write(list: nodes)
        writer.write(attempt)
        writer.write(taskState?.rawValue ?? 0)
        for count in [localReferences, taskArguments, reads, containers, transfers, lineage, borrowerCount] {
            writer.write(count)
        }
        writer.write(list: borrowers)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = try reader.identifier()
        owner = try reader.identifier()
        let number = try reader.uint8()
        guard let place = Place(rawValue: number) else { throw .unknownCase("HeldObject.Place", Int(number)) }
        self.place = place
        let byteCount = try reader.int()
        self.byteCount = (0...Limits.numberMax).contains(byteCount) ? byteCount : nil
        nodes = try reader.identifiers()
        attempt = try reader.uint32()
        let state = try reader.uint8()
        taskState = TaskState(rawValue: state)
        guard state == 0 || taskState != nil else { throw .unknownCase("TaskState", Int(state)) }
        localReferences = try reader.uint32()
        taskArguments = try reader.uint32()
        reads = try reader.uint32()
        containers = try reader.uint32()
        transfers = try reader.uint32()
        lineage = try reader.uint32()
        borrowerCount = try reader.uint32()
        borrowers = try reader.identifiers()
    }
}

extension HeldObject {
    /// The `limit` largest objects, ties by id, and how many others there are. O(objects).
    ///
    /// - Parameter size: by which they are compared.
    package static func largest<Item>(
        _ limit: Int, of items: some Sequence<Item>, by size: (Item) -> (bytes: Int, id: ObjectID)
    ) -> (items: [Item], omitted: Int) {
        guard limit > 0 else { return ([], items.reduce(0) { count, _ in count + 1 }) }
        func isBefore(_ first: Item, _ second: Item) -> Bool {
            let (first, second) = (size(first), size(second))
            return first.bytes == second.bytes ? first.id < second.id : first.bytes > second.bytes
        }
        var kept: [Item] = []
        var count = 0
        var last: Item?
        for item in items {
            count += 1
            if let last, !isBefore(item, last) { continue }
            kept.append(item)
            guard kept.count >= 2 * limit else { continue }
            kept.sort(by: isBefore)
            kept.removeLast(kept.count - limit)
            last = kept.last
        }
        kept.sort(by: isBefore)
        kept.removeLast(max(0, kept.count - limit))
        return (kept, count - kept.count)
    }
}
