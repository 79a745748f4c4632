//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
package import RayWire

/// What a store has, for who asks through the GCS.
extension ObjectStoreCore {
    /// Objects in one answer, whatever is asked for.
    private static let listedMax = 10_000

    /// The largest objects here, also those that are being written, and on disk. O(entries + objects on disk).
    package func list(_ question: ListObjects) -> ObjectsListed {
        var all: [HeldObject] = []
        for entry in entries where entry.state == .created || entry.state == .sealed {
            let place: HeldObject.Place = entry.state == .sealed ? .stored : .pending
            all.append(
                HeldObject(id: entry.id, owner: entry.owner, place: place, byteCount: entry.layout.dataSize))
        }
        for object in disk.objects.values where indexByID[object.id] == nil {
            all.append(
                HeldObject(
                    id: object.id, owner: object.owner, place: .spilled, byteCount: object.layout.dataSize))
        }
        let limit = min(max(question.limit, 0), Self.listedMax)
        let (largest, omitted) = HeldObject.largest(limit, of: all) { ($0.byteCount ?? 0, $0.id) }
        return ObjectsListed(token: question.token, objects: largest, omitted: omitted)
    }
}
