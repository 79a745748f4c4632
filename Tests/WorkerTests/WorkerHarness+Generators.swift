//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import RayWorker
import Testing

/// What happens to generators of the harness's process, and to the nodes that have their items.
extension WorkerHarness {
    /// Submits a generator; its task as it was pushed.
    mutating func pushGenerator(retries: Int = 3, backpressure: Int = 0) throws -> TaskSpec {
        var buffer = WorkerEffects()
        var call = Call(function: Self.function, retriesMax: retries)
        call.shared.value.generator = GeneratorSpec(backpressure: backpressure)
        let reference = core.submit(call, from: nil, at: now, into: &buffer)[0]
        effects += buffer.items
        release(reference.id)
        return try #require(nextPushes(&self).first)
    }

    mutating func make(_ spec: TaskSpec, _ index: UInt32, at place: Address) {
        receive(
            .generatorItem(
                GeneratorItem(
                    task: spec.id, attempt: UInt32(spec.attempt), index: index,
                    result: .stored(at: place, byteCount: 1 << 20))),
            from: Self.worker.worker)
        core.checkInvariants()
    }

    mutating func nextItem(_ task: TaskID) throws -> ObjectReference {
        var buffer = WorkerEffects()
        defer { effects += buffer.items }
        return try #require(core.nextItem(of: task, into: &buffer))
    }

    mutating func drop(_ task: TaskID) {
        var buffer = WorkerEffects()
        core.dropStream(task, at: now, into: &buffer)
        effects += buffer.items
        core.checkInvariants()
    }

    mutating func end(_ spec: TaskSpec, _ error: RayError? = nil) {
        receive(
            .taskDone(TaskDone(task: spec.id, attempt: UInt32(spec.attempt), results: [], error: error)),
            from: Self.worker.worker)
        core.checkInvariants()
    }

    mutating func die(_ place: Address) {
        receive(.nodeDied(NodeDied(node: place.node, name: "n", reason: "killed")))
        core.checkInvariants()
    }

    /// The worker of the lease that was granted last dies.
    mutating func crash() throws {
        step(.peerLost(Self.worker.worker, reason: "closed"))
        let lease = try #require(lastGranted)
        receive(.leaseLost(LeaseLost(lease: lease, error: RayError(.workerDied, "gone"))))
        core.checkInvariants()
    }
}

/// Grants what is asked for; the tasks that are pushed.
func nextPushes(_ harness: inout WorkerHarness) -> [TaskSpec] {
    var specs: [TaskSpec] = []
    for (message, _) in harness.sent() {
        if case .requestLease(let request) = message { harness.grant(request.lease) }
        if case .pushTask(let push) = message { specs.append(push.spec) }
    }
    return specs + harness.pushes()
}

/// The error in the place of an object that exists.
func failure(_ harness: inout WorkerHarness, _ reference: ObjectReference) -> RayError? {
    let token = harness.get([reference])
    guard case .failed(let error)? = harness.outcome(token)?.first else { return nil }
    return error
}

/// Whether objects are in the store of a node, as a borrower is told.
func areStored(_ harness: inout WorkerHarness, _ references: [ObjectReference], at place: Address) -> Bool {
    for reference in references {
        harness.receive(.queryObject(QueryObject(object: reference.id)), from: WorkerHarness.other.worker)
    }
    let stored = harness.sent().compactMap { message, _ -> ObjectID? in
        guard case .objectStatus(let status) = message else { return nil }
        return status.result == .stored(at: place, byteCount: 1 << 20) ? status.object : nil
    }
    return stored == references.map(\.id)
}
