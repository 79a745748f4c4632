//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWorker
import Testing

@Suite("Promised objects") struct PromiseTests {
    private static let value = RayObject(data: [7], metadata: ObjectMetadata.raw)

    private func promise(_ harness: inout WorkerHarness) -> ObjectReference {
        ObjectReference(id: harness.core.promise(from: nil), owner: WorkerHarness.driver)
    }

    private func fulfil(
        _ reference: ObjectReference, _ outcome: Result<RayObject, RayError>, _ harness: inout WorkerHarness
    ) {
        var buffer = WorkerEffects()
        harness.core.fulfil(reference.id, outcome, into: &buffer)
        harness.effects += buffer.items
    }

    @Test("A promise is waited for until it has a value, and keeps its first one") func fulfilled() {
        var harness = WorkerHarness()
        let reference = promise(&harness)
        let get = harness.get([reference])
        #expect(harness.outcome(get) == nil)
        fulfil(reference, .success(Self.value), &harness)
        #expect(harness.outcome(get)?.first?.byte == 7)
        fulfil(reference, .failure(RayError(.systemError, "late")), &harness)
        let again = harness.get([reference])
        #expect(harness.outcome(again)?.first?.byte == 7)
    }

    @Test("An error is a value, too") func failed() {
        var harness = WorkerHarness()
        let reference = promise(&harness)
        let get = harness.get([reference])
        fulfil(reference, .failure(RayError(.taskPlacementGroupRemoved, "gone")), &harness)
        #expect(harness.outcome(get)?.first?.errorType == .taskPlacementGroupRemoved)
    }

    @Test("A task that has a promise as its argument is sent when it is kept") func argument() {
        var harness = WorkerHarness()
        let reference = promise(&harness)
        _ = harness.submit([.reference(reference)])
        #expect(harness.leaseRequests().isEmpty)
        fulfil(reference, .success(Self.value), &harness)
        #expect(harness.leaseRequests().count == 1)
    }

    @Test("A promise that nobody holds any more is forgotten") func forgotten() {
        var harness = WorkerHarness()
        let reference = promise(&harness)
        harness.release(reference.id)
        fulfil(reference, .success(Self.value), &harness)
        #expect(harness.core.reference(of: reference.id) == nil)
    }

    @Test("Without a head a promise fails at once") func noHead() {
        var harness = WorkerHarness()
        harness.step(.refused(.gcs, reason: "no"))
        let reference = promise(&harness)
        let get = harness.get([reference])
        #expect(harness.outcome(get)?.first?.errorType == .clusterUnreachable)
    }
}
