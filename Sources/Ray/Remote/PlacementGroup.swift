//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWorker

extension ray {
    /// How the bundles of a placement group lie on nodes.
    public enum PlacementStrategy: String, Hashable, Sendable, CaseIterable, Codable {
        /// On as few nodes as can be.
        case pack = "PACK"
        /// On as many nodes as can be.
        case spread = "SPREAD"
        /// All on one node; waits for a node that has room for all.
        case strictPack = "STRICT_PACK"
        /// Each on a node of its own; waits for so many nodes.
        case strictSpread = "STRICT_SPREAD"
    }

    /// How long a placement group lives.
    public enum PlacementGroupLifetime: Hashable, Sendable {
        /// Until the job, or the actor, that created it ends.
        case job
        /// Until it is removed.
        case detached
    }

    /// Resources that are reserved in bundles, each on one node, for the tasks and actors that name the group.
    public struct PlacementGroup: Hashable, Sendable, Codable {
        /// Which group, as hex.
        public let id: String

        package init(_ id: PlacementGroupID) { self.id = id.hex }

        /// Waits until all bundles are reserved.
        ///
        /// - Parameter timeout: how long at most.
        /// - Throws: `ray.SystemError.getTimeout` that says why it is not ready, `.taskPlacementGroupRemoved` if it was
        ///   removed.
        public nonisolated(nonsending) func ready(timeout: Duration = .seconds(86_400)) async throws {
            let limit = Duration.seconds(86_400)
            let (seconds, attoseconds) = max(.zero, min(timeout, limit)).components
            let milliseconds = Int(seconds) * 1_000 + Int(attoseconds / 1_000_000_000_000_000)
            _ = try await ray.placementGroups(.await(try identifier(), milliseconds: milliseconds))
        }

        /// Whether all bundles are reserved in time.
        ///
        /// - Throws: `ray.SystemError.taskPlacementGroupRemoved` if it was removed.
        public nonisolated(nonsending) func wait(timeout: Duration = .seconds(30)) async throws -> Bool {
            do {
                try await ready(timeout: timeout)
                return true
            } catch SystemError.getTimeout {
                return false
            }
        }

        /// The group as the cluster sees it now.
        ///
        /// - Throws: `ray.SystemError.notFound` if the cluster does not remember it.
        public nonisolated(nonsending) func info() async throws -> PlacementGroupInfo {
            let found = try await ray.placementGroups(.find(try identifier()))
            guard let state = found.first else { throw SystemError.notFound("placement group \(id) is not known") }
            return PlacementGroupInfo(state)
        }

        func identifier() throws(RayError) -> PlacementGroupID {
            guard let identifier = PlacementGroupID(hex: id) else {
                throw RayError(.invalidArgument, "'\(id)' is no id of a placement group")
            }
            return identifier
        }
    }

    /// A row of `ray.placementGroupTable()`.
    public struct PlacementGroupInfo: Hashable, Sendable {
        /// Which group, as hex.
        public var id: String
        /// Its name; empty if it has none.
        public var name: String
        /// How its bundles lie.
        public var strategy: PlacementStrategy
        /// `PENDING`, `CREATED`, `RESCHEDULING` or `REMOVED`.
        public var state: String
        /// What each bundle reserves.
        public var bundles: [[String: Double]]
        /// The node of each bundle as hex; nil where it has none.
        public var nodes: [String?]
        /// Why it waits or was removed; empty if it is created.
        public var reason: String

        package init(_ group: PlacementGroupState) {
            id = group.spec.id.hex
            name = group.spec.name
            strategy = PlacementStrategy(rawValue: group.spec.strategy.name) ?? .pack
            state =
                switch group.phase {
                case .pending: "PENDING"
                case .created: "CREATED"
                case .removed: "REMOVED"
                case .rescheduling: "RESCHEDULING"
                }
            bundles = group.spec.bundles.map { $0.resources.dictionary }
            nodes = group.nodes.map { $0.isNone ? nil : $0.hex }
            reason = group.reason
        }
    }

