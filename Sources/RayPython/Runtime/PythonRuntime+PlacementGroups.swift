//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayNode
internal import RayWire
internal import RayWorker

/// Placement groups for `swift_ray/raylet/placement_groups.py`.
extension PythonRuntime {
    /// How long one question to the control store waits for a group; it is asked again.
    private static let groupWaitMilliseconds = 3_600_000

    func createGroup(_ payload: MessagePackValue) throws(RayError) -> MessagePackValue {
        let labels = payload["labels"]?.elements ?? []
        var bundles: [Bundle] = []
        for (index, amounts) in (payload["bundles"]?.elements ?? []).enumerated() {
            let selector = index < labels.count ? try LabelSelector(labels[index]) : LabelSelector()
            bundles.append(Bundle(try ResourceSet(amounts), labels: selector))
        }
        guard let strategy = PlacementStrategy.allCases.first(where: { $0.name == payload["strategy"]?.text }) else {
            throw RayError(.invalidArgument, "there is no strategy \(payload["strategy"] ?? .nil)")
        }
        var generator = SystemRandomNumberGenerator()
        let spec = PlacementGroupSpec(
            id: .random(job: worker.job, using: &generator), name: payload["name"]?.text ?? "",
            namespace: worker.namespace, strategy: strategy, bundles: bundles,
            isDetached: payload["detached"]?.isTrue ?? false,
            softTarget: payload["soft_target"]?.text.flatMap { NodeID(hex: $0) })
        if let flaw = spec.flaw { throw RayError(.invalidArgument, flaw) }
        let _: [PlacementGroupState] = try answer { self.worker.placementGroups(.create(spec), completion: $0) }
        return .bytes(spec.id.bytes)
    }

    func removeGroup(_ payload: MessagePackValue) throws(RayError) {
        let group = try payload.groupID()
        let _: [PlacementGroupState] = try answer { self.worker.placementGroups(.remove(group), completion: $0) }
    }

    /// Waits a while; fails with `getTimeout` if it is not ready then.
    func awaitGroup(_ payload: MessagePackValue) throws(RayError) {
        let question = PlacementGroupOperation.await(
            try payload.groupID(), milliseconds: payload["milliseconds"]?.integer ?? 0)
        let _: [PlacementGroupState] = try answer { self.worker.placementGroups(question, completion: $0) }
    }

    /// The id of an object that gets the value of `payload` when the group is ready, or an error if it is removed.
    func promiseGroup(_ payload: MessagePackValue) throws(RayError) -> MessagePackValue {
        let group = try payload.groupID()
        guard case .value(let object) = try argument(payload["value"] ?? .nil) else {
            throw RayError(.invalidArgument, "there is no value")
        }
        let promise = worker.promise(from: payload["task"]?.data.flatMap { TaskID($0) })
        fulfil(promise, object, whenReady: group)
        return .bytes(promise.bytes)
    }

    private func fulfil(_ promise: ObjectID, _ object: RayObject, whenReady group: PlacementGroupID) {
        let question = PlacementGroupOperation.await(group, milliseconds: Self.groupWaitMilliseconds)
        worker.placementGroups(question) { [weak self] result in
            switch result {
            case .success: self?.worker.fulfil(promise, .success(object))
            case .failure(let error) where error.type == .getTimeout:
                self?.fulfil(promise, object, whenReady: group)
            case .failure(let error): self?.worker.fulfil(promise, .failure(error))
            }
        }
    }
}

extension PlacementGroupState {
    /// The group for `GlobalStateAccessor`.
    var messagePack: MessagePackValue {
        .record([
            "group": .bytes(spec.id.bytes), "name": .string(spec.name), "namespace": .string(spec.namespace),
            "strategy": .int(Int64(spec.strategy.rawValue)), "phase": .int(Int64(phase.rawValue)),
            "bundles": .array(spec.bundles.map(\.resources.messagePack)),
            "nodes": .array(nodes.map { .bytes($0.isNone ? [] : $0.bytes) }), "detached": .bool(spec.isDetached),
            "reason": .string(reason),
        ])
    }
}

extension LabelSelector {
    /// Reads a map of keys and conditions in Ray's notation.
    init(_ value: MessagePackValue) throws(RayError) {
        var texts: [String: String] = [:]
        for pair in value.pairs ?? [] { texts[pair.key.text ?? ""] = pair.value.text ?? "" }
        try self.init(parsing: texts)
    }
}
