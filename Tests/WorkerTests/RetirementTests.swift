//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

@Suite("Workers that may run a function so often") struct RetirementTests {
    private let lease = LeaseID(1, 1, 1, 1)

    private func spec(_ number: UInt64) -> TaskSpec {
        TaskSpec(
            id: TaskID(number, .max, .max), function: WorkerHarness.function,
            resources: ResourceSet([("CPU", 1)]), owner: WorkerHarness.driver)
    }

    private func push(_ spec: TaskSpec, to harness: inout WorkerHarness) {
        harness.receive(.pushTask(PushTask(lease: lease, spec: spec)), from: WorkerHarness.driver.worker)
    }

    private func retire(_ harness: inout WorkerHarness) {
        var buffer = WorkerEffects()
        harness.core.retire(into: &buffer)
        harness.effects += buffer.items
    }

    private func end(_ task: TaskID, _ harness: inout WorkerHarness, _ contained: [ObjectReference] = []) {
        let object = RayObject(data: [1], metadata: ObjectMetadata.raw, contained: contained)
        harness.step(.finished(task, .success([object])))
    }

    private func hasLeft(_ harness: WorkerHarness) -> Bool {
        harness.effects.contains { if case .leave = $0 { true } else { false } }
    }

    @Test("It hands back what it has not begun, answers what it runs, and ends") func ends() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        let specs = [spec(1), spec(2)]
        for spec in specs { push(spec, to: &harness) }
        harness.effects = []
        retire(&harness)
        let retired = Message.workerRetired(WorkerRetired(lease: lease))
        var sent = harness.sent()
        #expect(sent.map(\.0) == [retired, retired, .handBack(HandBack(lease: lease, tasks: [specs[1].id]))])
        #expect(
            sent.map(\.1) == [
                WorkerHarness.driver.worker, WorkerHarness.raylet.worker, WorkerHarness.driver.worker,
            ])
        push(specs[1], to: &harness)
        sent = harness.sent()
        #expect(sent.map(\.0).last == .handBack(HandBack(lease: lease, tasks: [specs[1].id])))
        end(specs[0].id, &harness)
        #expect(hasLeft(harness))
        #expect(harness.sent().contains { if case .taskDone = $0.0 { true } else { false } })
        harness.advance(1)
        #expect(!hasLeft(harness), "it ends once")
    }

    @Test("It stays while a task that it has submitted runs, and while others want its result") func children() {
        var harness = WorkerHarness(WorkerHarness.worker, isDriver: false)
        push(spec(1), to: &harness)
        let child = harness.submit()
        let request = harness.leaseRequests()[0]
        harness.grant(request, WorkerHarness.other)
        let pushed = harness.pushes()[0]
        retire(&harness)
        end(spec(1).id, &harness, [child])
        harness.receive(.borrowObjects(BorrowObjects(objects: [child.id])), from: WorkerHarness.driver.worker)
        harness.receive(
            .referencesTaken(ReferencesTaken(task: spec(1).id, attempt: 0)), from: WorkerHarness.driver.worker)
        harness.release(child.id)
        harness.done(pushed, from: WorkerHarness.other)
        #expect(!hasLeft(harness))
        harness.receive(.returnObjects(ReturnObjects(objects: [child.id])), from: WorkerHarness.driver.worker)
        #expect(hasLeft(harness))
    }

    @Test("Its owner pushes nothing more, and gives the lease back after the last result") func owner() {
        var harness = WorkerHarness()
        let references = (1...3).map { _ in harness.submit() }
        let lease = harness.leaseRequests()[0]
        harness.grant(lease)
        let pushed = harness.pushes()
        harness.receive(.workerRetired(WorkerRetired(lease: lease)), from: WorkerHarness.worker.worker)
        harness.receive(
            .handBack(HandBack(lease: lease, tasks: pushed[1...].map(\.id))), from: WorkerHarness.worker.worker)
        harness.effects = []
        harness.done(pushed[0])
        let sent = harness.sent()
        #expect(sent.contains { $0.0 == .returnLease(ReturnLease(lease: lease)) })
        #expect(!sent.contains { if case .pushTask = $0.0 { true } else { false } })
        #expect(harness.core.peek(references[0].id) != nil)
        harness.receive(.workerRetired(WorkerRetired(lease: lease)), from: WorkerHarness.worker.worker)
        #expect(harness.sent().isEmpty, "a repetition changes nothing")
    }
}