    /// Reserves resources in bundles; `ready()` waits until they are there.
    ///
    /// - Parameters:
    ///   - bundles: what each bundle reserves on one node, by name: `["CPU": 1, "GPU": 0.5]`.
    ///   - strategy: how they lie on nodes.
    ///   - name: under which `getPlacementGroup` finds it in the job's namespace.
    ///   - lifetime: whether it outlives the job.
    ///   - labelSelectors: which labels the node of each bundle must have; none, or one for each bundle.
    /// - Throws: `ray.SystemError.invalidArgument` if a bundle makes no sense, `.system` if the name is taken.
    public static nonisolated(nonsending) func placementGroup(
        bundles: [[String: Double]], strategy: PlacementStrategy = .pack, name: String = "",
        lifetime: PlacementGroupLifetime = .job, labelSelectors: [[String: String]] = []
    ) async throws -> PlacementGroup {
        guard labelSelectors.isEmpty || labelSelectors.count == bundles.count else {
            throw SystemError.invalidArgument(
                "labelSelectors has \(labelSelectors.count) entries for \(bundles.count) bundles; give one for each")
        }
        let worker = try currentWorker()
        var parts: [Bundle] = []
        do throws(RayError) {
            for (index, amounts) in bundles.enumerated() {
                let labels = labelSelectors.isEmpty ? [:] : labelSelectors[index]
                parts.append(Bundle(try resources(amounts, index), labels: try LabelSelector(parsing: labels)))
            }
        } catch {
            throw ray.error(error)
        }
        var generator = SystemRandomNumberGenerator()
        let spec = PlacementGroupSpec(
            id: .random(job: worker.job, using: &generator), name: name, namespace: worker.namespace,
            strategy: RayCore.PlacementStrategy.allCases.first { $0.name == strategy.rawValue } ?? .pack,
            bundles: parts, isDetached: lifetime == .detached)
        if let flaw = spec.flaw { throw SystemError.invalidArgument(flaw) }
        _ = try await placementGroups(.create(spec))
        return PlacementGroup(spec.id)
    }

    /// Ends a placement group: its resources are free, and what runs or waits in it fails with
    /// `taskPlacementGroupRemoved` or `actorPlacementGroupRemoved`. Doing it again is harmless.
    public static nonisolated(nonsending) func removePlacementGroup(_ group: PlacementGroup) async throws {
        _ = try await placementGroups(.remove(try group.identifier()))
    }

    /// Looks a placement group up by its name.
    ///
    /// - Parameter namespace: where the name is known; the job's namespace if nil.
    /// - Throws: `ray.SystemError.notFound` if there is none.
    public static nonisolated(nonsending) func getPlacementGroup(
        named name: String, namespace: String? = nil
    ) async throws -> PlacementGroup {
        guard !name.isEmpty else { throw SystemError.invalidArgument("the name of a placement group is empty") }
        let worker = try currentWorker()
        let found = try await placementGroups(.findNamed(name, namespace: namespace ?? worker.namespace))
        guard let state = found.first else {
            throw SystemError.notFound("Failed to look up placement group with name: \(name)")
        }
        return PlacementGroup(state.spec.id)
    }

    /// All placement groups that the cluster remembers, removed ones included.
    public static nonisolated(nonsending) func placementGroupTable() async throws -> [PlacementGroupInfo] {
        try await placementGroups(.list).map { PlacementGroupInfo($0) }
    }

    /// The placement group in which this task or actor runs; nil elsewhere.
    public static var currentPlacementGroup: PlacementGroup? {
        guard case .placementGroup(let id, _, _)? = TaskContext.current?.strategy else { return nil }
        return PlacementGroup(id)
    }

    fileprivate static nonisolated(nonsending) func placementGroups(
        _ operation: PlacementGroupOperation
    ) async throws -> [PlacementGroupState] {
        let worker = try currentWorker()
        let result = await withCheckedContinuation { continuation in
            worker.placementGroups(operation) { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let groups): return groups
        case .failure(let failure): throw error(failure)
        }
    }

    private static func resources(_ amounts: [String: Double], _ index: Int) throws(RayError) -> ResourceSet {
        for (name, amount) in amounts.sorted(by: { $0.key < $1.key }) where !(amount >= 0 && amount < 9e14) {
            throw RayError(
                .invalidArgument, "bundle \(index): the amount of \(name) must be a number from 0 on, not \(amount)")
        }
        return ResourceSet(amounts.map { ($0.key, $0.value) })
    }
}
