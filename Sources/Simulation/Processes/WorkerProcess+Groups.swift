//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire
internal import RayWorker

/// What scripts do with placement groups.
extension WorkerProcess {
    /// Where a call of this frame goes: where it says, or else where its children belong.
    func strategy(of place: Operation.Place?, _ frame: Frame) -> SchedulingStrategy {
        if let place, let group = frame.groups[place.group] {
            return .placementGroup(group, bundle: place.bundle, capturesChildren: place.capturesChildren)
        }
        guard let spec = frame.spec else { return .hybrid }
        // Calls on an actor run where it was created.
        if case .actorCall = spec.kind { return actorSpec?.creation.strategy.captured ?? .hybrid }
        return spec.strategy.captured ?? .hybrid
    }

    /// Asks the head something about a group, and waits for the answer.
    func ask(_ operation: Operation, _ frame: Frame) {
        let message: Message
        switch operation {
        case .createGroup(let slot, let strategy, let cpus):
            let bundles = cpus.map { Bundle(ResourceSet([(ResourceSet.cpu, Double($0))])) }
            let spec = PlacementGroupSpec(
                id: .random(job: job, using: &cluster.generator), strategy: strategy, bundles: bundles)
            frame.groups[slot] = spec.id
            cluster.oracle.groups.wanted(spec)
            message = .createPlacementGroup(CreatePlacementGroup(spec: spec))
        case .awaitGroup(let slot, let milliseconds, _, _):
            guard let group = frame.groups[slot] else { return }
            message = .awaitPlacementGroup(AwaitPlacementGroup(group: group, milliseconds: milliseconds))
        case .inspectGroup(let slot):
            guard let group = frame.groups[slot] else { return }
            message = .queryPlacementGroups(QueryPlacementGroups(group: group, name: "", namespace: ""))
        case .removeGroup(let slot):
            guard let group = frame.groups[slot] else { return }
            message = .removePlacementGroup(RemovePlacementGroup(group: group))
            // From now on all that is in it may end with it.
            for (result, place) in frame.places where place == slot {
                guard let expected = frame.expectations[result] else { continue }
                if case .groupRemoved = expected { continue }
                frame.expectations[result] = .groupRemoved(or: expected)
            }
        default: return
        }
        frame.question = operation
        wait(frame, .answer)
        begin(frame) { core, effects in core.request(message, into: &effects) }
    }

    /// The head has answered, or will not.
    func answered(_ number: Int, _ result: Result<Message, RayError>) {
        guard let frame = frames[number], let question = frame.question else { return }
        frame.question = nil
        frame.waiting = .nothing
        let error = Self.error(in: result)
        let isRemoved = cluster.oracle.groups.isRemoved(question.group.flatMap { frame.groups[$0] })
        switch (question, error) {
        case (.createGroup(let slot, _, _), .some): frame.groups[slot] = nil
        case (.removeGroup(let slot), nil):
            if let group = frame.groups[slot] { cluster.oracle.groups.removed(group, at: cluster.now) }
        case (.awaitGroup, nil) where isRemoved: cluster.fail("\(name) hears that a removed group is ready")
        case (.awaitGroup, let error?) where isRemoved && error.type == .taskPlacementGroupRemoved: return go(number)
        case (.awaitGroup(_, _, let isCertain, let count), let error?)
        where error.type == .getTimeout && (!isCertain || cluster.killCounts.any > 0):
            cluster.note("\(name) waits no longer: \(error.message)")
            frame.next += count
            return go(number)
        default: break
        }
        if let error { failed(number, error) } else { go(number) }
    }

    private static func error(in result: Result<Message, RayError>) -> RayError? {
        switch result {
        case .failure(let error): error
        case .success(.placementGroupsFound(let found)): found.error
        case .success(.done(let done)): done.error
        case .success(let message): RayError(.systemError, "the answer is of kind \(message.kind)")
        }
    }
}
