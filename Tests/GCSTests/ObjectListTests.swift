//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite("Lists of objects") struct ObjectListTests {
    private let object = ObjectID.taskReturn(TaskID(1, .max, 0xffff_ffff | 1 << 32), index: 0)
    private let second = ObjectID.taskReturn(TaskID(2, .max, 0xffff_ffff | 1 << 32), index: 0)

    private func ask(_ harness: inout GCSHarness, _ filters: [StateFilter] = []) -> ListObjects? {
        harness.effects = []
        let query = QueryState(resource: .objects, filters: filters, limit: 10, isDetailed: true)
        harness.send(.queryState(query), requestID: 7, from: driver(1))
        for case .listObjects(let question) in harness.messages(to: driver(1)) { return question }
        return nil
    }

    private func rows(_ harness: GCSHarness) -> StateRows? {
        for case .stateRows(let rows) in harness.messages(to: driver(1)) { return rows }
        return nil
    }

    private func column(_ name: String, _ rows: StateRows?) -> [StateValue] {
        guard let rows, let index = rows.columns.firstIndex(of: name) else { return [] }
        return rows.rows.map { $0[index] }
    }

    private func held(
        _ id: ObjectID, _ owner: WorkerID, _ place: HeldObject.Place, bytes: Int? = 5, local: UInt32 = 0
    ) -> HeldObject {
        var held = HeldObject(id: id, owner: owner, place: place, byteCount: bytes)
        held.localReferences = local
        return held
    }

    private func tell(
        _ harness: inout GCSHarness, _ token: UInt64, _ objects: [HeldObject], omitted: Int = 0, from: WorkerID
    ) {
        harness.send(.objectsListed(ObjectsListed(token: token, objects: objects, omitted: omitted)), from: from)
    }

    @Test("Who holds an object and where it is are put together from processes and stores") func together() throws {
        var harness = GCSHarness.cluster()
        let token = try #require(ask(&harness)).token
        #expect(harness.sent(.listObjects(ListObjects(token: token, limit: 10_000)), to: raylet(0)))
        var known = held(object, driver(1), .stored, bytes: nil, local: 2)
        known.callSite = "a.py:f:1"
        tell(&harness, token, [known], from: driver(1))
        #expect(rows(harness) == nil, "the store has not answered")
        let stored = [held(object, driver(1), .spilled, bytes: 9), held(second, worker(5), .stored, bytes: 6)]
        tell(&harness, token, stored, from: raylet(0))
        let rows = rows(harness)
        #expect(column("object_id", rows) == [.text(object.hex), .text(second.hex)])
        #expect(column("object_size", rows) == [.int(9), .int(6)])
        #expect(column("reference_type", rows) == [.text("LOCAL_REFERENCE"), .text("UNKNOWN_STATUS")])
        #expect(column("type", rows) == [.text("DRIVER"), .text("NONE")])
        #expect(column("call_site", rows) == [.text("a.py:f:1"), .text("disabled")])
        #expect(
            column("held_by", rows) == [.text("2 references"), .text("nobody: its owner does not know it")])
        #expect(column("is_spilled", rows) == [.bool(true), .bool(false)])
        #expect(column("is_owner", rows) == [.bool(true), .bool(false)])
        #expect(rows?.matched == 2 && rows?.warnings.isEmpty == true)
    }

    @Test("Who does not answer in time is named, and what stores have of it is not said to be lost")
    func silence() throws {
        var harness = GCSHarness.cluster()
        let token = try #require(ask(&harness)).token
        let stored = [held(object, driver(1), .stored)]
        tell(&harness, token, stored, from: raylet(0))
        harness.wait(milliseconds: 1_900, reportsOf: [0])
        #expect(rows(harness) == nil)
        harness.wait(milliseconds: 200, reportsOf: [0])
        #expect(rows(harness)?.rows.isEmpty == true)
        #expect(rows(harness)?.warnings.first?.contains("driver") == true)
        // A late answer is of no use to anybody.
        harness.effects = []
        tell(&harness, token, stored, from: driver(1))
        #expect(rows(harness) == nil)
    }

    @Test("A process that dies meanwhile is not waited for; one that is not asked has no say") func death() throws {
        var harness = GCSHarness.cluster()
        harness.startJob(driver: 2)
        let token = try #require(ask(&harness)).token
        tell(&harness, token, [held(object, driver(1), .inline, local: 1)], omitted: 3, from: driver(1))
        tell(&harness, token, [held(second, driver(1), .inline, local: 1)], from: driver(1))
        tell(&harness, token, [], from: raylet(0))
        #expect(rows(harness) == nil)
        harness.give(.peerLost(driver(2), reason: "gone"))
        #expect(column("object_id", rows(harness)) == [.text(object.hex)])
        #expect(rows(harness)?.warnings.first?.hasPrefix("3 objects more") == true)
    }

    @Test("A filter that is not known is refused at once, one that is known chooses") func filters() throws {
        var harness = GCSHarness.cluster()
        #expect(ask(&harness, [StateFilter(key: "colour", isNegated: false, value: "red")]) == nil)
        #expect(rows(harness)?.error?.message.contains("Available filter keys") == true)
        let filter = StateFilter(key: "reference_type", isNegated: true, value: "local_reference")
        let token = try #require(ask(&harness, [filter])).token
        let all = [held(object, driver(1), .inline, local: 1), held(second, driver(1), .failed)]
        tell(&harness, token, all, from: driver(1))
        tell(&harness, token, [], from: raylet(0))
        #expect(column("object_id", rows(harness)) == [.text(second.hex)])
        #expect(column("where", rows(harness)) == [.text("an error")])
    }

    @Test("Only so many lists are made at a time") func many() {
        var harness = GCSHarness.cluster()
        for _ in 0..<4 { #expect(ask(&harness) != nil) }
        #expect(ask(&harness) == nil && rows(harness)?.error != nil)
        harness.wait(milliseconds: 2_100, reportsOf: [0])
        #expect(ask(&harness) != nil)
    }
}
