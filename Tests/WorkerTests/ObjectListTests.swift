//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("What a process says of the objects that it holds") struct ObjectListTests {
    private func list(_ harness: inout WorkerHarness, limit: Int = 100) -> ObjectsListed? {
        _ = harness.sent()
        harness.receive(.listObjects(ListObjects(token: 4, limit: limit)))
        for case (.objectsListed(let answer), WorkerID.gcs) in harness.sent() { return answer }
        return nil
    }

    private func held(_ harness: inout WorkerHarness, _ id: ObjectID) -> HeldObject? {
        list(&harness)?.objects.first { $0.id == id }
    }

    @Test("Each kind of reference is counted, and goes from the list with the last") func kinds() {
        var harness = WorkerHarness()
        let inner = harness.put([1, 2, 3])
        #expect(held(&harness, inner.id)?.localReferences == 1)
        #expect(held(&harness, inner.id)?.place == .inline && held(&harness, inner.id)?.byteCount == 3)
        let outer = harness.put([9], contained: [inner])
        harness.receive(.borrowObjects(BorrowObjects(objects: [inner.id])), from: WorkerHarness.other.worker)
        harness.release(inner.id)
        let result = harness.submit([.reference(inner)])
        let now = held(&harness, inner.id)
        #expect(now?.localReferences == 0 && now?.containers == 1 && now?.borrowerCount == 1)
        #expect(now?.borrowers == [WorkerHarness.other.worker] && now?.lineage == 0 && now?.transfers == 0)
        // A small value travels inside the task.
        #expect(now?.taskArguments == 0 && now?.owner == WorkerHarness.driver.worker)
        #expect(held(&harness, result.id)?.place == .pending && held(&harness, result.id)?.byteCount == nil)
        #expect(held(&harness, result.id)?.taskState == .pendingNode)
        harness.receive(.returnObjects(ReturnObjects(objects: [inner.id])), from: WorkerHarness.other.worker)
        harness.release(outer.id)
        #expect(list(&harness)?.objects.map(\.id) == [result.id])
    }

    @Test("A task that waits for an argument holds it, and a get that waits reads it") func waiting() {
        var harness = WorkerHarness()
        let first = harness.submit()
        let second = harness.submit([.reference(first)])
        _ = harness.get([second])
        #expect(held(&harness, first.id)?.taskArguments == 1)
        #expect(held(&harness, second.id)?.reads == 1)
        #expect(held(&harness, second.id)?.taskState == .pendingArguments)
    }

    @Test("Where references were made is told once that is recorded, and forgotten with them") func callSites() {
        var harness = WorkerHarness()
        let early = harness.put([1])
        harness.core.noteCallSite("nobody asked", of: early.id)
        #expect(held(&harness, early.id)?.callSite == "")
        harness.core.recordCallSites()
        let value = harness.put([2])
        harness.core.noteCallSite("a.py:1", of: value.id)
        harness.core.noteCallSite("a.py:2", of: value.id)
        harness.core.recordCallSites()
        #expect(held(&harness, value.id)?.callSite == "a.py:1" && held(&harness, early.id)?.callSite == "")
        let long = harness.put([3])
        harness.core.noteCallSite(String(repeating: "é", count: 1_000), of: long.id)
        let kept = held(&harness, long.id)?.callSite.utf8.count ?? 0
        #expect(kept > 0 && kept <= WorkerCore.callSiteBytesMax)
        harness.release(value.id)
        harness.retain(value)
        harness.core.noteCallSite("b.py:1", of: value.id)
        #expect(held(&harness, value.id)?.callSite == "b.py:1")
    }

    @Test("What only a task here uses is said to be its argument") func callSitesOfArguments() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let argument = ObjectReference(
            id: .put(.driver(job: JobID(1)), returns: 0, attempt: 0, count: 1), owner: WorkerHarness.driver)
        var spec = TaskSpec(id: TaskID(1, 2, 3), function: WorkerHarness.function, owner: WorkerHarness.driver)
        spec.arguments = [.reference(argument)]
        harness.receive(.pushTask(PushTask(lease: LeaseID(1, 1, 1, 1), spec: spec)), from: WorkerHarness.driver.worker)
        #expect(held(&harness, argument.id)?.callSite == "")
        harness.core.recordCallSites()
        #expect(held(&harness, argument.id)?.callSite == "(deserialize task arg) \(spec.displayName)")
    }

    @Test("What another owns is listed with its owner") func borrowed() {
        var harness = WorkerHarness()
        let foreign = ObjectReference(
            id: .put(.driver(job: JobID(9)), returns: 0, attempt: 0, count: 1), owner: WorkerHarness.other)
        harness.retain(foreign)
        let row = held(&harness, foreign.id)
        #expect(row?.owner == WorkerHarness.other.worker && row?.localReferences == 1 && row?.taskState == nil)
    }

    @Test("The largest are told, in an order that is always the same, and the others counted") func limited() {
        var harness = WorkerHarness()
        let references = (1...50).map { harness.put([UInt8](repeating: 0, count: $0 % 7)) }
        let answer = list(&harness, limit: 9)
        #expect(answer?.omitted == 41 && answer?.token == 4)
        let expected = references.indices.map { ($0 + 1) % 7 }.sorted(by: >)
        #expect(answer?.objects.map { $0.byteCount ?? -1 } == Array(expected.prefix(9)))
        #expect(list(&harness, limit: 9) == answer)
        #expect(list(&harness, limit: -1)?.objects.isEmpty == true)
    }
}
